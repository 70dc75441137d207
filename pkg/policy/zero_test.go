package policy_test

import (
	"testing"

	"github.com/corsd/corsd/pkg/policy"
)

// An engine that was not compiled refuses every request. Its summary shows that.
func TestZeroEngine(t *testing.T) {
	for name, e := range map[string]*policy.Engine{"the zero Engine": {}, "nil": nil} {
		for _, tt := range []struct {
			name string
			r    request
			want string
		}{
			{"a page", get("/"), "actual deny no_policy continue"},
			{"a preflight", preflight("GET", "/"), "preflight deny no_policy respond"},
			{"a selector", get("/").selected("shop"), "actual deny selector_unknown continue"},
			{"no Origin", ask("GET", "/"), "not_cors none no_policy continue"},
		} {
			d := e.Decide(&tt.r.Request)
			got := d.Class.String() + " " + d.Verdict.String() + " " + d.Reason.String() + " " + d.Action().String()
			if got != tt.want || d.Policy() != "" || d.Rule() != "" {
				t.Errorf("%s, %s: %s of policy %q, want %s", name, tt.name, got, d.Policy(), tt.want)
			}
		}
		if got := e.Summary(); got != "policies: 0, hosts: 0, rules: 0, origin sets: 0" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
