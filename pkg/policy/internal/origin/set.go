package origin

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/index"
)

// Tenant is a label that the host of a request bound to a name. The zero Tenant
// is bound to nothing.
type Tenant struct {
	Name  string
	Label []byte
}

// Set is one of the sets of a [Sets].
type Set uint32

// Sets holds sets of patterns so that finding out whether one of a set takes an origin
// costs a few look-ups, however many there are.
type Sets struct {
	text   *index.Text
	names  *index.Index
	sets   []set
	groups []group
}

// set is what need not be looked up for a set.
type set struct {
	exact   bool // it has patterns of one origin
	grouped bool // it has others
}

// group is the patterns of a set that have scheme and port in common.
type group struct {
	any, exact, tenants bool
	suffixes            index.Lengths
}

// What names are of: an owner is one of these of a set, or of a group.
const (
	ofOrigins  uint32 = iota // a set's single origins
	ofGroups                 // a set's groups, by scheme:port
	ofHosts                  // a group's hosts
	ofSuffixes               // what its hosts end with
	ofTenants                // name}suffix
	kinds
)

func owner(kind, of uint32) uint32 { return of*kinds + kind }

// NewSets gives a collection that has room for so many patterns, and grows beyond them.
// Their names are kept in text.
func NewSets(text *index.Text, patterns int) *Sets {
	return &Sets{text: text, names: index.New(text, patterns)}
}

// New gives an empty set.
func (s *Sets) New() Set {
	s.sets = append(s.sets, set{})
	return Set(len(s.sets) - 1)
}

// Add adds a pattern to a set.
func (s *Sets) Add(to Set, p Pattern) {
	if p.Kind == ExactHost && p.Port != AnyPort {
		s.sets[to].exact = true
		s.insert(owner(ofOrigins, uint32(to)), p.String())
		return
	}
	id := s.group(to, p.Scheme+":"+p.Port)
	g := &s.groups[id]
	switch p.Kind {
	case ExactHost:
		g.exact = true
		s.insert(owner(ofHosts, id), p.Host)
	case Subdomains:
		g.suffixes.Add(len(p.Host))
		s.insert(owner(ofSuffixes, id), p.Host)
	case AnyHost:
		g.any = true
	case TenantHost:
		g.tenants = true
		s.insert(owner(ofTenants, id), p.Tenant+"}"+p.Host)
	}
}

func (s *Sets) insert(owner uint32, name string) {
	if _, known := s.names.Get(owner, name); !known {
		s.names.Add(owner, s.text.Add(name), 0)
	}
}

func (s *Sets) group(of Set, key string) uint32 {
	s.sets[of].grouped = true
	groups := owner(ofGroups, uint32(of))
	id, known := s.names.Get(groups, key)
	if !known {
		id = uint32(len(s.groups))
		s.groups = append(s.groups, group{})
		s.names.Add(groups, s.text.Add(key), id)
	}
	return id
}

func (s *Sets) has(owner uint32, name string) bool {
	_, ok := s.names.Get(owner, name)
	return ok
}

// TakesText reports whether a pattern of the set is the text itself, which then is a
// well-formed origin. Most are found like this. What it does not find may be taken
// nevertheless.
func (s *Sets) TakesText(of Set, text string) bool {
	return s.sets[of].exact && s.has(owner(ofOrigins, uint32(of)), text)
}

// Takes reports whether any pattern of the set takes the origin, for requests to
// a host that bound tenant.
func (s *Sets) Takes(of Set, o Origin, tenant Tenant) bool {
	return s.TakesText(of, o.Canonical) ||
		s.sets[of].grouped && (s.groupTakes(of, o, o.Port, tenant) || s.groupTakes(of, o, AnyPort, tenant))
}

func (s *Sets) groupTakes(of Set, o Origin, port string, tenant Tenant) bool {
	var buf [MaxLength]byte
	key := append(append(append(buf[:0], o.Scheme...), ':'), port...)
	id, known := s.names.GetBytes(owner(ofGroups, uint32(of)), key)
	if !known {
		return false
	}
	g := &s.groups[id]
	return g.any || g.exact && s.has(owner(ofHosts, id), o.Host) || s.takesSubdomain(id, o.Host) || g.tenants && s.takesTenant(id, o.Host, tenant)
}

// takesSubdomain tries what is behind each dot, the longest first.
func (s *Sets) takesSubdomain(id uint32, host string) bool {
	suffixes := s.groups[id].suffixes
	if suffixes.Empty() {
		return false
	}
	for rest := host; ; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			return false
		}
		rest = rest[dot+1:]
		if suffixes.Has(len(rest)) && s.has(owner(ofSuffixes, id), rest) {
			return true
		}
	}
}

func (s *Sets) takesTenant(id uint32, host string, tenant Tenant) bool {
	if len(tenant.Label) == 0 {
		return false
	}
	label, rest, found := strings.Cut(host, ".")
	if !found || label != string(tenant.Label) {
		return false
	}
	var buf [MaxLength]byte
	_, ok := s.names.GetBytes(owner(ofTenants, id), append(append(append(buf[:0], tenant.Name...), '}'), rest...))
	return ok
}
