package lint_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy/internal/lint"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// found lists what Check adds to the faults and warnings of documents: code, place, value and the
// other location.
func found(t *testing.T, cfg spec.Config) []string {
	t.Helper()
	p, report := plan.Resolve(cfg, plan.Options{})
	if report.HasFaults() {
		t.Fatal(spec.Faults(report.Faults()))
	}
	lint.Check(p, report)
	var list []string
	for _, d := range append(report.Faults(), report.Warnings()...) {
		if d.Code != spec.CodeGrantsNobody { // most of these policies name no origin
			list = append(list, strings.TrimSpace(string(d.Code)+" "+d.Location.String()+" "+d.Value))
		}
	}
	return list
}

func defaults(cors spec.CORS) []spec.Defaults {
	return []spec.Defaults{{Name: "default", Spec: spec.DefaultsSpec{CORS: &cors}}}
}

func policy(name string, p spec.PolicySpec) spec.Policy {
	if p.Hosts == nil {
		p.Hosts = []string{name + ".example"}
	}
	return spec.Policy{Name: name, Spec: p}
}

func rule(kind spec.PathMatchType, path string, methods ...string) spec.Rule {
	return spec.Rule{Match: &spec.Match{Path: &spec.PathMatch{Type: &kind, Value: path}, Methods: methods}}
}

// TestInherited is about dangers of one layer that several policies and rules inherit.
func TestInherited(t *testing.T) {
	rules := []spec.Rule{rule(spec.PathPrefix, "/a"), rule(spec.PathPrefix, "/b")}
	careless := policy("careless", spec.PolicySpec{CORS: &spec.CORS{}, Rules: rules, DangerouslyAllow: []spec.Danger{spec.InsecureOrigins}})
	careful := policy("careful", spec.PolicySpec{CORS: &spec.CORS{}, Rules: rules})
	insecure := defaults(spec.CORS{AllowOrigins: []string{"http://a.example"}, AllowCredentials: new(true)})
	tenants := defaults(spec.CORS{AllowOrigins: []string{"https://{t}.web.example"}})
	binds := policy("binds", spec.PolicySpec{CORS: &spec.CORS{}, Hosts: []string{"{t}.api.example"}})
	for _, tt := range []struct {
		name string
		cfg  spec.Config
		want []string
	}{
		{"what one policy waives is waived for it alone", spec.Config{Defaults: insecure, Policies: []spec.Policy{careless, careful}}, []string{
			"insecure_origin CORSDefaults[0] spec.cors.allowOrigins[0] http://a.example",
		}},
		{"whichever policy is the first", spec.Config{Defaults: insecure, Policies: []spec.Policy{careful, careless}}, []string{
			"insecure_origin CORSDefaults[0] spec.cors.allowOrigins[0] http://a.example",
		}},
		{"if all policies waive it, it is waived", spec.Config{Defaults: insecure, Policies: []spec.Policy{careless}}, nil},
		{"a danger that no policy inherits is none", spec.Config{Defaults: insecure, Policies: []spec.Policy{
			policy("own", spec.PolicySpec{CORS: &spec.CORS{AllowOrigins: []string{"https://a.example"}}}),
		}}, nil},
		{"an exposed * is reported once", spec.Config{
			Defaults: defaults(spec.CORS{ExposeHeaders: []string{"X-A", "*"}, AllowCredentials: new(true)}), Policies: []spec.Policy{careless, careful},
		}, []string{"expose_any_with_credentials CORSDefaults[0] spec.cors.exposeHeaders[1] *"}},
		{"so is an allowed * without Authorization", spec.Config{
			Defaults: defaults(spec.CORS{AllowHeaders: []string{"*"}, AllowCredentials: new(true)}), Policies: []spec.Policy{careless, careful},
		}, []string{"authorization_not_covered CORSDefaults[0] spec.cors.allowHeaders[0] *"}},
		{"a tenant has to be bound by each policy", spec.Config{Defaults: tenants, Policies: []spec.Policy{binds, careful}}, []string{
			"tenant_unbound CORSDefaults[0] spec.cors.allowOrigins[0] https://{t}.web.example",
		}},
		{"and is by one whose hosts bind it", spec.Config{Defaults: tenants, Policies: []spec.Policy{binds}}, nil},
		{"a check of WebSockets is reported where it is set, not where everyone is allowed", spec.Config{
			Defaults: defaults(spec.CORS{AllowOrigins: []string{"*"}}), Policies: []spec.Policy{policy("shop", spec.PolicySpec{
				CORS: &spec.CORS{}, Rules: rules, WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)},
			})},
		}, []string{"websocket_any_origin CORSPolicy[0] spec.webSocket.originCheck Enforce"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, found(t, tt.cfg)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestReachability is about rules beside those of other policies, which differ from host to host.
func TestReachability(t *testing.T) {
	const exact, prefix, regex = spec.PathExact, spec.PathPrefix, spec.PathRegularExpression
	beside := func(p spec.PolicySpec, others ...spec.Rule) spec.Config {
		return spec.Config{Policies: []spec.Policy{policy("a", p), policy("other", spec.PolicySpec{Hosts: []string{"a.example"}, Rules: others})}}
	}
	maxAge := rule(prefix, "/api")
	maxAge.CORS = &spec.CORS{MaxAge: new(spec.Seconds(60))}
	for _, tt := range []struct {
		name string
		cfg  spec.Config
		want []string
	}{
		{
			"behind an expression of another policy", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api")}}, rule(regex, "/api.*")),
			[]string{"rule_unreachable CORSPolicy[0] spec.rules[0].match /api"},
		},
		{
			"reachable on another host", beside(spec.PolicySpec{Hosts: []string{"a.example", "b.example"}, Rules: []spec.Rule{rule(prefix, "/api")}}, rule(regex, "/api.*")),
			nil,
		},
		{"an expression that leaves the path itself out", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api")}}, rule(regex, "/api/.*")), nil},
		{"an expression for one method of two", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api", "GET", "PUT")}}, rule(regex, "/.*", "GET")), nil},
		{
			"two expressions for one method each", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api", "GET", "PUT")}}, rule(regex, "/.*", "GET"), rule(regex, ".*", "PUT")),
			[]string{"rule_unreachable CORSPolicy[0] spec.rules[0].match /api"},
		},
		{
			"HEAD behind an expression for GET", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api", "HEAD")}}, rule(regex, "/.*", "GET")),
			[]string{"rule_unreachable CORSPolicy[0] spec.rules[0].match /api"},
		},
		{
			"HEAD behind an expression for GET beside one for HEAD", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api", "HEAD")}}, rule(regex, "/.*", "GET"), rule(regex, "/x", "HEAD")),
			[]string{"rule_unreachable CORSPolicy[0] spec.rules[0].match /api", "rule_unreachable CORSPolicy[1] spec.rules[1].match /x"},
		},
		{"every method behind an expression for one", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api")}}, rule(regex, "/.*", "GET")), nil},
		{
			"an expression behind a longer one", beside(spec.PolicySpec{Rules: []spec.Rule{rule(regex, "/api")}}, rule(regex, "/api.*")),
			[]string{"rule_unreachable CORSPolicy[0] spec.rules[0].match /api"},
		},
		{
			"behind two expressions together", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api")}}, rule(regex, "/api"), rule(regex, "/api/.*")),
			[]string{"rule_unreachable CORSPolicy[0] spec.rules[0].match /api"},
		},
		{
			"behind an exact path and an expression", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api")}}, rule(exact, "/api"), rule(regex, "/api/.*")),
			[]string{"rule_unreachable CORSPolicy[0] spec.rules[0].match /api"},
		},
		{"behind an exact path and an expression that leaves a slash", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api")}}, rule(exact, "/api"), rule(regex, "/api/.+")), nil},
		{
			"behind a longer prefix and an expression", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api")}}, rule(prefix, "/api/a"), rule(exact, "/api"), rule(regex, "/api/([^a].*|a[^/].*|)")),
			[]string{"rule_unreachable CORSPolicy[0] spec.rules[0].match /api"},
		},
		{"all methods behind expressions for each that is named", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/api", "GET", "PUT")}}, rule(regex, "/ap.*", "GET"), rule(regex, "/api/.*", "PUT")), nil},
		{
			"an expression behind the names that it matches", beside(spec.PolicySpec{Rules: []spec.Rule{rule(regex, "/[ab]")}}, rule(exact, "/a"), rule(exact, "/b")),
			[]string{"rule_unreachable CORSPolicy[0] spec.rules[0].match /[ab]"},
		},
		{
			"an expression for paths that are ambiguous", beside(spec.PolicySpec{Rules: []spec.Rule{rule(regex, "/a/(//|[.]{2}/).*")}}),
			[]string{"rule_unreachable CORSPolicy[0] spec.rules[0].match /a/(//|[.]{2}/).*"},
		},
		{
			"an expression for an escape of a byte that a path has", beside(spec.PolicySpec{Rules: []spec.Rule{rule(regex, "/a%[2]0")}}),
			nil,
		},
		{
			"behind an expression in another case",
			spec.Config{Policies: []spec.Policy{policy("a", spec.PolicySpec{Paths: &spec.Paths{IgnoreCase: new(true)}, Rules: []spec.Rule{rule(prefix, "/API"), rule(regex, `/\QApi`), rule(regex, "/(?:aPI/.*)")}})}},
			[]string{"rule_unreachable CORSPolicy[0] spec.rules[0].match /API"},
		},
		{"an expression in another case", beside(spec.PolicySpec{Rules: []spec.Rule{rule(prefix, "/API"), rule(regex, "/api"), rule(regex, "/api/.*")}}), nil},
		{"an expression before a shorter one", beside(spec.PolicySpec{Rules: []spec.Rule{rule(regex, "/api/[a-z]+")}}, rule(regex, "/api.*")), nil},
		{
			"a max-age behind an expression with methods", beside(spec.PolicySpec{Rules: []spec.Rule{maxAge}}, rule(regex, "/.*", "GET")),
			[]string{"max_age_unused CORSPolicy[0] spec.rules[0].cors.maxAge 60"},
		},
		{
			"a max-age beside a rule with methods", beside(spec.PolicySpec{Rules: []spec.Rule{maxAge}}, rule(prefix, "/api/", "GET")),
			[]string{"max_age_unused CORSPolicy[0] spec.rules[0].cors.maxAge 60"},
		},
		{
			"a max-age that is sent on another host", beside(spec.PolicySpec{Hosts: []string{"a.example", "b.example"}, Rules: []spec.Rule{maxAge}}, rule(prefix, "/api", "GET")),
			nil,
		},
		{
			"a cors beside another policy's rule for everything", beside(spec.PolicySpec{CORS: &spec.CORS{}}, spec.Rule{}),
			[]string{"own_cors_shadowed CORSPolicy[0] spec.cors"},
		},
		{"a cors beside a rule for every path and one method", beside(spec.PolicySpec{CORS: &spec.CORS{}}, rule(prefix, "/", "GET")), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, found(t, tt.cfg)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPartlyShadowed is about rules that lose some of their paths to an expression.
func TestPartlyShadowed(t *testing.T) {
	const exact, prefix, regex = spec.PathExact, spec.PathPrefix, spec.PathRegularExpression
	a, b := []string{"https://a.example"}, []string{"https://b.example"}
	allows := func(r spec.Rule, cors spec.CORS) spec.Rule {
		r.CORS = &cors
		return r
	}
	strict := allows(rule(prefix, "/admin"), spec.CORS{AllowOrigins: a})
	json := func(cors spec.CORS) spec.Rule { return allows(rule(regex, `.*\.json`), cors) }
	enforced := func(r spec.Rule, e spec.Enforcement) spec.Rule {
		r.Enforcement = &e
		return r
	}
	for _, tt := range []struct {
		name  string
		rules []spec.Rule
		want  string // a part of the message, "" if there is no warning
	}{
		{"other origins", []spec.Rule{strict, json(spec.CORS{AllowOrigins: b})}, "such as /admin/.json: rule rules[1] of policy a comes before it and allows https://b.example"},
		{"every origin", []spec.Rule{strict, json(spec.CORS{AllowOrigins: []string{"*"}})}, "allows every origin"},
		{"null", []spec.Rule{strict, json(spec.CORS{AllowOrigins: a, AllowNullOrigin: new(true)})}, "allows null"},
		{"an expression for other origins", []spec.Rule{strict, json(spec.CORS{AllowOriginRegexes: []string{`https://(a|c[0-9])\.example`}})}, "allows https://c0.example"},
		{"an expression for the same origins", []spec.Rule{strict, json(spec.CORS{AllowOriginRegexes: []string{`https://a\.example`}})}, ""},
		{"fewer origins", []spec.Rule{allows(rule(prefix, "/admin"), spec.CORS{AllowOrigins: []string{"https://*.example"}}), json(spec.CORS{AllowOrigins: a})}, ""},
		{"the same", []spec.Rule{strict, json(spec.CORS{AllowOrigins: a})}, ""},
		{"nobody", []spec.Rule{strict, json(spec.CORS{AllowCredentials: new(true)})}, ""},
		{"a rule that allows nobody", []spec.Rule{rule(prefix, "/admin"), json(spec.CORS{AllowOrigins: a})}, "allows https://a.example"},
		{"credentials", []spec.Rule{strict, json(spec.CORS{AllowOrigins: a, AllowCredentials: new(true)})}, "allows credentials"},
		{"a method", []spec.Rule{strict, json(spec.CORS{AllowOrigins: a, AllowMethods: []string{"GET", "PUT"}})}, "allows method PUT"},
		{"a header", []spec.Rule{strict, json(spec.CORS{AllowOrigins: a, AllowHeaders: []string{"X-A"}})}, "allows header X-A"},
		{"an expression that was written as an exception", []spec.Rule{strict, allows(rule(regex, `/admin/.*\.json`), spec.CORS{AllowOrigins: b})}, ""},
		{"an exception whose beginning is not literal", []spec.Rule{strict, allows(rule(regex, `/admin((/a[a-z]*)|(/b[a-z]*))\.json`), spec.CORS{AllowOrigins: b})}, ""},
		{"a longer prefix", []spec.Rule{strict, allows(rule(prefix, "/admin/public"), spec.CORS{AllowOrigins: b}), allows(rule(regex, `/x.*`), spec.CORS{AllowOrigins: b})}, ""},
		{"an exact path", []spec.Rule{strict, allows(rule(exact, "/admin/x.json"), spec.CORS{AllowOrigins: b}), json(spec.CORS{AllowOrigins: a})}, ""},
		{"no path in common", []spec.Rule{strict, allows(rule(regex, `/[b-z].*\.json`), spec.CORS{AllowOrigins: b})}, ""},
		{"no method in common", []spec.Rule{allows(rule(prefix, "/admin", "PUT"), spec.CORS{AllowOrigins: a}), allows(rule(regex, `.*\.json`, "GET"), spec.CORS{AllowOrigins: b})}, ""},
		{"one method in common", []spec.Rule{allows(rule(prefix, "/admin", "PUT"), spec.CORS{AllowOrigins: a}), allows(rule(regex, `.*\.json`, "GET", "PUT"), spec.CORS{AllowOrigins: b})}, "allows https://b.example"},
		{"a rule between them that is not wider", []spec.Rule{strict, json(spec.CORS{AllowOrigins: b}), allows(rule(prefix, "/admin/.json"), spec.CORS{AllowOrigins: b})}, "such as /admin/x.json"},
		{"a shorter expression", []spec.Rule{allows(rule(regex, `/admin.*`), spec.CORS{AllowOrigins: a}), allows(rule(regex, `.*\.(json|xml)`), spec.CORS{AllowOrigins: b})}, "such as /admin.xml"},
		{"an expression that is not enforced", []spec.Rule{strict, enforced(json(spec.CORS{AllowOrigins: a}), spec.EnforcementShadow)}, "has enforcement Shadow"},
		{"a rule that is not enforced", []spec.Rule{enforced(strict, spec.EnforcementDisabled), json(spec.CORS{AllowOrigins: b})}, ""},
		{"a rule that blocks", []spec.Rule{enforced(strict, spec.EnforcementBlock), json(spec.CORS{AllowOrigins: a})}, "has enforcement Enforce"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, report := plan.Resolve(spec.Config{Policies: []spec.Policy{policy("a", spec.PolicySpec{Rules: tt.rules})}}, plan.Options{})
			if report.HasFaults() {
				t.Fatal(spec.Faults(report.Faults()))
			}
			lint.Check(p, report)
			got := ""
			for _, d := range report.Warnings() {
				if d.Code == spec.CodeRulePartlyShadowed {
					got = d.Message
				}
			}
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// A set is unused if no layer leads to it, and its namesake in another namespace does not count.
func TestUnusedSets(t *testing.T) {
	set := func(namespace string) spec.OriginSet {
		return spec.OriginSet{Namespace: namespace, Name: "s", Spec: spec.OriginSetSpec{Origins: []string{"https://a.example"}}}
	}
	p := policy("shop", spec.PolicySpec{CORS: &spec.CORS{AllowOriginSets: []string{"s"}}})
	p.Namespace = "eu"
	want := []string{"origin_set_unused OriginSet[0] metadata.name s", "origin_set_unused OriginSet[2] metadata.name us/s"}
	cfg := spec.Config{Policies: []spec.Policy{p}, OriginSets: []spec.OriginSet{set(""), set("eu"), set("us")}}
	if diff := cmp.Diff(want, found(t, cfg)); diff != "" {
		t.Error(diff)
	}
}
