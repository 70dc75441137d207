package plan_test

import (
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestFamilies is about the names that a list with families allows, lists itself, and has in a family.
func TestFamilies(t *testing.T) {
	cors := &spec.CORS{AllowHeaders: []string{"X-Amz-*", "x-amz-date", "Auth*", "Sec-*", "X-AMZ-*"}, ExposeHeaders: []string{"X-*", "ETag"}}
	star := &spec.CORS{AllowHeaders: []string{"*", "Sec-*"}}
	p := resolve(t, layered(spec.Rule{}, spec.Rule{CORS: cors}, spec.Rule{CORS: star, Match: get("/a").Match})).Policies[0]
	own, any := p.Own.Settings.Headers, p.Rules[0].Settings.Headers
	for _, tt := range []struct {
		name                     string
		allowed, listed, covered bool // by the list with families; by itself; by "*" and a family
	}{
		{"x-amz-date", true, true, true},
		{"X-AMZ-DATE", true, true, true},
		{"x-amz-security-token", true, false, true},
		{"X-AmZ-", true, false, true},
		{"x-amz", false, false, true},
		{"x-amz-*", true, false, true},
		{"authority", true, false, true},
		{"auth", true, false, true},
		{"authorization", false, false, false},
		{"AUTHORIZATION", false, false, false},
		{"sec-fetch-site", true, false, true},
		{"proxy-a", false, false, false},
		{"cookie", false, false, false},
		{"*", false, false, false},
		{strings.Repeat("x", 300), false, false, true},
		{"x-amz-" + strings.Repeat("x", 300), true, false, true},
	} {
		if allowed, listed, covered := own.AllowsHeader(tt.name), own.Lists(tt.name), any.AllowsHeader(tt.name); allowed != tt.allowed || listed != tt.listed || covered != tt.covered {
			t.Errorf("%s: allowed %t, listed %t, covered by * %t", tt.name, allowed, listed, covered)
		}
	}
	if got := string(own.Joined); got != "x-amz-date" {
		t.Errorf("a header has %q, want the list without its families", got)
	}
	if got := own.String(); got != "X-Amz-*, x-amz-date, Auth*, Sec-*" {
		t.Errorf("explain has %q", got)
	}
	if expose := p.Own.Settings.Expose; string(expose.Joined) != "ETag" || !expose.InFamily("x-b") || expose.InFamily("etag") {
		t.Errorf("exposed: %+v", expose)
	}
}

func TestFamilyPrefix(t *testing.T) {
	for name, want := range map[string]string{"X-Amz-*": "X-Amz-", "a*": "a", "*": "", "**": "", "a**": "", "a": "", "*a": "", "a*b": "", "": ""} {
		if prefix, ok := plan.FamilyPrefix(name); ok != (want != "") || ok && prefix != want {
			t.Errorf("%q: %q, %t", name, prefix, ok)
		}
	}
}
