package policyfile

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy"
)

// TestPack: documents come back as they were, as often as they are asked for, and what
// allows the same is one.
func TestPack(t *testing.T) {
	name := rapid.SampledFrom([]string{"", "a", "b"})
	list := rapid.SampledFrom([][]string{nil, {}, {""}, {"a"}, {"a", "b"}, {"ab"}})
	flag := rapid.SampledFrom([]*bool{nil, new(false), new(true)})
	cors := optional(func(t *rapid.T) policy.CORS {
		return policy.CORS{
			AllowOrigins: list.Draw(t, "origins"), AllowMethods: list.Draw(t, "methods"), AllowCredentials: flag.Draw(t, "credentials"),
			AllowPrivateNetwork: flag.Draw(t, "private network"), MaxAge: rapid.SampledFrom([]*policy.Seconds{nil, new(policy.Seconds(0)), new(policy.Seconds(600))}).Draw(t, "max-age"),
		}
	})
	path := optional(func(t *rapid.T) policy.PathMatch {
		return policy.PathMatch{Value: name.Draw(t, "path"), Type: rapid.SampledFrom([]*policy.PathMatchType{nil, new(policy.PathExact), new(policy.PathPrefix)}).Draw(t, "type")}
	})
	match := optional(func(t *rapid.T) policy.Match {
		return policy.Match{Path: path.Draw(t, "path"), Methods: list.Draw(t, "methods")}
	})
	rule := rapid.Custom(func(t *rapid.T) policy.Rule {
		return policy.Rule{
			Name: name.Draw(t, "name"), Match: match.Draw(t, "match"), CORS: cors.Draw(t, "cors"),
			Enforcement: rapid.SampledFrom([]*policy.Enforcement{nil, new(policy.EnforcementShadow)}).Draw(t, "enforcement"),
		}
	})
	spec := rapid.Custom(func(t *rapid.T) policy.Policy {
		return policy.Policy{Name: name.Draw(t, "name"), Spec: policy.Spec{
			Enforcement: rapid.SampledFrom([]*policy.Enforcement{nil, new(policy.EnforcementShadow)}).Draw(t, "the policy's enforcement"),
			Hosts:       list.Draw(t, "hosts"), CORS: cors.Draw(t, "cors"), Rules: rapid.SliceOfN(rule, 0, 4).Draw(t, "rules"),
		}}
	})
	set := rapid.Custom(func(t *rapid.T) policy.OriginSet {
		return policy.OriginSet{Name: name.Draw(t, "name"), Spec: policy.OriginSetSpec{Origins: list.Draw(t, "origins"), Owner: name.Draw(t, "owner")}}
	})
	rapid.Check(t, func(t *rapid.T) {
		want := policy.Config{
			Policies: rapid.SliceOfN(spec, 0, 4).Draw(t, "policies"), OriginSets: rapid.SliceOfN(set, 0, 4).Draw(t, "sets"),
			Defaults: []policy.Defaults{{Name: "defaults"}},
		}
		packed := newPacked(1000)
		packed.defaults = want.Defaults
		for _, p := range want.Policies {
			packed.addPolicy(copied(p))
		}
		for _, s := range want.OriginSets {
			packed.addSet(s)
		}
		for range 2 {
			// Compile cannot tell an empty list of rules, or of a set's origins, from none.
			if diff := cmp.Diff(want, unpacked(packed), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		}
		all := allCORS(packed)
		for i := range all {
			for j := range all {
				if (all[i] == all[j]) != reflect.DeepEqual(*all[i], *all[j]) {
					t.Fatalf("%+v and %+v: shared: %v", all[i], all[j], all[i] == all[j])
				}
			}
		}
	})
}

// optional is a value or nil.
func optional[T any](draw func(*rapid.T) T) *rapid.Generator[*T] {
	return rapid.Custom(func(t *rapid.T) *T {
		if rapid.IntRange(0, 3).Draw(t, "nil at 0") == 0 {
			return nil
		}
		return new(draw(t))
	})
}

// copied copies what packing changes.
func copied(p policy.Policy) policy.Policy {
	p.Spec.Rules = append([]policy.Rule(nil), p.Spec.Rules...)
	for i := range p.Spec.Rules {
		if m := p.Spec.Rules[i].Match; m != nil && m.Path != nil {
			p.Spec.Rules[i].Match = &policy.Match{Path: new(*m.Path), Methods: m.Methods}
		}
	}
	return p
}

func unpacked(d policy.Documents) policy.Config {
	c := policy.Config{Defaults: d.AllDefaults()}
	for i, p := range d.AllPolicies() {
		if i != len(c.Policies) {
			panic("policies are not counted")
		}
		c.Policies = append(c.Policies, copied(*p))
	}
	for i, s := range d.AllOriginSets() {
		if i != len(c.OriginSets) {
			panic("sets are not counted")
		}
		s := *s
		s.Spec.Origins = append([]string(nil), s.Spec.Origins...)
		c.OriginSets = append(c.OriginSets, s)
	}
	return c
}

func allCORS(d policy.Documents) (all []*policy.CORS) {
	add := func(cors *policy.CORS) {
		if cors != nil {
			all = append(all, cors)
		}
	}
	for _, p := range d.AllPolicies() {
		add(p.Spec.CORS)
		for _, r := range p.Spec.Rules {
			add(r.CORS)
		}
	}
	return all
}
