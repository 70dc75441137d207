package policy_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

func TestNames(t *testing.T) {
	cors := &spec.CORS{AllowOrigins: []string{"https://a.example"}}
	rule := []spec.Rule{{Match: &spec.Match{Path: &spec.PathMatch{Value: "/api"}}, CORS: cors}}
	engine, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{
		{Name: "shop", Spec: spec.PolicySpec{Hosts: []string{"shop.example", "*.shop.example", "{name}.tenant.example"}, CORS: cors}},
		{Name: "rest", Spec: spec.PolicySpec{Hosts: []string{"*", "shop.example"}, Rules: rule}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"rest", "shop"}, slices.Sorted(engine.Policies())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"*", "*.shop.example", "shop.example", "{tenant}.tenant.example"}, slices.Sorted(engine.Hosts())); diff != "" {
		t.Error(diff)
	}
	for range engine.Policies() {
		break
	}
	for range engine.Hosts() {
		break
	}
}
