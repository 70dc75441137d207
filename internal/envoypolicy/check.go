package envoypolicy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/corsd/corsd/internal/envoyconfig"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// maxFindings bounds the faults, and the warnings, of one [Check].
const maxFindings = 1000

// Check compares an Envoy configuration with the plan of policies without faults. A fault is a part of a
// policy that does not have its effect; a warning is one that may not, or that fails with corsd.
func Check(p *plan.Plan, c *envoyconfig.Config) (faults, warnings []spec.Diagnostic) {
	k := &checker{
		policies: newPolicies(p), config: c, clusters: map[string]*envoyconfig.Cluster{},
		served: map[*plan.Host]bool{}, known: map[spec.Diagnostic]bool{},
	}
	for _, cluster := range c.Clusters {
		k.clusters[cluster.Name] = cluster
	}
	for _, m := range c.Managers {
		k.manager(m)
	}
	if len(c.Managers) == 0 {
		for _, t := range c.Tables {
			k.table(t, &caller{filter: nameOfFilter(t)})
		}
	}
	k.unserved()
	return limited(k.faults), limited(k.warnings)
}

// checker is the state of one [Check].
type checker struct {
	*policies
	config   *envoyconfig.Config
	clusters map[string]*envoyconfig.Cluster

	served map[*plan.Host]bool // by a virtual host with corsd
	tables int                 // route tables that were judged
	partly bool                // the file lacks a route table

	known            map[spec.Diagnostic]bool
	faults, warnings []spec.Diagnostic
}

// fault and warn add a diagnostic.
func (k *checker) fault(pos spec.Position, code spec.Code, hint, format string, args ...any) {
	k.report(&k.faults, diagnostic(pos, code, hint, format, args...))
}

func (k *checker) warn(pos spec.Position, code spec.Code, hint, format string, args ...any) {
	k.report(&k.warnings, diagnostic(pos, code, hint, format, args...))
}

// faultOf adds a fault of a value, which the message describes.
func (k *checker) faultOf(t envoyconfig.Text, code spec.Code, hint, format string, args ...any) {
	d := diagnostic(t.Position, code, hint, format, args...)
	d.Value = t.Value
	k.report(&k.faults, d)
}

func diagnostic(pos spec.Position, code spec.Code, hint, format string, args ...any) spec.Diagnostic {
	return spec.Diagnostic{
		Location: spec.Location{Position: pos}, Code: code, Message: fmt.Sprintf(format, args...), Hint: hint,
	}
}

// report adds a diagnostic once: connection managers share clusters and route tables.
func (k *checker) report(list *[]spec.Diagnostic, d spec.Diagnostic) {
	if !k.known[d] {
		k.known[d] = true
		*list = append(*list, d)
	}
}

// limited sorts the diagnostics by position. Beyond a bound it counts them.
func limited(list []spec.Diagnostic) []spec.Diagnostic {
	slices.SortStableFunc(list, func(a, b spec.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column))
	})
	if more := len(list) - maxFindings; more > 0 {
		list = append(list[:maxFindings], spec.Diagnostic{
			Code: spec.CodeLimitExceeded, Message: fmt.Sprintf("%d more are not shown", more),
		})
	}
	return list
}

// wholeDump is the hint if a file lacks a part that it names.
const wholeDump = "the output of /config_dump of a running Envoy, which has all parts"

// caller is the filter that calls corsd for the requests of a route table.
type caller struct {
	filter string              // its name
	calls  []*envoyconfig.Call // none if the file has only the route table
	off    bool                // unless a virtual host or route enables it
	names  []string            // of all filters, nil if they are not known
	native bool                // there is a native cors filter beside it
	// onlyOrigin reports that a matcher around it selects requests, as those with an Origin, or that a module does.
	onlyOrigin bool
}

func (c *caller) is(has func(*envoyconfig.Call) bool) bool { return slices.ContainsFunc(c.calls, has) }

// authz reports whether Envoy calls corsd by ext_authz.
func (c *caller) authz() bool { return c.is(func(call *envoyconfig.Call) bool { return call.Authz }) }

// failsOpen reports whether the filter itself lets requests pass while corsd is down.
func (c *caller) failsOpen() bool {
	return c.is(func(call *envoyconfig.Call) bool { return call.FailureModeAllow.Value == "true" })
}

// tooLate returns the call that Envoy makes only after the application, nil if there is none.
func (c *caller) tooLate() *envoyconfig.Call {
	for _, call := range c.calls {
		if !call.Authz && !call.Module && call.RequestMode.Value == "SKIP" {
			return call
		}
	}
	return nil
}

func (k *checker) manager(m *envoyconfig.Manager) {
	var callers []*caller
	for i, f := range m.Filters {
		if isCorsd(f) {
			callers = append(callers, k.caller(m, i))
		}
	}
	if len(callers) == 0 {
		k.withoutFilter(m)
		return
	}
	for _, name := range m.Unknown {
		k.partly = true
		k.warn(name.Position, codeIncomplete, wholeDump,
			"the route table %q is not in this file, so its virtual hosts were not judged", name.Value)
	}
	for _, t := range m.Tables {
		k.table(t, callers...)
	}
}

// caller judges a filter of a connection manager that calls corsd, and the filters before it.
func (k *checker) caller(m *envoyconfig.Manager, i int) *caller {
	f := m.Filters[i]
	c := &caller{filter: f.Name, calls: f.Calls, off: f.Disabled}
	c.onlyOrigin = isMatched(f) || c.is(func(call *envoyconfig.Call) bool { return call.Module && !call.AllRequests })
	for j, other := range m.Filters {
		c.names = append(c.names, other.Name)
		c.native = c.native || isNativeCORS(other) // a policy on a route enables it
		if j < i && !isCorsd(other) && (!other.Disabled || enables(m.Tables, other.Name)) {
			k.before(f, other)
		}
	}
	for _, call := range f.Calls {
		if !call.Module { // its settings are judged by the module itself
			k.call(call)
		}
	}
	return c
}

// isMatched reports whether a filter applies to some requests only.
func isMatched(f *envoyconfig.Filter) bool {
	return strings.HasSuffix(f.Type, ".ExtensionWithMatcher") || strings.HasSuffix(f.Type, ".Composite")
}

// enables reports whether a part of the route tables enables a filter that is disabled.
func enables(tables []*envoyconfig.Table, filter string) bool {
	return slices.ContainsFunc(tables, func(t *envoyconfig.Table) bool {
		return t.Enables(filter) || slices.ContainsFunc(t.Hosts, func(h *envoyconfig.VirtualHost) bool {
			return h.Enables(filter) || h.RouteEnables(filter)
		})
	})
}

// isCorsd reports whether a filter calls corsd: its name, or that of its cluster, statistics or module, has corsd in
// it.
func isCorsd(f *envoyconfig.Filter) bool {
	return slices.ContainsFunc(f.Calls, func(c *envoyconfig.Call) bool {
		for _, name := range []string{
			f.Name, c.Cluster.Value, c.StatPrefix.Value, c.Authority.Value, c.FilterName.Value,
		} {
			if strings.Contains(name, "corsd") {
				return true
			}
		}
		return false
	})
}

// withoutFilter judges a connection manager that does not call corsd.
func (k *checker) withoutFilter(m *envoyconfig.Manager) {
	for _, t := range m.Tables {
		for i, s := range k.policies.served(domainsOfTable(t), len(t.Hosts)) {
			h := t.Hosts[i]
			if !k.governs(&s) || answersAll(h) {
				continue
			}
			host := s.stray
			if len(s.governed) > 0 {
				host = s.governed[0].Pattern.String()
			}
			add := k.fault
			if servesAll(h) {
				add = k.warn // tables for other purposes have "*" too
			}
			add(m.Position, codeFilterMissing, "the filter corsd as the first of http_filters (corsd envoy writes it)",
				"%s does not call corsd, and its virtual host %s serves %s, which policies govern",
				managerName(m), h.Name, host)
		}
	}
}

func servesAll(h *envoyconfig.VirtualHost) bool {
	return slices.ContainsFunc(h.Domains, func(d envoyconfig.Text) bool { return d.Value == "*" })
}

func managerName(m *envoyconfig.Manager) string {
	if m.Listener == "" {
		return "the HTTP connection manager"
	}
	return "the HTTP connection manager of " + m.Listener
}

// answersAll reports whether Envoy itself answers all requests of a virtual host, as a redirect to https does.
func answersAll(h *envoyconfig.VirtualHost) bool {
	return len(h.Routes) > 0 && !slices.ContainsFunc(h.Routes, func(r *envoyconfig.Route) bool { return !r.Answers })
}

func domainsOfTable(t *envoyconfig.Table) *domains {
	d := newDomains()
	for i, h := range t.Hosts {
		for _, name := range h.Domains {
			d.add(name.Value, i)
		}
	}
	return d
}

// nameOfFilter returns the name by which the virtual hosts of a table configure corsd, if no filter is known.
func nameOfFilter(t *envoyconfig.Table) string {
	for _, h := range t.Hosts {
		for _, p := range h.PerFilter {
			if strings.Contains(p.Filter, "corsd") || len(corsdKeys(p)) > 0 {
				return p.Filter
			}
		}
	}
	return "corsd"
}

// unserved warns of hosts of policies that no virtual host serves.
func (k *checker) unserved() {
	if k.tables == 0 || k.partly {
		return
	}
	for i := range k.Hosts {
		h := &k.Hosts[i]
		if k.served[h] {
			continue
		}
		for _, p := range h.Table.Policies {
			j := slices.IndexFunc(p.Hosts, func(of plan.PolicyHost) bool { return of.Pattern == h.Pattern })
			if j < 0 {
				continue
			}
			k.report(&k.warnings, spec.Diagnostic{
				Location: spec.Location{Place: p.Place("hosts").Item(j)}, Code: codeHostUnserved,
				Value:   h.Pattern.String(),
				Message: "is a host that no virtual host of " + k.config.File + " serves through corsd",
				Hint:    "a virtual host with this domain, or no policy for it",
			})
			break
		}
	}
}
