package match

import (
	"bytes"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/plan"
)

// hosts finds the most specific pattern that matches a host.
type hosts struct {
	list    []Host
	byName  [plan.HostAny]map[string]*Host // by kind
	any     *Host                          // "*", nil if there is none
	lengths lengths                        // of the names of captures and wildcards
}

// Host is a pattern that policies name.
type Host struct {
	Pattern plan.HostPattern
	table   tableID
	tenants []tenantName
}

type tenantName struct {
	policy PolicyID
	name   string
}

// capture is a host pattern of a policy that captures a label.
type capture struct{ tenant, suffix string }

func (b *builder) addHosts() {
	h := &b.hosts
	h.list = make([]Host, len(b.plan.Hosts))
	for kind := range h.byName {
		h.byName[kind] = map[string]*Host{}
	}
	for i, from := range b.plan.Hosts {
		to := &h.list[i]
		to.Pattern = plan.HostPattern{Kind: from.Pattern.Kind, Name: b.keep(from.Pattern.Name)}
		to.table = b.tableID(from.Table)
		for _, t := range from.Tenants {
			to.tenants = append(to.tenants, tenantName{b.policies[t.Policy], b.keep(t.Name)})
		}
		switch to.Pattern.Kind {
		case plan.HostAny:
			h.any = to
		case plan.HostExact:
			h.byName[plan.HostExact][to.Pattern.Name] = to
		default:
			h.byName[to.Pattern.Kind][to.Pattern.Name] = to
			h.lengths.add(len(to.Pattern.Name))
		}
	}
}

// Hosts returns the patterns of all hosts.
func (x *Index) Hosts() []plan.HostPattern {
	list := make([]plan.HostPattern, len(x.hosts.list))
	for i := range x.hosts.list {
		list[i] = x.hosts.list[i].Pattern
	}
	return list
}

// FindHost returns the most specific pattern that matches an authority, nil if no policy names
// its host. An authority that is not host[:port] is matched by "*" only.
func (x *Index) FindHost(authority string) *Host {
	h := &x.hosts
	var buf [MaxHost]byte
	host, ok := appendHost(buf[:0], authority)
	if !ok {
		return h.any
	}
	if found := h.byName[plan.HostExact][string(host)]; found != nil {
		return found
	}
	first := true
	for _, rest, more := bytes.Cut(host, dot); more; _, rest, more = bytes.Cut(rest, dot) {
		if h.lengths.has(len(rest)) {
			if found := h.byName[plan.HostCapture][string(rest)]; found != nil && first {
				return found
			}
			if found := h.byName[plan.HostWildcard][string(rest)]; found != nil {
				return found
			}
		}
		first = false
	}
	return h.any
}

// Tenant returns the label that the host of a request binds for a policy: by the pattern that
// matched, or if that is nil, since a selector chose the entry, by the policy's own hosts.
// The label is a part of buf.
func (x *Index) Tenant(buf []byte, matched *Host, policy PolicyID, authority string) origin.Tenant {
	if matched != nil && matched.tenants == nil || matched == nil && x.Policies[policy].captures == nil {
		return origin.Tenant{}
	}
	host, ok := appendHost(buf, authority)
	if !ok {
		return origin.Tenant{}
	}
	label, rest, _ := bytes.Cut(host, dot)
	if matched != nil {
		for _, t := range matched.tenants {
			if t.policy == policy {
				return origin.Tenant{Name: t.name, Label: label}
			}
		}
		return origin.Tenant{}
	}
	for _, c := range x.Policies[policy].captures {
		if c.suffix == string(rest) {
			return origin.Tenant{Name: c.tenant, Label: label}
		}
	}
	return origin.Tenant{}
}
