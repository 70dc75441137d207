package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// MaxTableEntries bounds the entries of all tables together. Hosts that the same policies name
// share a table.
const MaxTableEntries = 1_000_000

// resolvePolicyHosts reads the hosts of a policy.
func (r *resolver) resolvePolicyHosts(p *Policy, texts []string) []PolicyHost {
	place := p.Place("hosts")
	if len(texts) == 0 {
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeMissingField, Location: at(place), Message: "names no host",
			Hint: `hosts: [api.shop.example], or ["*"] for every host`,
		})
	}
	var hosts []PolicyHost
	first := make(map[HostPattern]int, len(texts))
	for i, text := range texts {
		pattern, tenant, fault := parseHost(text)
		if fault != nil {
			r.report.Fault(spec.Diagnostic{
				Code: spec.CodeHostInvalid, Location: at(place.Item(i)), Value: text, Message: fault.Message,
				Hint: fault.Hint,
			})
			continue
		}
		if j, known := first[pattern]; known {
			r.report.Fault(spec.Diagnostic{
				Code: spec.CodeConflict, Location: at(place.Item(i)), Value: text, Related: related(place.Item(j)),
				Message: "is the same host as " + strconv.Quote(texts[j]), Hint: "each host once",
			})
			continue
		}
		first[pattern] = i
		hosts = append(hosts, PolicyHost{pattern, tenant})
	}
	return hosts
}

// resolveHosts makes one table for each set of policies that name a host together.
func (r *resolver) resolveHosts() {
	type naming struct {
		policies []*Policy
		tenants  []TenantName
	}
	named := map[HostPattern]*naming{}
	var order []HostPattern
	for _, p := range r.plan.Policies {
		for _, h := range p.Hosts {
			n := named[h.Pattern]
			if n == nil {
				n = &naming{}
				named[h.Pattern] = n
				order = append(order, h.Pattern)
			}
			n.policies = append(n.policies, p)
			if h.Tenant != "" {
				n.tenants = append(n.tenants, TenantName{p, h.Tenant})
			}
		}
	}
	for _, pattern := range order {
		table := r.tableOf(named[pattern].policies, pattern.String())
		if table == nil {
			return // too many entries
		}
		r.plan.Hosts = append(r.plan.Hosts, Host{pattern, table, named[pattern].tenants})
	}
}

// tableOf returns the table of the policies that name a host, nil if there are too many entries.
func (r *resolver) tableOf(policies []*Policy, host string) *Table {
	if !r.options.InOrder {
		slices.SortFunc(policies, func(a, b *Policy) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Index, b.Index))
		})
	}
	var key strings.Builder
	for _, p := range policies {
		key.WriteString(strconv.Itoa(p.Index) + ",")
	}
	if known := r.tables[key.String()]; known != nil {
		return known
	}
	for _, p := range policies {
		r.entries += len(p.Rules) + 1
	}
	if r.entries > MaxTableEntries {
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeLimitExceeded, Location: at(policies[0].Place("hosts")), Value: host,
			Message: fmt.Sprintf("makes more than %d entries of hosts and rules", MaxTableEntries),
			Hint:    "policies that name the same hosts",
		})
		return nil
	}
	t := r.newTable(policies, host)
	r.tables[key.String()] = t
	r.plan.Tables = append(r.plan.Tables, t)
	return t
}
