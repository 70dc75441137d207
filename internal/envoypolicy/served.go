package envoypolicy

import (
	"github.com/corsd/corsd/pkg/policy/plan"
)

// served has the hosts that a virtual host serves.
type served struct {
	governed []*plan.Host // by policies
	// stray is an example of a host that no policy names, "" if there is none.
	stray string
}

// policies are a plan, prepared for questions about virtual hosts.
type policies struct {
	*plan.Plan
	hosts hosts
	needs map[*plan.Table]*needs
}

func newPolicies(p *plan.Plan) *policies {
	return &policies{Plan: p, hosts: newHosts(p), needs: map[*plan.Table]*needs{}}
}

// served returns the hosts of each of n virtual hosts.
func (p *policies) served(d *domains, n int) []served {
	all := make([]served, n)
	seen := make([]map[*plan.Host]bool, n)
	for _, host := range examples(p.Plan, d) {
		i := d.find(host)
		if i < 0 {
			continue
		}
		governs := p.hosts.find(host)
		if governs == nil && all[i].stray == "" {
			all[i].stray = host
		}
		if governs == nil || seen[i][governs] {
			continue
		}
		if seen[i] == nil {
			seen[i] = map[*plan.Host]bool{}
		}
		seen[i][governs] = true
		all[i].governed = append(all[i].governed, governs)
	}
	return all
}

// tableNeeds is [needsOf], once for each table.
func (p *policies) tableNeeds(t *plan.Table) *needs {
	n := p.needs[t]
	if n == nil {
		n = needsOf(t)
		p.needs[t] = n
	}
	return n
}

// needsOf returns the needs of the hosts of a virtual host.
func (p *policies) needsOf(s *served) *needs {
	n := &needs{}
	for _, h := range s.governed {
		n.merge(p.tableNeeds(h.Table))
	}
	if s.stray != "" && !p.PassThrough {
		n.add("CORSDefaults", p.Unmatched)
	}
	return n
}

// untouched returns a host that the virtual host serves and that corsd leaves alone, "" if there is none.
func (p *policies) untouched(s *served) string {
	if p.PassThrough {
		return s.stray
	}
	return ""
}

// governs reports whether corsd decides about any host of the virtual host.
func (p *policies) governs(s *served) bool {
	return len(s.governed) > 0 || s.stray != "" && !p.PassThrough
}
