package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// from is a rule for some origins at a path.
func from(path string, origins []string, methods ...string) spec.Rule {
	r := rule(spec.PathPrefix, path, methods...)
	r.Match.Origins = origins
	return r
}

func enforced(r spec.Rule) spec.Rule {
	r.Enforcement = new(spec.EnforcementEnforce)
	return r
}

func faults(cfg spec.Config) []spec.Diagnostic {
	_, report := plan.Resolve(cfg, plan.Options{})
	return report.Faults()
}

// TestOriginConflicts is about the conflicts that only rules with origins have, and their places.
func TestOriginConflicts(t *testing.T) {
	a, b, wide := []string{"https://a.x.example"}, []string{"https://b.x.example"}, []string{"https://*.x.example"}
	plain := func(rules ...spec.Rule) spec.Config { return layered(spec.Rule{}, spec.Rule{}, rules...) }
	bySet := func(path string) spec.Rule {
		r := rule(spec.PathPrefix, path)
		r.Match.OriginSets = []string{"s"}
		return r
	}
	shadow := from("/a", a)
	shadow.Enforcement = new(spec.EnforcementShadow)
	merge := from("/a", a)
	merge.UpstreamHeaders = new(spec.UpstreamMerge)
	second := func(paths *spec.Paths, rules ...spec.Rule) spec.Policy {
		return spec.Policy{Name: "tea", Spec: spec.PolicySpec{Hosts: []string{"api.example"}, Paths: paths, Rules: rules}}
	}
	both := func(cfg spec.Config, p spec.Policy) spec.Config { cfg.Policies = append(cfg.Policies, p); return cfg }
	for _, tt := range []struct {
		name string
		cfg  spec.Config
		want []string
	}{
		{"other origins", plain(from("/a", a), from("/a", b)), nil},
		{"one origin twice", plain(from("/a", b), from("/a", append(b, a...)), from("/a", a)), []string{
			"conflict CORSPolicy[0] spec.rules[1].match https://b.x.example (and CORSPolicy[0] spec.rules[0].match)",
			"conflict CORSPolicy[0] spec.rules[2].match https://a.x.example (and CORSPolicy[0] spec.rules[1].match)",
		}},
		{"one origin written in two ways", plain(from("/a", []string{"https://A.example"}), from("/a", []string{"https://a.example:443"})), []string{
			"conflict CORSPolicy[0] spec.rules[1].match https://a.example:443 (and CORSPolicy[0] spec.rules[0].match)",
		}},
		{"an origin among a pattern's", plain(from("/a", wide), from("/a", append(a, b...))), []string{
			"conflict CORSPolicy[0] spec.rules[1].match https://a.x.example (and CORSPolicy[0] spec.rules[0].match)",
		}},
		{"a pattern that has an origin, with many in common reported once", plain(from("/a", append(a, b...)), from("/a", append(wide, "https://*"))), []string{
			"conflict CORSPolicy[0] spec.rules[1].match https://*.x.example (and CORSPolicy[0] spec.rules[0].match)",
		}},
		{"two patterns", plain(from("/a", wide), from("/a", []string{"https://*.a.x.example"}), from("/a", []string{"https://*.example"})), []string{
			"conflict CORSPolicy[0] spec.rules[1].match https://*.a.x.example (and CORSPolicy[0] spec.rules[0].match)",
			"conflict CORSPolicy[0] spec.rules[2].match https://*.example (and CORSPolicy[0] spec.rules[0].match)",
			"conflict CORSPolicy[0] spec.rules[2].match https://*.example (and CORSPolicy[0] spec.rules[1].match)",
		}},
		{"another port", plain(from("/a", a), from("/a", []string{"https://a.x.example:444", "http://*.x.example"})), nil},
		{"another path", plain(from("/a", a), from("/b", a), rule(spec.PathExact, "/a")), nil},
		{"another method", plain(from("/a", a, "GET"), from("/a", wide, "PUT", "HEAD"), from("/a", wide)), nil},
		{"a method in common", plain(from("/a", a, "GET", "put"), from("/a", wide, "PUT")), []string{
			"conflict CORSPolicy[0] spec.rules[1].match https://*.x.example (and CORSPolicy[0] spec.rules[0].match)",
		}},
		{"a rule without origins is none", plain(from("/a", a), rule(spec.PathPrefix, "/a"), get("/a")), nil},
		{"a set", both(spec.Config{OriginSets: []spec.OriginSet{setIn("", "s")}}, second(nil, bySet("/a"), from("/a/", []string{"https://a.example"}))), []string{
			"conflict CORSPolicy[0] spec.rules[1].match https://a.example (and CORSPolicy[0] spec.rules[0].match)",
		}},
		{"another policy", both(plain(from("/a", a)), second(nil, from("/a", a))), []string{
			"conflict CORSPolicy[1] spec.rules[0].match https://a.x.example (and CORSPolicy[0] spec.rules[0].match)",
		}},
		{"enforcement beside no enforcement", plain(shadow, rule(spec.PathPrefix, "/b")), []string{
			"conflict CORSPolicy[0] spec.rules[1].enforcement Enforce (and CORSPolicy[0] spec.rules[0].enforcement)",
		}},
		{"no enforcement of a cors", layered(spec.Rule{}, spec.Rule{CORS: &spec.CORS{}, Enforcement: new(spec.EnforcementDisabled)}, shadow), nil},
		{"upstreamHeaders", layered(spec.Rule{UpstreamHeaders: new(spec.UpstreamPreserve)}, spec.Rule{CORS: &spec.CORS{}}, merge), []string{
			"conflict CORSPolicy[0] spec.rules[0].upstreamHeaders Merge (and CORSDefaults[0] spec.upstreamHeaders)",
		}},
		{
			"not of a cors that is only inherited from",
			layered(spec.Rule{}, spec.Rule{CORS: &spec.CORS{}, Enforcement: new(spec.EnforcementShadow)}, enforced(from("/a", a)), enforced(rule(spec.PathPrefix, "/"))), nil,
		},
		{"paths that differ", both(plain(), second(&spec.Paths{IgnoreCase: new(true)})), []string{
			"conflict CORSPolicy[1] spec.paths (and CORSPolicy[0] spec.paths)",
		}},
		{"paths that are equal in the end", both(plain(), second(&spec.Paths{IgnoreCase: new(false)})), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, lines(faults(tt.cfg))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// drawOrigins draws entries of match.origins. Many have an origin in common.
func drawOrigins(t *rapid.T) []string {
	entry := rapid.SampledFrom([]string{
		"https://a.example", "https://a.a.example", "https://b.a.example", "https://b.a.example:*", "https://*.example", "https://*.a.example", "https://*.a.a.example",
		"http://*", "https://*:8443", "https://{t}.a.example", "https://{t}.b.example:*", "http://{t}.a.example", "app://a", "https://[::1]:*", "http://a.example:80",
	})
	return rapid.SliceOfN(entry, 1, 3).Draw(t, "origins")
}

// TestOriginConflictsAreExact compares the conflicts of random rules with trying all origins.
func TestOriginConflictsAreExact(t *testing.T) {
	var all []origin.Origin
	for _, scheme := range []string{"https", "http", "app"} {
		for _, host := range []string{"a", "a.example", "a.a.example", "b.a.example", "b.b.a.example", "b.a.a.example", "b.example", "a.b.example", "[::1]"} {
			for _, port := range []string{"", ":8443", ":1"} {
				o, _ := origin.Parse(scheme + "://" + host + port)
				all = append(all, o)
			}
		}
	}
	matches := func(entries []string, o origin.Origin) bool {
		label, _, _ := strings.Cut(o.Host, ".")
		return slices.ContainsFunc(entries, func(text string) bool {
			p, _, _ := origin.ParsePattern(text)
			return p.Matches(o, origin.Tenant{Name: "t", Label: []byte(label)})
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		var rules []spec.Rule
		for range rapid.IntRange(2, 4).Draw(t, "rules") {
			methods := rapid.SampledFrom([][]string{nil, nil, {"GET"}, {"PUT", "GET"}, {"HEAD"}}).Draw(t, "methods")
			rules = append(rules, from("/", drawOrigins(t), methods...))
		}
		meet := func(x, y spec.Rule) bool {
			sameMethods := x.Match.Methods == nil && y.Match.Methods == nil ||
				slices.ContainsFunc(x.Match.Methods, func(m string) bool { return slices.Contains(y.Match.Methods, m) })
			return sameMethods && slices.ContainsFunc(all, func(o origin.Origin) bool { return matches(x.Match.Origins, o) && matches(y.Match.Origins, o) })
		}
		refused := map[int]bool{}
		for _, d := range faults(layered(spec.Rule{}, spec.Rule{}, rules...)) {
			var i, j int
			if n, err := fmt.Sscanf(d.Place.Path.String()+" "+d.Related.Place.Path.String(), "spec.rules[%d].match spec.rules[%d].match", &i, &j); n != 2 {
				t.Fatalf("%v: %v", d, err)
			}
			if refused[i] = true; !meet(rules[i], rules[j]) {
				t.Errorf("%v, and no origin fits both %q and %q", d, rules[i].Match.Origins, rules[j].Match.Origins)
			}
		}
		for i := range rules {
			for j := range i {
				if !refused[i] && !refused[j] && meet(rules[i], rules[j]) {
					t.Errorf("%+v and %+v conflict", rules[i].Match, rules[j].Match)
				}
			}
		}
	})
}

// TestOriginLimits is about the bounds of rules with origins, at n and at n+1.
func TestOriginLimits(t *testing.T) {
	many := func(n int, format string) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(format, i)
		}
		return list
	}
	atOnePath := func(n int) spec.Config {
		var rules []spec.Rule
		for _, o := range many(n, "https://a%d.example") {
			rules = append(rules, from("/a", []string{o}))
		}
		return layered(spec.Rule{}, spec.Rule{}, rules...)
	}
	wide := func(n int) spec.Config { // two rules of which each pair of patterns is compared twice
		return layered(spec.Rule{}, spec.Rule{}, from("/a", many(n, "https://*.a%d.example")), from("/a", many(2000, "https://*.b%d.example")))
	}
	for _, tt := range []struct {
		name string
		cfg  spec.Config
		want []string
	}{
		{"rules at one path", atOnePath(plan.MaxOriginRules), nil},
		{"one more", atOnePath(plan.MaxOriginRules + 1), []string{"limit_exceeded CORSPolicy[0] spec.rules[1000].match /a"}},
		{"patterns that are compared", wide(5_000), nil},
		{"one more pattern", wide(5_001), []string{"limit_exceeded CORSPolicy[0] spec.rules[1].match /a"}},
	} {
		if diff := cmp.Diff(tt.want, lines(faults(tt.cfg))); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// TestLongFoldedPath is about the longest path that is compared without its case.
func TestLongFoldedPath(t *testing.T) {
	for _, kind := range []spec.PathMatchType{spec.PathExact, spec.PathPrefix, spec.PathRegularExpression} {
		for n, want := range map[int][]string{
			plan.MaxFoldedPath: nil, plan.MaxFoldedPath + 1: {"limit_exceeded CORSPolicy[0] spec.rules[0].match.path.value"},
		} {
			path := "/" + strings.Repeat("a", n-1)
			cfg := layered(spec.Rule{}, spec.Rule{}, rule(kind, path))
			cfg.Policies[0].Spec.Paths = &spec.Paths{IgnoreCase: new(true)}
			got := lines(faults(cfg))
			for i := range got {
				got[i] = strings.TrimSuffix(got[i], " "+path)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s of %d bytes: %s", kind, n, diff)
			}
		}
	}
}

// TestPaths sets each field of paths in each combination of layers: the policy's value comes first.
func TestPaths(t *testing.T) {
	values := []*bool{nil, new(true), new(false)}
	for i, inherited := range values {
		for j, own := range values {
			want := own != nil && *own || own == nil && inherited != nil && *inherited
			cfg := layered(spec.Rule{}, spec.Rule{})
			cfg.Defaults[0].Spec.Paths, cfg.Policies[0].Spec.Paths = &spec.Paths{IgnoreCase: inherited}, &spec.Paths{IgnoreCase: own}
			if got := resolve(t, cfg).Policies[0].Paths; got != (plan.Paths{IgnoreCase: want}) {
				t.Errorf("ignoreCase %d over %d: %+v", j, i, got)
			}
			cfg.Defaults[0].Spec.Paths, cfg.Policies[0].Spec.Paths = &spec.Paths{IgnoreTrailingSlash: inherited}, &spec.Paths{IgnoreTrailingSlash: own}
			if got := resolve(t, cfg).Policies[0].Paths; got != (plan.Paths{IgnoreTrailingSlash: want}) {
				t.Errorf("ignoreTrailingSlash %d over %d: %+v", j, i, got)
			}
		}
	}
	cfg := layered(spec.Rule{}, spec.Rule{})
	cfg.Defaults[0].Spec.Paths, cfg.Policies[0].Spec.Paths = &spec.Paths{IgnoreCase: new(true)}, &spec.Paths{IgnoreTrailingSlash: new(true)}
	if got := resolve(t, cfg).Policies[0].Paths; got != (plan.Paths{IgnoreCase: true, IgnoreTrailingSlash: true}) {
		t.Errorf("one field of each layer: %+v", got)
	}
}

// TestPathKeys is about which paths of rules are one.
func TestPathKeys(t *testing.T) {
	for _, tt := range []struct {
		name           string
		kind           spec.PathMatchType
		a, b           string
		plain, fold    bool
		slash, foldAll bool
	}{
		{"case", spec.PathExact, "/A", "/a", false, true, false, true},
		{"case of a prefix", spec.PathPrefix, "/A", "/a", false, true, false, true},
		{"a final slash", spec.PathExact, "/a/", "/a", false, false, true, true},
		{"a final slash of a prefix", spec.PathPrefix, "/a/", "/a", true, true, true, true},
		{"both", spec.PathExact, "/A/", "/a", false, false, false, true},
		{"digits of an escape", spec.PathExact, "/a%2C", "/a%2c", false, true, false, true},
		{"an expression's case", spec.PathRegularExpression, "/A", "/a", false, false, false, false},
		{"an expression's slash", spec.PathRegularExpression, "/a/", "/a", false, false, false, false},
	} {
		for paths, want := range map[spec.Paths]bool{
			{}: tt.plain, {IgnoreCase: yes}: tt.fold, {IgnoreTrailingSlash: yes}: tt.slash, {IgnoreCase: yes, IgnoreTrailingSlash: yes}: tt.foldAll,
		} {
			cfg := layered(spec.Rule{}, spec.Rule{}, rule(tt.kind, tt.a), rule(tt.kind, tt.b))
			cfg.Policies[0].Spec.Paths = &paths
			if got := len(faults(cfg)) > 0; got != want {
				t.Errorf("%s: %s and %s conflict under %+v: %t", tt.name, tt.a, tt.b, paths, got)
			}
		}
	}
}

var yes = new(true)
