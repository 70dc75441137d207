package spec_test

import (
	"testing"

	"github.com/corsd/corsd/pkg/policy/spec"
)

func TestPath(t *testing.T) {
	rule := spec.Path{}.At("spec", "rules").Item(0)
	origin := rule.At("cors", "allowOrigins").Item(12)
	tests := []struct {
		path   spec.Path
		want   string
		last   string
		parent string
	}{
		{spec.Path{}, "", "", ""},
		{rule, "spec.rules[0]", "rules", "spec.rules"},
		{origin, "spec.rules[0].cors.allowOrigins[12]", "allowOrigins", "spec.rules[0].cors.allowOrigins"},
		{spec.Path{}.At("metadata", "name"), "metadata.name", "name", "metadata"},
		{spec.Path{}.At("a.b"), `["a.b"]`, "a.b", ""},
		{spec.Path{}.At("spec", "", "x"), "spec[0].x", "x", "spec[0]"},
		{origin.At("a", "b", "c"), "spec.rules[0].cors.allowOrigins[12].a", "a", "spec.rules[0].cors.allowOrigins[12]"},
	}
	for _, test := range tests {
		if got := test.path.String(); got != test.want {
			t.Errorf("path %q, want %q", got, test.want)
		}
		if got := test.path.Last(); got != test.last {
			t.Errorf("last field of %q: %q, want %q", test.want, got, test.last)
		}
		if got := test.path.Parent().String(); got != test.parent {
			t.Errorf("parent of %q: %q, want %q", test.want, got, test.parent)
		}
	}
	if rule != (spec.Path{}.At("spec").At("rules").Item(0)) || rule == rule.Parent().Item(1) {
		t.Error("equal paths differ, or different ones are equal")
	}
	if origin.Parent().Parent().Parent() != rule {
		t.Error("a path that was shortened keeps what it had")
	}
	for _, other := range []spec.Path{rule, origin, rule.At("name")} {
		if !rule.Contains(other) {
			t.Errorf("%s does not contain %s", rule, other)
		}
	}
	for _, other := range []spec.Path{{}, rule.Parent(), rule.Parent().Item(1), spec.Path{}.At("metadata")} {
		if rule.Contains(other) {
			t.Errorf("%s contains %s", rule, other)
		}
	}
}

func TestDiagnostic(t *testing.T) {
	place := spec.In(spec.KindPolicy, 1).At("spec", "hosts").Item(0)
	position := spec.Position{File: "a b\n.yaml", Line: 3, Column: 7}
	tests := []struct {
		name       string
		diagnostic spec.Diagnostic
		want       string
	}{
		{"no location", spec.Diagnostic{Code: "c", Message: "m"}, "m (c)"},
		{"a place", spec.Diagnostic{Code: "c", Message: "m", Value: "v", Location: spec.Location{Place: place}}, `CORSPolicy[1] spec.hosts[0]: "v" m (c)`},
		{
			"a position, a hint and a related place",
			spec.Diagnostic{Code: "c", Message: "m\x1b", Hint: "h", Location: spec.Location{Place: place, Position: position}, Related: &spec.Location{Place: place}},
			`"a b\n.yaml":3:7: spec.hosts[0]: m\x1b, see CORSPolicy[1] spec.hosts[0] (c); hint: h`,
		},
		{"a file as a whole", spec.Diagnostic{Code: "c", Message: "m", Location: spec.Location{Position: spec.Position{File: "p.yaml"}}}, "p.yaml: m (c)"},
	}
	for _, test := range tests {
		if got := test.diagnostic.String(); got != test.want {
			t.Errorf("%s: %s\nwant %s", test.name, got, test.want)
		}
	}
	if got, want := tests[2].diagnostic.Warning(), `"a b\n.yaml":3:7: warning: spec.hosts[0]: m\x1b, see CORSPolicy[1] spec.hosts[0] (c); hint: h`; got != want {
		t.Errorf("warning: %s\nwant %s", got, want)
	}
}
