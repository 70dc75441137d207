package match

import (
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/plan"
)

// origins finds out whether the origins of a layer allow an origin.
type origins struct {
	layers   []Origins
	sets     []*OriginSet
	patterns patterns
}

// Origins are the four origin fields of one layer.
type Origins struct {
	Any, Null bool
	Entries   []string // allowOrigins as written
	Regexes   []Regex
	Sets      []*OriginSet

	patterns setID
}

// Regex is an entry of allowOriginRegexes.
type Regex struct {
	*regexp.Regexp
	Text string
}

// OriginSet is one OriginSet document.
type OriginSet struct {
	Index   int // in the Config
	Name    string
	Entries []string // origins as written

	patterns setID
	expires  time.Time   // zero: never
	expired  atomic.Bool // goes from false to true
}

// Expired reports whether the set grants nothing any more.
func (s *OriginSet) Expired() bool { return s.expired.Load() }

func (b *builder) addOriginSets() {
	for _, from := range b.plan.Sets {
		to := &OriginSet{
			Index: from.Index, Name: b.keep(from.Name), Entries: b.keepAll(from.Entries),
			patterns: b.patternSet(from.Patterns), expires: from.Expires,
		}
		to.expired.Store(from.Expired)
		b.Index.origins.sets = append(b.Index.origins.sets, to)
	}
}

func (b *builder) keepAll(list []string) []string {
	kept := make([]string, len(list))
	for i, s := range list {
		kept[i] = b.keep(s)
	}
	return kept
}

func (b *builder) patternSet(list []plan.OriginPattern) setID {
	p := &b.Index.origins.patterns
	id := p.new()
	for i := range list {
		p.add(id, list[i].Pattern, b.keep)
	}
	return id
}

func (b *builder) originsID(from *plan.Origins) originsID {
	if from == nil {
		return None
	}
	if id, known := b.origins[from]; known {
		return id
	}
	x := &b.Index.origins
	id := originsID(len(x.layers))
	b.origins[from] = id
	to := Origins{
		Any: from.Any, Null: from.Null, Entries: b.keepAll(from.Entries), patterns: b.patternSet(from.Patterns),
	}
	for _, re := range from.Regexes {
		to.Regexes = append(to.Regexes, Regex{re.Regexp, b.keep(re.Text)})
	}
	for _, use := range from.Sets {
		to.Sets = append(to.Sets, x.sets[use.OriginSet.Index])
	}
	x.layers = append(x.layers, to)
	return id
}

// Origins returns the origin fields of an entry, nil if nobody is allowed.
func (x *Index) Origins(e EntryID) *Origins {
	if id := x.Entries[e].origins; id != None {
		return &x.origins.layers[id]
	}
	return nil
}

// From returns the origins that an entry matches, nil if it matches every request.
func (x *Index) From(e EntryID) *Origins {
	if id := x.Entries[e].from; id != None {
		return &x.origins.layers[id]
	}
	return nil
}

// Describe lists the entries as explain writes them.
func (o *Origins) Describe() []string {
	parts := slices.Clone(o.Entries)
	for _, re := range o.Regexes {
		parts = append(parts, "regex "+re.Text)
	}
	for _, set := range o.Sets {
		text := "set " + set.Name
		if set.Expired() {
			text += " (expired)"
		}
		parts = append(parts, text)
	}
	if o.Null {
		parts = append(parts, origin.Null)
	}
	return parts
}

// Matches reports whether the origins that a rule matches have an origin, for a request to a host that
// bound tenant. A set that has expired still counts: else an expiry would let its origins be judged by
// another rule.
func (x *Index) Matches(from *Origins, o origin.Origin, tenant origin.Tenant) bool {
	p := &x.origins.patterns
	if p.match(from.patterns, o, tenant) {
		return true
	}
	for _, set := range from.Sets {
		if p.match(set.patterns, o, tenant) {
			return true
		}
	}
	return false
}

// Allows reports whether the origin fields allow an origin, for a request to a host that bound
// tenant.
func (x *Index) Allows(o *Origins, from origin.Origin, tenant origin.Tenant) bool {
	p := &x.origins.patterns
	if o.Any || p.match(o.patterns, from, tenant) {
		return true
	}
	for _, set := range o.Sets {
		if !set.Expired() && p.match(set.patterns, from, tenant) {
			return true
		}
	}
	for _, re := range o.Regexes {
		if re.MatchString(from.Canonical) {
			return true
		}
	}
	return false
}

// Sets returns the number of origin sets.
func (x *Index) Sets() int { return len(x.origins.sets) }

// NextExpiry returns the next time at which an origin set expires, the zero Time if none does.
func (x *Index) NextExpiry() time.Time {
	var next time.Time
	for _, set := range x.origins.sets {
		if !set.expires.IsZero() && !set.Expired() && (next.IsZero() || set.expires.Before(next)) {
			next = set.expires
		}
	}
	return next
}

// Expiries returns the names of the origin sets that have a date, with that date.
func (x *Index) Expiries() iter.Seq2[string, time.Time] {
	return func(yield func(string, time.Time) bool) {
		for _, set := range x.origins.sets {
			if !set.expires.IsZero() && !yield(set.Name, set.expires) {
				return
			}
		}
	}
}

// Expire lets the origin sets whose time has come expire, and returns their names.
func (x *Index) Expire(now time.Time) (names []string) {
	for _, set := range x.origins.sets {
		if !set.expires.IsZero() && !set.expires.After(now) && set.expired.CompareAndSwap(false, true) {
			names = append(names, set.Name)
		}
	}
	return names
}

// patterns has sets of origin patterns.
type patterns struct {
	sets  []patternSet
	exact map[exactKey]struct{} // patterns of one origin, which most are
	other map[patternKey]struct{}
}

// patternSet has the look-ups that a set needs.
type patternSet struct {
	exact, anyPort, otherPort, anyHost, tenants bool

	suffixes lengths
}

// exactKey is a single origin of a set, in its canonical form.
type exactKey struct {
	set  setID
	text string
}

// patternKey is any other pattern of a set. Host is "" for [origin.AnyHost].
type patternKey struct {
	set                        setID
	kind                       origin.HostKind
	scheme, host, tenant, port string
}

func (p *patterns) new() setID {
	p.sets = append(p.sets, patternSet{})
	return setID(len(p.sets) - 1)
}

func (p *patterns) add(id setID, from origin.Pattern, keep func(string) string) {
	if p.exact == nil {
		p.exact, p.other = map[exactKey]struct{}{}, map[patternKey]struct{}{}
	}
	s := &p.sets[id]
	if from.Kind == origin.ExactHost && from.Port != origin.AnyPort {
		s.exact = true
		p.exact[exactKey{id, keep(from.String())}] = struct{}{}
		return
	}
	key := patternKey{id, from.Kind, keep(from.Scheme), keep(from.Host), keep(from.Tenant), keep(from.Port)}
	p.other[key] = struct{}{}
	if from.Port == origin.AnyPort {
		s.anyPort = true
	} else {
		s.otherPort = true
	}
	switch from.Kind {
	case origin.AnyHost:
		s.anyHost = true
	case origin.TenantHost:
		s.tenants = true
	case origin.Subdomains:
		s.suffixes.add(len(from.Host))
	}
}

// match reports whether a pattern of the set matches the origin.
func (p *patterns) match(id setID, o origin.Origin, tenant origin.Tenant) bool {
	s := &p.sets[id]
	if s.exact {
		if _, known := p.exact[exactKey{id, o.Canonical}]; known {
			return true
		}
	}
	return s.otherPort && p.matchPort(id, o, o.Port, tenant) || s.anyPort && p.matchPort(id, o, origin.AnyPort, tenant)
}

// matchPort is match for the patterns that are not exact, with this port.
func (p *patterns) matchPort(id setID, o origin.Origin, port string, tenant origin.Tenant) bool {
	s, key := &p.sets[id], patternKey{set: id, scheme: o.Scheme, port: port}
	if s.anyHost {
		if key.kind = origin.AnyHost; p.has(key) {
			return true
		}
	}
	if key.kind, key.host = origin.ExactHost, o.Host; port == origin.AnyPort && p.has(key) {
		return true
	}
	if s.suffixes != 0 && p.matchSuffix(s.suffixes, key) {
		return true
	}
	if !s.tenants || len(tenant.Label) == 0 {
		return false
	}
	label, rest, found := strings.Cut(o.Host, ".")
	key.kind, key.host, key.tenant = origin.TenantHost, rest, tenant.Name
	return found && label == string(tenant.Label) && p.has(key)
}

// matchSuffix tries what follows each dot of the host, the longest first.
func (p *patterns) matchSuffix(suffixes lengths, key patternKey) bool {
	key.kind = origin.Subdomains
	for {
		_, rest, found := strings.Cut(key.host, ".")
		if !found {
			return false
		}
		if key.host = rest; suffixes.has(len(rest)) && p.has(key) {
			return true
		}
	}
}

func (p *patterns) has(key patternKey) bool {
	_, known := p.other[key]
	return known
}
