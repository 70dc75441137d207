package match

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// TestPatterns compares a set of patterns with its patterns, one by one.
func TestPatterns(t *testing.T) {
	texts := []string{
		"https://a.example", "https://a.example:8443", "http://a.example", "https://*.a.example", "https://*.example:*", "http://*", "https://*:9",
		"http://localhost:*", "app://a", "https://{t}.a.example", "https://{u}.a.example:*", "https://a.example:*", "https://*.b.a.example:8443", "https://[::1]:*",
	}
	origins := []string{
		"https://a.example", "https://a.example:443", "https://a.example:8443", "https://a.example:9", "http://a.example", "http://a.example:80", "http://a.example:81",
		"https://x.a.example", "https://x.a.example:8443", "https://y.b.a.example:8443", "https://t.a.example:1", "https://x.example", "https://example", "https://a.example.",
		"http://localhost", "http://localhost:1", "app://a", "app://a:80", "https://[::1]", "https://[::1]:1", "https://other", "https://other:9",
	}
	rapid.Check(t, func(t *rapid.T) {
		var p patterns
		other, set := p.new(), p.new()
		keep := func(s string) string { return s }
		chosen := rapid.SliceOfN(rapid.SampledFrom(texts), 0, 5).Draw(t, "patterns")
		var list []origin.Pattern
		for _, text := range chosen {
			from, _, fault := origin.ParsePattern(text)
			if fault != nil {
				t.Fatal(fault)
			}
			p.add(set, from, keep)
			list = append(list, from)
		}
		tenant := origin.Tenant{Name: rapid.SampledFrom([]string{"", "t", "u"}).Draw(t, "name")}
		if tenant.Name != "" {
			tenant.Label = []byte(rapid.SampledFrom([]string{"x", "t", "y"}).Draw(t, "label"))
		}
		if len(chosen) > 0 { // what another set matches makes no difference
			from, _, _ := origin.ParsePattern(rapid.SampledFrom(texts).Draw(t, "of another set"))
			p.add(other, from, keep)
		}
		for _, text := range origins {
			o := parseOrigin(t, text)
			want := false
			for _, from := range list {
				want = want || from.Matches(o, tenant)
			}
			if got := p.match(set, o, tenant); got != want {
				t.Errorf("%q with %s=%s: the set %q matches it: %t", text, tenant.Name, tenant.Label, chosen, got)
			}
		}
	})
}

var noTenant = origin.Tenant{}

func parseOrigin(t interface{ Fatal(...any) }, text string) origin.Origin {
	o, ok := origin.Parse(text)
	if !ok {
		t.Fatal(text)
	}
	return o
}
