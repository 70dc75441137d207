package origin

import "strings"

// Tenant is a label that the host of a request bound to a name. The zero Tenant
// is bound to nothing.
type Tenant struct {
	Name  string
	Label []byte
}

// Set holds patterns so that finding the one that takes an origin costs a few
// map look-ups, however many there are. The zero Set takes nothing.
type Set struct {
	exact  map[string]struct{}
	groups map[group]*hosts
}

// group is what patterns have in common that are looked for together.
type group struct{ scheme, port string }

// hosts are the hosts of the patterns of one group.
type hosts struct {
	any      bool
	exact    map[string]struct{}
	suffixes map[string]struct{}
	tenants  map[tenantHost]struct{}
}

type tenantHost struct{ name, suffix string }

// Add adds a pattern. Its strings are kept.
func (s *Set) Add(p Pattern) {
	if p.Kind == ExactHost && p.Port != AnyPort {
		insert(&s.exact, p.String())
		return
	}
	h := s.group(group{p.Scheme, p.Port})
	switch p.Kind {
	case ExactHost:
		insert(&h.exact, p.Host)
	case Subdomains:
		insert(&h.suffixes, p.Host)
	case AnyHost:
		h.any = true
	case TenantHost:
		insert(&h.tenants, tenantHost{p.Tenant, p.Host})
	}
}

func (s *Set) group(key group) *hosts {
	if s.groups == nil {
		s.groups = map[group]*hosts{}
	}
	h := s.groups[key]
	if h == nil {
		h = &hosts{}
		s.groups[key] = h
	}
	return h
}

func insert[K comparable](m *map[K]struct{}, key K) {
	if *m == nil {
		*m = map[K]struct{}{}
	}
	(*m)[key] = struct{}{}
}

// Takes reports whether any pattern of the set takes the origin, for requests to
// a host that bound tenant.
func (s *Set) Takes(o Origin, tenant Tenant) bool {
	if _, ok := s.exact[o.Canonical]; ok {
		return true
	}
	if len(s.groups) == 0 {
		return false
	}
	return s.groups[group{o.Scheme, o.Port}].takes(o.Host, tenant) ||
		s.groups[group{o.Scheme, AnyPort}].takes(o.Host, tenant)
}

func (h *hosts) takes(host string, tenant Tenant) bool {
	if h == nil {
		return false
	}
	if h.any {
		return true
	}
	if _, ok := h.exact[host]; ok {
		return true
	}
	return h.takesSubdomain(host) || h.takesTenant(host, tenant)
}

// takesSubdomain tries what is behind each dot, the longest first.
func (h *hosts) takesSubdomain(host string) bool {
	if len(h.suffixes) == 0 {
		return false
	}
	for rest := host; ; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			return false
		}
		rest = rest[dot+1:]
		if _, ok := h.suffixes[rest]; ok {
			return true
		}
	}
}

func (h *hosts) takesTenant(host string, tenant Tenant) bool {
	if len(h.tenants) == 0 || len(tenant.Label) == 0 {
		return false
	}
	label, rest, found := strings.Cut(host, ".")
	if !found || label != string(tenant.Label) {
		return false
	}
	_, ok := h.tenants[tenantHost{tenant.Name, rest}]
	return ok
}
