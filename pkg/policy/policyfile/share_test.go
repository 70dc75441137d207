package policyfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// withRules is a policy whose rules have these values of cors.
func withRules(cors ...string) string {
	var b strings.Builder
	b.WriteString("apiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nmetadata: {name: shop}\n")
	b.WriteString("spec:\n  hosts: [a.example]\n  rules:\n")
	for i, c := range cors {
		fmt.Fprintf(&b, "  - {name: r%d, match: {path: {value: /%d}}, cors: %s}\n", i, i, c)
	}
	return b.String()
}

// TestEqualValuesAreShared: equal settings are one value, others are not.
func TestEqualValuesAreShared(t *testing.T) {
	const one = "{allowOrigins: [https://a.example], maxAge: 1}"
	for _, row := range []struct {
		name   string
		a, b   string
		shared bool
	}{
		{"equal settings", one, one, true},
		{"equal settings in another style", one, `{"allowOrigins": ["https://a.example"], 'maxAge': 1}`, true},
		{"another number", one, strings.Replace(one, "1}", "2}", 1), false},
		{"another length of a list", "{allowMethods: [GET], allowHeaders: [A]}", "{allowMethods: [GET, A], allowHeaders: []}", false},
		{"a list of one for two", "{allowHeaders: [A, B]}", `{allowHeaders: ["A, B"]}`, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := Parse("a.yaml", []byte(withRules(row.a, row.b)))
			if faults, _ := files.Locate(nil, nil); len(faults) > 0 {
				t.Fatal(faults)
			}
			rules := files.Config.Policies[0].Spec.Rules
			if got := rules[0].CORS == rules[1].CORS; got != row.shared {
				t.Errorf("shared: %v, want %v", got, row.shared)
			}
			if rules[0].Match == rules[1].Match {
				t.Error("the rules have one match")
			}
		})
	}
}

// TestEqualFaults: values with faults are not shared, so that each fault has its own position.
func TestEqualFaults(t *testing.T) {
	const wrong = "{maxAge: soon, nosuch: 1}"
	files := Parse("a.yaml", []byte(withRules(wrong, wrong)))
	faults, _ := files.Locate(nil, nil)
	var lines []string
	for _, f := range faults {
		lines = append(lines, fmt.Sprintf("%d %s", f.Position.Line, f.Code))
	}
	want := []string{
		"7 " + string(spec.CodeValueInvalid), "7 " + string(spec.CodeUnknownField),
		"8 " + string(spec.CodeValueInvalid), "8 " + string(spec.CodeUnknownField),
	}
	if strings.Join(lines, ", ") != strings.Join(want, ", ") {
		t.Errorf("faults %v, want %v", lines, want)
	}
}

// TestSharingIsBounded: neither many values nor a large one are kept.
func TestSharingIsBounded(t *testing.T) {
	r := newReader(defaultLimits())
	var cors []string
	for i := range maxShared + 1 {
		cors = append(cors, fmt.Sprintf("{maxAge: %d}", i))
	}
	cors[0] = "{allowHeaders: [" + strings.Repeat("X, ", maxSharedKey) + "X]}"
	r.read(&source{name: "a.yaml", data: []byte(withRules(cors...))})
	if n := len(r.shared.values); n != maxShared {
		t.Errorf("%d values are kept, want %d", n, maxShared)
	}
	for key := range r.shared.values {
		if len(key) > maxSharedKey {
			t.Errorf("a key of %d bytes is kept", len(key))
		}
	}
}
