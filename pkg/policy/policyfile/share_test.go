package policyfile

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy"
)

// TestShare: rules say what they said, and share it if they say the same.
func TestShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, same := make([]policy.Rule, 6), make([]policy.Rule, 6)
		draw := rapid.Custom(func(t *rapid.T) policy.CORS {
			flag := rapid.SampledFrom([]*bool{nil, new(false), new(true)})
			list := rapid.SampledFrom([][]string{nil, {}, {""}, {"a"}, {"a", "b"}, {"ab"}})
			return policy.CORS{
				AllowOrigins: list.Draw(t, "origins"), AllowMethods: list.Draw(t, "methods"), AllowCredentials: flag.Draw(t, "credentials"),
				AllowPrivateNetwork: flag.Draw(t, "private network"), MaxAge: rapid.SampledFrom([]*policy.Seconds{nil, new(policy.Seconds(0)), new(policy.Seconds(600))}).Draw(t, "max-age"),
			}
		})
		for i := range rules {
			rules[i] = policy.Rule{Name: rapid.SampledFrom([]string{"", "r"}).Draw(t, "name"), CORS: new(draw.Draw(t, "cors"))}
			if rapid.Bool().Draw(t, "has a match") {
				rules[i].Match = &policy.Match{Methods: rules[i].CORS.AllowMethods, Path: &policy.PathMatch{Value: "/"}}
			}
			same[i] = rules[i]
		}
		newSharer().rules(rules)
		if diff := cmp.Diff(same, rules); diff != "" {
			t.Fatalf("rules (-before +after):\n%s", diff)
		}
		for i := range rules {
			for j := range rules {
				if (rules[i].CORS == rules[j].CORS) != reflect.DeepEqual(same[i].CORS, same[j].CORS) {
					t.Fatalf("%+v and %+v: shared: %v", same[i].CORS, same[j].CORS, rules[i].CORS == rules[j].CORS)
				}
			}
		}
	})
}
