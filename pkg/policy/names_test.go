package policy_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy"
)

func TestNames(t *testing.T) {
	cors := &policy.CORS{AllowOrigins: []string{"https://a.example"}}
	rule := []policy.Rule{{Match: &policy.Match{Path: &policy.PathMatch{Value: "/api"}}, CORS: cors}}
	engine, _, err := policy.Compile(policy.Config{Policies: []policy.Policy{
		{Name: "shop", Spec: policy.Spec{Hosts: []string{"shop.example", "*.shop.example", "{name}.tenant.example"}, CORS: cors}},
		{Name: "rest", Spec: policy.Spec{Hosts: []string{"*", "shop.example"}, Rules: rule}},
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
