package lint

import (
	"fmt"
	"slices"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// tenants judges whether the policy's hosts bind the labels that the origins name.
func (l *linter) tenants(p *plan.Policy, o *plan.Origins) {
	for i := range o.Patterns {
		if t := &o.Patterns[i]; t.Kind == origin.TenantHost {
			l.tenant(p, t.Tenant, o.Place("allowOrigins").Item(t.Index), t.Text, "")
		}
	}
	for _, set := range o.Sets {
		for _, i := range set.Tenants { // many policies may name one large set
			t := &set.Patterns[i]
			place := o.Place("allowOriginSets").Item(set.Index)
			l.tenant(p, t.Tenant, place, set.Name, "of the set's origins "+t.Text+" ")
		}
	}
}

// binds reports whether a host of the policy binds a name to its label.
func binds(p *plan.Policy, name string) bool {
	return slices.ContainsFunc(p.Hosts, func(h plan.PolicyHost) bool { return h.Tenant == name })
}

func (l *linter) tenant(p *plan.Policy, name string, place spec.Place, value, subject string) {
	if binds(p, name) {
		return
	}
	var bound []string
	for _, h := range p.Hosts {
		if h.Tenant != "" && !slices.Contains(bound, h.Tenant) {
			bound = append(bound, h.Tenant)
		}
	}
	hint := "hosts: [\"{" + name + "}.shop.example\"]"
	if len(bound) == 1 {
		hint = "{" + bound[0] + "}, which the policy's hosts bind"
	}
	l.Fault(spec.Diagnostic{
		Code: spec.CodeTenantUnbound, Location: at(place), Value: value,
		Message: fmt.Sprintf("%shas {%s}, which no host of policy %s binds", subject, name, p.Name), Hint: hint,
	})
}
