package plan_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// shopIn is a policy of a namespace whose cors, and whose rule's cors, use a set.
func shopIn(namespace, ofPolicy, ofRule string) spec.Policy {
	return spec.Policy{Namespace: namespace, Name: "shop", Spec: spec.PolicySpec{
		Hosts: []string{"api.example"}, CORS: &spec.CORS{AllowOriginSets: []string{ofPolicy}},
		Rules: []spec.Rule{{Name: "r", Match: get("/a").Match, CORS: &spec.CORS{AllowOriginSets: []string{ofRule}}}},
	}}
}

func setIn(namespace, name string) spec.OriginSet {
	return spec.OriginSet{Namespace: namespace, Name: name, Spec: spec.OriginSetSpec{Origins: []string{"https://a.example"}}}
}

// TestReferences is about the set that a name leads to.
func TestReferences(t *testing.T) {
	sets := []spec.OriginSet{setIn("", "partners"), setIn("", "shared"), setIn("eu", "partners"), setIn("us", "partners"), setIn("us", "own")}
	for _, tt := range []struct{ name, namespace, set, want string }{
		{"the namespace's own set comes first", "eu", "partners", "eu/partners"},
		{"each namespace has its own", "us", "partners", "us/partners"},
		{"a document without a namespace uses those without one", "", "partners", "partners"},
		{"a set without a namespace is everyone's", "eu", "shared", "shared"},
		{"a namespace can be written", "eu", "us/own", "us/own"},
		{"also by a document without one", "", "eu/partners", "eu/partners"},
		{"a set of another namespace is not found by its name alone", "eu", "own", ""},
		{"nor by a document without a namespace", "", "own", ""},
		{"a namespace that is written is the only one", "eu", "eu/shared", ""},
		{"names are compared byte for byte", "eu", "Partners", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := spec.Config{OriginSets: sets, Policies: []spec.Policy{shopIn(tt.namespace, tt.set, tt.set)}}
			p, report := plan.Resolve(cfg, plan.Options{})
			for _, e := range []*plan.Entry{p.Policies[0].Own, p.Policies[0].Rules[0]} {
				got := ""
				for _, set := range e.Origins.Sets {
					got = set.Name
				}
				if got != tt.want {
					t.Errorf("%s uses the set %q, want %q", e, got, tt.want)
				}
			}
			if report.HasFaults() != (tt.want == "") {
				t.Errorf("faults: %v", report.Faults())
			}
			for _, set := range p.Sets {
				if set.Used != (set.Name == tt.want) {
					t.Errorf("set %s: used: %t", set.Name, set.Used)
				}
			}
		})
	}
}

// lines writes diagnostics as "code place value (and other place)".
func lines(list []spec.Diagnostic) []string {
	var out []string
	for _, d := range list {
		line := strings.TrimSpace(string(d.Code) + " " + d.Location.String() + " " + d.Value)
		if d.Related != nil {
			line += " (and " + d.Related.String() + ")"
		}
		out = append(out, line)
	}
	return out
}

// TestPlaces is about where faults are in documents with namespaces and in several layers.
func TestPlaces(t *testing.T) {
	bad := func(method string) *spec.CORS { return &spec.CORS{AllowMethods: []string{"GET", method}} }
	for _, tt := range []struct {
		name string
		cfg  spec.Config
		want []string
	}{
		{
			"one name in two namespaces is no fault",
			spec.Config{Policies: []spec.Policy{shopIn("a", "s", "s"), withHost(shopIn("b", "s", "s"), "b.example")}, OriginSets: []spec.OriginSet{setIn("", "s")}},
			nil,
		},
		{
			"two documents of one name in a namespace",
			spec.Config{Policies: []spec.Policy{shopIn("a", "s", "s"), withHost(shopIn("a", "s", "s"), "b.example")}, OriginSets: []spec.OriginSet{setIn("a", "s"), setIn("a", "s")}},
			[]string{
				"duplicate_name CORSPolicy[1] metadata.name a/shop (and CORSPolicy[0] metadata.name)",
				"duplicate_name OriginSet[1] metadata.name a/s (and OriginSet[0] metadata.name)",
			},
		},
		{
			"a namespace that is not a name",
			spec.Config{Policies: []spec.Policy{shopIn("a/b", "s", "s")}, OriginSets: []spec.OriginSet{setIn("a#b", "s"), setIn("", "s")}},
			[]string{"value_invalid CORSPolicy[0] metadata.namespace a/b", "value_invalid OriginSet[0] metadata.namespace a#b"},
		},
		{
			"a reference that leads nowhere, in a policy and its rule",
			spec.Config{Policies: []spec.Policy{shopIn("a", "x", "y")}},
			[]string{
				"unknown_reference CORSPolicy[0] spec.cors.allowOriginSets[0] x",
				"unknown_reference CORSPolicy[0] spec.rules[0].cors.allowOriginSets[0] y",
			},
		},
		{
			"a fault of a layer is reported where it is, once, though rules inherit it",
			layered(spec.Rule{CORS: bad("x y")}, spec.Rule{CORS: bad("a b")}, get("/a"), rule(spec.PathExact, "/b")),
			[]string{
				"method_invalid CORSDefaults[0] spec.cors.allowMethods[1] x y",
				"method_invalid CORSPolicy[0] spec.cors.allowMethods[1] a b",
			},
		},
		{
			"a conflict has the places of both rules",
			layered(spec.Rule{}, spec.Rule{}, rule(spec.PathPrefix, "/a", "PUT"), get("/a/"), rule(spec.PathPrefix, "/a", "PATCH", "get")),
			[]string{"conflict CORSPolicy[0] spec.rules[2].match /a (and CORSPolicy[0] spec.rules[1].match)"},
		},
		{
			"a rule without a match has the place of the rule",
			layered(spec.Rule{}, spec.Rule{}, spec.Rule{Name: "a"}, spec.Rule{Name: "b"}),
			[]string{"conflict CORSPolicy[0] spec.rules[1] / (and CORSPolicy[0] spec.rules[0])"},
		},
		{
			"two policies with a cors for one host",
			spec.Config{Policies: []spec.Policy{shopIn("b", "s", "s"), withPath(shopIn("a", "s", "s"), "/c")}, OriginSets: []spec.OriginSet{setIn("", "s")}},
			[]string{"conflict CORSPolicy[0] spec.cors (and CORSPolicy[1] spec.cors)"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, report := plan.Resolve(tt.cfg, plan.Options{})
			if diff := cmp.Diff(tt.want, lines(report.Faults())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func withHost(p spec.Policy, host string) spec.Policy {
	p.Spec.Hosts = []string{host}
	return p
}

func withPath(p spec.Policy, path string) spec.Policy {
	p.Spec.Rules[0].Match = get(path).Match
	return p
}

// TestLayerPlaces is about the places that checks of a plan report: those of the layer that sets
// the field, not those of the rule that inherits it.
func TestLayerPlaces(t *testing.T) {
	e := resolve(t, layered(
		spec.Rule{CORS: &spec.CORS{AllowHeaders: []string{"X-A", "*"}}},
		spec.Rule{CORS: &spec.CORS{AllowOrigins: []string{"https://a.example"}, ExposeHeaders: []string{"*"}}},
		get("/a"), spec.Rule{CORS: &spec.CORS{AllowNullOrigin: new(true)}},
	)).Policies[0].Rules
	for _, tt := range []struct {
		name string
		got  spec.Place
		want string
	}{
		{"an element of a list of CORSDefaults", e[0].ListPlace(e[0].Settings.From.Headers, "allowHeaders", "*"), "CORSDefaults[0] spec.cors.allowHeaders[1]"},
		{"one of the policy", e[0].ListPlace(e[0].Settings.From.Expose, "exposeHeaders", "*"), "CORSPolicy[0] spec.cors.exposeHeaders[0]"},
		{"the list itself for a name that it does not have", e[0].ListPlace(plan.LayerPolicy, "exposeHeaders", "X-B"), "CORSPolicy[0] spec.cors.exposeHeaders"},
		{"inherited origins", e[0].Origins.Place("allowOrigins").Item(0), "CORSPolicy[0] spec.cors.allowOrigins[0]"},
		{"origins of the rule", e[1].Origins.Place("allowNullOrigin"), "CORSPolicy[0] spec.rules[1].cors.allowNullOrigin"},
		{"a layer of the rule", e[1].LayerPlace(plan.LayerRule, "cors"), "CORSPolicy[0] spec.rules[1].cors"},
		{"the match of a rule", e[0].MatchPlace(), "CORSPolicy[0] spec.rules[0].match"},
		{"a rule without a match", e[1].MatchPlace(), "CORSPolicy[0] spec.rules[1]"},
	} {
		if got := (spec.Location{Place: tt.got}).String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// A set grants until the day of its date begins, in UTC.
func TestExpiry(t *testing.T) {
	set := setIn("", "s")
	set.Spec.Expires = new("2030-01-31")
	cfg := spec.Config{OriginSets: []spec.OriginSet{set}, Policies: []spec.Policy{shopIn("", "s", "s")}}
	day := time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		now      time.Time
		want     bool
		warnings []spec.Code
	}{
		{"more than 30 days before", day.AddDate(0, 0, -30).Add(-1), false, nil},
		{"30 days before", day.AddDate(0, 0, -30), false, []spec.Code{spec.CodeOriginSetExpiresSoon}},
		{"a moment before the day", day.Add(-1), false, []spec.Code{spec.CodeOriginSetExpiresSoon}},
		{"when the day begins", day, true, []spec.Code{spec.CodeOriginSetExpired}},
		{
			"when it begins in UTC, and it is still the day before elsewhere", day.In(time.FixedZone("", -3600)), true,
			[]spec.Code{spec.CodeOriginSetExpired},
		},
		{"without a time", time.Time{}, false, nil},
	} {
		p, report := plan.Resolve(cfg, plan.Options{Now: tt.now})
		var warnings []spec.Code
		for _, d := range report.Warnings() {
			warnings = append(warnings, d.Code)
		}
		if got := p.Sets[0].Expired; got != tt.want || !slices.Equal(warnings, tt.warnings) {
			t.Errorf("%s: expired: %t, warnings %v", tt.name, got, report.Warnings())
		}
	}
}

// A report lists what is wrong at a place once, document by document.
func TestReport(t *testing.T) {
	at := func(kind spec.Kind, index int, field string) spec.Diagnostic {
		return spec.Diagnostic{Code: spec.CodeConflict, Location: spec.Location{Place: spec.In(kind, index).At(field)}, Message: "a\nb"}
	}
	other := func(d spec.Diagnostic, index int) spec.Diagnostic {
		d.Related = &spec.Location{Place: spec.In(spec.KindPolicy, index)}
		return d
	}
	var r plan.Report
	for _, d := range []spec.Diagnostic{
		at(spec.KindPolicy, 1, "b"), at(spec.KindPolicy, 1, "a"), at(spec.KindDefaults, 0, "a"), at(spec.KindPolicy, 0, "a"), at(spec.KindPolicy, 1, "b"),
		other(at(spec.KindPolicy, 1, "b"), 3), other(at(spec.KindPolicy, 1, "b"), 4), other(at(spec.KindPolicy, 1, "b"), 3),
	} {
		r.Fault(d)
	}
	want := []string{
		"conflict CORSDefaults[0] a", "conflict CORSPolicy[0] a", "conflict CORSPolicy[1] b", "conflict CORSPolicy[1] a",
		"conflict CORSPolicy[1] b (and CORSPolicy[3])", "conflict CORSPolicy[1] b (and CORSPolicy[4])",
	}
	if diff := cmp.Diff(want, lines(r.Faults())); diff != "" {
		t.Error(diff)
	}
	if got := r.Faults()[0].Message; got != "a\uFFFDb" {
		t.Errorf("the message %q, want one line", got)
	}
	if len(r.Warnings()) > 0 {
		t.Errorf("warnings: %v", r.Warnings())
	}
}
