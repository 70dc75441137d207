package plan_test

import (
	"fmt"
	"testing"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// ordered are the settings that have an order, each from lax to strict.
func ordered() []struct {
	name   string
	values []spec.Rule
	get    func(*plan.Settings) (any, plan.Layer)
} {
	status := func(status int) spec.Rule { return spec.Rule{Preflight: &spec.Preflight{DenyStatus: &status}} }
	mode := func(mode spec.PreflightMode) spec.Rule { return spec.Rule{Preflight: &spec.Preflight{Mode: &mode}} }
	detail := func(detail spec.PreflightDetail) spec.Rule {
		return spec.Rule{Preflight: &spec.Preflight{Detail: &detail}}
	}
	resource := func(p spec.ResourcePolicy) spec.Rule {
		return spec.Rule{CORS: &spec.CORS{CrossOriginResourcePolicy: &p}}
	}
	check := func(check spec.OriginCheck) spec.Rule {
		return spec.Rule{WebSocket: &spec.WebSocket{OriginCheck: &check}}
	}
	return []struct {
		name   string
		values []spec.Rule
		get    func(*plan.Settings) (any, plan.Layer)
	}{
		{"enforcement", []spec.Rule{
			{Enforcement: new(spec.EnforcementDisabled)},
			{Enforcement: new(spec.EnforcementShadow)},
			{Enforcement: new(spec.EnforcementEnforce)},
			{Enforcement: new(spec.EnforcementBlock)},
		}, func(s *plan.Settings) (any, plan.Layer) { return s.Enforcement, s.From.Enforcement }},
		{"upstreamHeaders", []spec.Rule{
			{UpstreamHeaders: new(spec.UpstreamPreserve)},
			{UpstreamHeaders: new(spec.UpstreamMerge)},
			{UpstreamHeaders: new(spec.UpstreamOverride)},
		}, func(s *plan.Settings) (any, plan.Layer) { return s.UpstreamHeaders, s.From.UpstreamHeaders }},
		{
			"preflight.mode",
			[]spec.Rule{mode(spec.PreflightForward), mode(spec.PreflightAnswer)},
			func(s *plan.Settings) (any, plan.Layer) { return s.Preflight.Mode, s.From.Mode },
		},
		{
			"preflight.denyStatus",
			[]spec.Rule{status(200), status(403), status(404)},
			func(s *plan.Settings) (any, plan.Layer) { return s.Preflight.DenyStatus, s.From.DenyStatus },
		},
		{
			"preflight.detail",
			[]spec.Rule{detail(spec.DetailFull), detail(spec.DetailMinimal)},
			func(s *plan.Settings) (any, plan.Layer) { return s.Preflight.Detail, s.From.Detail },
		},
		{
			"webSocket.originCheck",
			[]spec.Rule{check(spec.OriginCheckDisabled), check(spec.OriginCheckEnforce)},
			func(s *plan.Settings) (any, plan.Layer) { return s.OriginCheck, s.From.OriginCheck },
		},
		{
			"crossOriginResourcePolicy",
			[]spec.Rule{resource(spec.ResourceCrossOrigin), resource(spec.ResourceSameSite), resource(spec.ResourceSameOrigin)},
			func(s *plan.Settings) (any, plan.Layer) { return s.ResourcePolicy, s.From.ResourcePolicy },
		},
	}
}

// TestStrictest sets each pair of values in the two policies of one host, in both orders, and in a
// policy and its rule. The stricter value applies, with the layer that sets it.
func TestStrictest(t *testing.T) {
	for _, s := range ordered() {
		for strict := range s.values {
			for lax := range strict {
				t.Run(fmt.Sprintf("%s %d over %d", s.name, strict, lax), func(t *testing.T) {
					want, _ := s.get(onlyPolicy(t, s.values[strict]).Unchosen)
					expect := func(name string, settings *plan.Settings, from plan.Layer) {
						t.Helper()
						if value, layer := s.get(settings); value != want || layer != from {
							t.Errorf("%s: %v from %s, want %v from %s", name, value, layer, want, from)
						}
					}
					// The second policy inherits its value from CORSDefaults.
					cfg := layered(s.values[strict], s.values[lax], get("/a"))
					cfg.Policies = append(cfg.Policies, spec.Policy{Name: "tea", Spec: spec.PolicySpec{
						Hosts: []string{"api.example"}, Rules: []spec.Rule{get("/b")},
					}})
					table := resolve(t, cfg).Tables[0]
					expect("the second policy's for no rule", table.NoRule, plan.LayerDefaults)
					expect("the second policy's for an ambiguous path", table.Ambiguous, plan.LayerDefaults)

					cfg = layered(s.values[lax], s.values[strict], get("/a"))
					cfg.Policies = append(cfg.Policies, spec.Policy{Name: "tea", Spec: spec.PolicySpec{
						Hosts: []string{"api.example"}, Rules: []spec.Rule{get("/b")},
					}})
					expect("the first policy's for no rule", resolve(t, cfg).Tables[0].NoRule, plan.LayerPolicy)

					rule := s.values[strict]
					rule.Match = get("/a").Match
					table = resolve(t, layered(spec.Rule{}, s.values[lax], rule)).Tables[0]
					expect("the rule's for an ambiguous path", table.Ambiguous, plan.LayerRule)
					if value, layer := s.get(table.NoRule); value == want || layer != plan.LayerPolicy {
						t.Errorf("the rule's value applies where no rule does: %v from %s", value, layer)
					}
				})
			}
		}
	}
}

// TestStrictestOfUnset: a resource policy that is not set is stricter than cross-origin only.
func TestStrictestOfUnset(t *testing.T) {
	for other, want := range map[spec.ResourcePolicy]spec.ResourcePolicy{
		spec.ResourceCrossOrigin: "", spec.ResourceSameSite: spec.ResourceSameSite, spec.ResourceSameOrigin: spec.ResourceSameOrigin,
	} {
		set := spec.Rule{CORS: &spec.CORS{CrossOriginResourcePolicy: &other}, Match: get("/a").Match}
		p := resolve(t, layered(spec.Rule{}, spec.Rule{}, set))
		if got := p.Tables[0].Ambiguous; got.ResourcePolicy != want || got.Conduct.ResourcePolicyValue() != want {
			t.Errorf("%s beside none: %q", other, got.ResourcePolicy)
		}
		unset, rule := p.Tables[0].NoRule.Conduct, p.Policies[0].Rules[0].Settings.Conduct
		if got := unset.Strictest(rule).ResourcePolicyValue(); got != want || rule.Strictest(unset).ResourcePolicyValue() != want {
			t.Errorf("%s beside none, while a request is judged: %q", other, got)
		}
	}
}

func onlyPolicy(t *testing.T, settings spec.Rule) *plan.Policy {
	t.Helper()
	return resolve(t, layered(spec.Rule{}, settings)).Policies[0]
}

// get is a rule for GET below a path.
func get(path string) spec.Rule { return rule(spec.PathPrefix, path, "GET") }

func rule(kind spec.PathMatchType, path string, methods ...string) spec.Rule {
	return spec.Rule{Match: &spec.Match{Path: &spec.PathMatch{Type: &kind, Value: path}, Methods: methods}}
}
