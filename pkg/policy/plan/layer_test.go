package plan_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// resolve resolves documents that have no fault.
func resolve(t testing.TB, cfg spec.Config) *plan.Plan {
	t.Helper()
	p, report := plan.Resolve(cfg, plan.Options{})
	if faults := report.Faults(); len(faults) > 0 {
		t.Fatal(spec.Faults(faults))
	}
	return p
}

// setting is one field that layers set. Of the values the first is that of CORSDefaults, then
// those of the policy and the rule; the last one is the built-in default.
type setting struct {
	name   string
	set    func(layer *spec.Rule, i int)
	get    func(*plan.Settings) (any, plan.Layer)
	values [4]string
}

func settings() []setting {
	lists := [3][]string{{"D"}, {"P", "Q"}, {"R"}}
	return []setting{
		{
			"enforcement",
			func(l *spec.Rule, i int) {
				l.Enforcement = new([]spec.Enforcement{spec.EnforcementShadow, spec.EnforcementBlock, spec.EnforcementDisabled}[i])
			},
			func(s *plan.Settings) (any, plan.Layer) { return s.Enforcement, s.From.Enforcement },
			[4]string{"Shadow", "Block", "Disabled", "Enforce"},
		},
		{
			"upstreamHeaders",
			func(l *spec.Rule, i int) {
				l.UpstreamHeaders = new([]spec.UpstreamHeaders{spec.UpstreamMerge, spec.UpstreamPreserve, spec.UpstreamOverride}[i])
			},
			func(s *plan.Settings) (any, plan.Layer) { return s.UpstreamHeaders, s.From.UpstreamHeaders },
			[4]string{"Merge", "Preserve", "Override", "Override"},
		},
		{
			"preflight.mode",
			func(l *spec.Rule, i int) {
				preflightOf(l).Mode = new([]spec.PreflightMode{spec.PreflightForward, spec.PreflightAnswer, spec.PreflightForward}[i])
			},
			func(s *plan.Settings) (any, plan.Layer) { return s.Preflight.Mode, s.From.Mode },
			[4]string{"Forward", "Answer", "Forward", "Answer"},
		},
		{
			"preflight.successStatus",
			func(l *spec.Rule, i int) { preflightOf(l).SuccessStatus = new(200 + i) },
			func(s *plan.Settings) (any, plan.Layer) { return s.Preflight.SuccessStatus, s.From.SuccessStatus },
			[4]string{"200", "201", "202", "204"},
		},
		{
			"preflight.denyStatus",
			func(l *spec.Rule, i int) { preflightOf(l).DenyStatus = new(400 + i) },
			func(s *plan.Settings) (any, plan.Layer) { return s.Preflight.DenyStatus, s.From.DenyStatus },
			[4]string{"400", "401", "402", "403"},
		},
		{
			"preflight.detail",
			func(l *spec.Rule, i int) {
				preflightOf(l).Detail = new([]spec.PreflightDetail{spec.DetailMinimal, spec.DetailFull, spec.DetailMinimal}[i])
			},
			func(s *plan.Settings) (any, plan.Layer) { return s.Preflight.Detail, s.From.Detail },
			[4]string{"Minimal", "Full", "Minimal", "Full"},
		},
		{
			"webSocket.originCheck",
			func(l *spec.Rule, i int) {
				l.WebSocket = &spec.WebSocket{
					OriginCheck: new([]spec.OriginCheck{spec.OriginCheckEnforce, spec.OriginCheckDisabled, spec.OriginCheckEnforce}[i]),
				}
			},
			func(s *plan.Settings) (any, plan.Layer) { return s.OriginCheck, s.From.OriginCheck },
			[4]string{"Enforce", "Disabled", "Enforce", "Disabled"},
		},
		{
			"allowMethods",
			func(l *spec.Rule, i int) { l.CORS.AllowMethods = lists[i] },
			func(s *plan.Settings) (any, plan.Layer) { return s.Methods, s.From.Methods },
			[4]string{"D", "P, Q", "R", "none"},
		},
		{
			"allowHeaders",
			func(l *spec.Rule, i int) { l.CORS.AllowHeaders = lists[i] },
			func(s *plan.Settings) (any, plan.Layer) { return s.Headers, s.From.Headers },
			[4]string{"D", "P, Q", "R", "none"},
		},
		{
			"exposeHeaders",
			func(l *spec.Rule, i int) { l.CORS.ExposeHeaders = lists[i] },
			func(s *plan.Settings) (any, plan.Layer) { return s.Expose, s.From.Expose },
			[4]string{"D", "P, Q", "R", "none"},
		},
		{
			"allowCredentials",
			func(l *spec.Rule, i int) { l.CORS.AllowCredentials = new(i != 1) },
			func(s *plan.Settings) (any, plan.Layer) { return s.Credentials, s.From.Credentials },
			[4]string{"true", "false", "true", "false"},
		},
		{
			"allowPrivateNetwork",
			func(l *spec.Rule, i int) { l.CORS.AllowPrivateNetwork = new(i != 1) },
			func(s *plan.Settings) (any, plan.Layer) { return s.PrivateNetwork, s.From.PrivateNetwork },
			[4]string{"true", "false", "true", "false"},
		},
		{
			"expandExposeHeaders",
			func(l *spec.Rule, i int) { l.CORS.ExpandExposeHeaders = new(i != 1) },
			func(s *plan.Settings) (any, plan.Layer) { return s.ExpandExposeHeaders, s.From.ExpandExposeHeaders },
			[4]string{"true", "false", "true", "false"},
		},
		{
			"timingAllowOrigin",
			func(l *spec.Rule, i int) { l.CORS.TimingAllowOrigin = new(i != 1) },
			func(s *plan.Settings) (any, plan.Layer) { return s.TimingAllowOrigin, s.From.TimingAllowOrigin },
			[4]string{"true", "false", "true", "false"},
		},
		{
			"crossOriginResourcePolicy",
			func(l *spec.Rule, i int) {
				l.CORS.CrossOriginResourcePolicy = new([]spec.ResourcePolicy{spec.ResourceSameOrigin, spec.ResourceCrossOrigin, spec.ResourceSameSite}[i])
			},
			func(s *plan.Settings) (any, plan.Layer) { return s.ResourcePolicy, s.From.ResourcePolicy },
			[4]string{"same-origin", "cross-origin", "same-site", ""},
		},
		{
			"maxAge",
			func(l *spec.Rule, i int) { l.CORS.MaxAge = new(spec.Seconds(i)) },
			func(s *plan.Settings) (any, plan.Layer) { return s.MaxAge, s.From.MaxAge },
			[4]string{"0", "1", "2", ""},
		},
		{
			"presets",
			func(l *spec.Rule, i int) {
				l.CORS.Presets = [][]spec.Preset{{spec.PresetTrace}, {spec.PresetTus, spec.PresetMCP}, {}}[i]
			},
			func(s *plan.Settings) (any, plan.Layer) { return s.Presets, s.From.Presets },
			[4]string{"trace", "tus, mcp", "", ""},
		},
	}
}

func preflightOf(l *spec.Rule) *spec.Preflight {
	l.Preflight = &spec.Preflight{}
	return l.Preflight
}

// TestLayers sets each field in every combination of layers: the innermost layer that sets it
// decides. A rule does not change the rule after it.
func TestLayers(t *testing.T) {
	layers := []plan.Layer{plan.LayerDefaults, plan.LayerPolicy, plan.LayerRule}
	for _, s := range settings() {
		for set := range 1 << len(layers) {
			t.Run(fmt.Sprintf("%s in layers %03b", s.name, set), func(t *testing.T) {
				var of [3]spec.Rule
				want, from := s.values[3], plan.LayerBuiltIn
				beside, besideFrom := want, from
				for i, layer := range layers {
					of[i].CORS = &spec.CORS{}
					if set>>i&1 == 0 {
						continue
					}
					s.set(&of[i], i)
					if want, from = s.values[i], layer; layer != plan.LayerRule {
						beside, besideFrom = want, from
					}
				}
				p := resolve(t, layered(of[0], of[1], of[2], spec.Rule{Match: &spec.Match{Methods: []string{"PUT"}}})).Policies[0]
				for _, entry := range []struct {
					*plan.Entry
					want string
					from plan.Layer
				}{{p.Rules[0], want, from}, {p.Rules[1], beside, besideFrom}, {p.Own, beside, besideFrom}} {
					value, layer := s.get(entry.Settings)
					if got := fmt.Sprint(value); got != entry.want || layer != entry.from {
						t.Errorf("%s: %q from %s, want %q from %s", entry, got, layer, entry.want, entry.from)
					}
				}
			})
		}
	}
}

// layered is a configuration of the three layers and other rules.
func layered(defaults, policy spec.Rule, rules ...spec.Rule) spec.Config {
	return spec.Config{
		Defaults: []spec.Defaults{{Name: "default", Spec: spec.DefaultsSpec{
			CORS: defaults.CORS, Enforcement: defaults.Enforcement, UpstreamHeaders: defaults.UpstreamHeaders,
			Preflight: defaults.Preflight, WebSocket: defaults.WebSocket,
		}}},
		Policies: []spec.Policy{{Name: "shop", Spec: spec.PolicySpec{
			Hosts: []string{"api.example"}, CORS: policy.CORS, Enforcement: policy.Enforcement,
			UpstreamHeaders: policy.UpstreamHeaders, Preflight: policy.Preflight, WebSocket: policy.WebSocket, Rules: rules,
		}}},
	}
}

// Settings that apply without an entry have the layers' settings, and grant nothing of their cors.
func TestUnchosenSettingsGrantNothing(t *testing.T) {
	cors := &spec.CORS{
		AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}, ExposeHeaders: []string{"*"},
		AllowPrivateNetwork: new(true), MaxAge: new(spec.Seconds(60)),
	}
	layer := spec.Rule{CORS: cors, Enforcement: new(spec.EnforcementBlock), Match: &spec.Match{Methods: []string{"GET"}}}
	p := resolve(t, layered(layer, layer, layer))
	for name, got := range map[string]*plan.Settings{
		"of a host without a policy": p.Unmatched, "of a policy without its cors": p.Policies[0].Unchosen,
		"where no rule matches": p.Tables[0].NoRule, "of an ambiguous path": p.Tables[0].Ambiguous,
	} {
		want := &plan.Settings{
			Enforcement: spec.EnforcementBlock, UpstreamHeaders: spec.UpstreamOverride, OriginCheck: spec.OriginCheckDisabled,
			Preflight: plan.Preflight{Mode: spec.PreflightAnswer, SuccessStatus: 204, DenyStatus: 403, Detail: spec.DetailFull},
			Conduct:   plan.Conduct{Enforcement: plan.Block, UpstreamHeaders: 2, Mode: 1, ResourcePolicy: plan.NoPolicy, DenyStatus: 403},
			From:      plan.Sources{Enforcement: got.From.Enforcement},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// "*" is public unless the same entry allows credentials, whichever layers the two come from.
func TestPublic(t *testing.T) {
	anyone, credentials := &spec.CORS{AllowOrigins: []string{"*"}}, &spec.CORS{AllowCredentials: new(true)}
	for _, tt := range []struct {
		name                   string
		defaults, policy, rule *spec.CORS
		want                   bool
	}{
		{"inherited", anyone, nil, &spec.CORS{}, true},
		{"of the rule itself", nil, nil, anyone, true},
		{"not with the policy's credentials", anyone, credentials, &spec.CORS{}, false},
		{"not with the rule's credentials", nil, anyone, credentials, false},
		{"not of a rule with origins of its own", nil, anyone, &spec.CORS{AllowOrigins: []string{"https://a.example"}}, false},
		{"not of a rule with null of its own", nil, anyone, &spec.CORS{AllowNullOrigin: new(true)}, false},
		{"again where the rule forbids credentials", anyone, credentials, &spec.CORS{AllowCredentials: new(false)}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := resolve(t, layered(spec.Rule{CORS: tt.defaults}, spec.Rule{CORS: tt.policy}, spec.Rule{CORS: tt.rule}))
			if got := p.Policies[0].Rules[0].Settings.Public; got != tt.want {
				t.Errorf("public: %t", got)
			}
		})
	}
}
