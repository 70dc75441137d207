package policy_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestPlaces has where the documents decide, for each kind of entry and each layer.
func TestPlaces(t *testing.T) {
	cfg := with(one("a", spec.PolicySpec{Hosts: []string{"other.example"}}), "b", spec.PolicySpec{
		Hosts: []string{host},
		CORS: &spec.CORS{
			AllowOrigins: []string{"https://x.example", shop}, AllowOriginRegexes: []string{`https://[a-z]{3}\.re\.example`},
			AllowOriginSets: []string{"partners"}, AllowNullOrigin: new(true),
		},
		Rules: []spec.Rule{
			{Name: "sets", Match: below("/sets"), CORS: &spec.CORS{AllowOriginSets: []string{"partners"}, AllowMethods: []string{"PUT"}}},
			{Name: "regex", Match: below("/regex"), CORS: &spec.CORS{AllowOriginRegexes: []string{`https://[a-z]{3}\.re\.example`}}},
			{Name: "null", Match: below("/null"), CORS: &spec.CORS{AllowNullOrigin: new(true)}},
			{Name: "off", Match: below("/off"), Enforcement: new(spec.EnforcementDisabled)},
		},
	})
	cfg.OriginSets = []spec.OriginSet{{Name: "unused"}, {Name: "partners", Spec: spec.OriginSetSpec{Origins: []string{"https://p.example", "https://q.example"}}}}
	cfg.Defaults = []spec.Defaults{{Name: "default", Spec: spec.DefaultsSpec{CORS: &spec.CORS{AllowMethods: []string{"DELETE"}}}}}
	e := compiled(t, cfg)
	const own, rule = "CORSPolicy[1] spec.cors", "CORSPolicy[1] spec.rules"
	tests := []struct {
		name                       string
		request                    request
		rule, origin, refusing     string
		allowOrigins, allowMethods string
	}{
		{"an entry", get("/").from(shop), own, own + ".allowOrigins[1]", "", own + ".allowOrigins", "CORSDefaults[0] spec.cors.allowMethods"},
		{"an expression", get("/").from("https://abc.re.example"), own, own + ".allowOriginRegexes[0]", "", own + ".allowOrigins", "CORSDefaults[0] spec.cors.allowMethods"},
		{"an entry of a set", get("/").from("https://q.example"), own, "OriginSet[1] spec.origins[1]", "", own + ".allowOrigins", "CORSDefaults[0] spec.cors.allowMethods"},
		{"null", get("/").from("null"), own, own + ".allowNullOrigin", "", own + ".allowOrigins", "CORSDefaults[0] spec.cors.allowMethods"},
		{"nobody", get("/").from(evil), own, "", "allowOrigins " + own + ".allowOrigins", own + ".allowOrigins", "CORSDefaults[0] spec.cors.allowMethods"},
		{"a rule with sets", get("/sets").from(evil), rule + "[0]", "", "allowOrigins " + rule + "[0].cors.allowOriginSets", rule + "[0].cors.allowOriginSets", rule + "[0].cors.allowMethods"},
		{"a rule with an expression", get("/regex").from(evil), rule + "[1]", "", "allowOrigins " + rule + "[1].cors.allowOriginRegexes", rule + "[1].cors.allowOriginRegexes", "CORSDefaults[0] spec.cors.allowMethods"},
		{"a rule with null", get("/null").from(evil), rule + "[2]", "", "allowOrigins " + rule + "[2].cors.allowNullOrigin", rule + "[2].cors.allowNullOrigin", "CORSDefaults[0] spec.cors.allowMethods"},
		{"a method", preflight("PATCH", "/"), own, own + ".allowOrigins[1]", "allowMethods CORSDefaults[0] spec.cors.allowMethods", own + ".allowOrigins", "CORSDefaults[0] spec.cors.allowMethods"},
		{"a header that no document lists", preflight("GET", "/").headers("x-a"), own, own + ".allowOrigins[1]", "allowHeaders ", own + ".allowOrigins", "CORSDefaults[0] spec.cors.allowMethods"},
		{"what is disabled", get("/off").from(shop), rule + "[3]", own + ".allowOrigins[1]", "enforcement " + rule + "[3].enforcement", own + ".allowOrigins", "CORSDefaults[0] spec.cors.allowMethods"},
		{"no policy", get("/").at("unknown.example").from(shop), "", "", "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := e.Explain(&test.request.Request)
			where := func(p spec.Place) string { return spec.Location{Place: p}.String() }
			setting := map[string]string{}
			for _, s := range d.Settings {
				setting[s.Name] = where(s.Place)
			}
			refusing := ""
			if d.Places.Refusing != "" {
				refusing = fmt.Sprintf("%s %s", d.Places.Refusing, where(d.Places.RefusingPlace))
			}
			got := []string{where(d.Places.Rule), where(d.Places.Origin), refusing, setting["allowOrigins"], setting["allowMethods"]}
			want := []string{test.rule, test.origin, test.refusing, test.allowOrigins, test.allowMethods}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rule, origin, refusing, allowOrigins, allowMethods (-want +got):\n%s", diff)
			}
			if hosts := where(d.Places.Hosts); hosts != "CORSPolicy[1] spec.hosts" && test.name != "no policy" || test.name == "no policy" && hosts != "" {
				t.Errorf("hosts %s", hosts)
			}
		})
	}
}

// TestPlacesOfNoRule: if no rule was chosen, a setting has the place in the rule that it was taken from.
func TestPlacesOfNoRule(t *testing.T) {
	e := compiled(t, one("a", spec.PolicySpec{
		Hosts: []string{host}, UpstreamHeaders: new(spec.UpstreamMerge),
		Rules: []spec.Rule{
			{Name: "plain", Match: below("/plain"), CORS: allowing(shop)},
			{Name: "admin", Match: below("/admin"), CORS: allowing(shop), Enforcement: new(spec.EnforcementBlock)},
		},
	}))
	r := get("/a;b")
	got := map[string]spec.Place{}
	for _, s := range e.Explain(&r.Request).Settings {
		got[s.Name] = s.Place
	}
	want := spec.In(spec.KindPolicy, 0).At("spec", "rules").Item(1).At("enforcement")
	if got["enforcement"] != want || got["upstreamHeaders"] != spec.In(spec.KindPolicy, 0).At("spec", "upstreamHeaders") ||
		got["preflight.mode"] != (spec.Place{}) {
		t.Errorf("places %v", got)
	}
}

func below(path string) *spec.Match { return &spec.Match{Path: &spec.PathMatch{Value: path}} }
