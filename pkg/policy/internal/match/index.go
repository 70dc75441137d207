package match

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/plan"
)

// PolicyID is the place of a policy in [Index.Policies].
type PolicyID int32

// EntryID is the place of an entry in [Index.Entries].
type EntryID int32

// SettingsID is the place of settings in [Index.Settings].
type SettingsID int32

type (
	tableID   int32
	slotID    int32
	originsID int32
	setID     int32
)

// None is the id of nothing.
const None = -1

// span is a part of a list that many share.
type span struct{ first, n uint32 }

// part returns the part of a list.
func part[T any](list []T, s span) []T { return list[s.first:][:s.n] }

// spanFrom returns the span of the elements from first on.
func spanFrom[T any](list []T, first int) span { return span{uint32(first), uint32(len(list) - first)} }

// Index has all tables of an engine.
type Index struct {
	Policies []Policy
	Entries  []Entry
	Settings []*plan.Settings

	// Unmatched are the settings of CORSDefaults. They grant nothing.
	Unmatched SettingsID
	// PassThrough is unmatchedHosts: PassThrough.
	PassThrough bool

	hosts     hosts
	paths     paths
	origins   origins
	selectors selectors
}

// Policy is one policy.
type Policy struct {
	Name     string
	Hosts    int
	Unchosen SettingsID
	Own      EntryID // None without cors
	Entries  span    // its rules, in the order of the document
	captures []capture
}

// Entry is a rule, or a policy's own cors.
type Entry struct {
	Policy   PolicyID
	Settings SettingsID
	origins  originsID
	from     originsID // that a rule matches, None if it makes no difference
	Rule     int32     // in the policy's document; -1 for its own cors
	Name     string    // of the rule
	Path     plan.PathKey
	Methods  []string
}

// Rules returns the rules of a policy.
func (x *Index) Rules(p *Policy) []Entry { return part(x.Entries, p.Entries) }

// New builds the tables of a plan without faults.
func New(p *plan.Plan) *Index {
	b := &builder{
		Index: &Index{PassThrough: p.PassThrough}, plan: p,
		settings: map[*plan.Settings]SettingsID{}, entries: map[*plan.Entry]EntryID{},
		policies: map[*plan.Policy]PolicyID{}, tables: map[*plan.Table]tableID{},
		origins: map[*plan.Origins]originsID{},
	}
	b.grow()
	b.Unmatched = b.settingsID(p.Unmatched)
	b.addOriginSets()
	for _, policy := range p.Policies {
		b.addPolicy(policy)
	}
	b.addHosts()
	return b.Index
}

// builder is the state of one [New].
type builder struct {
	*Index
	plan *plan.Plan
	text strings.Builder

	settings map[*plan.Settings]SettingsID
	entries  map[*plan.Entry]EntryID
	policies map[*plan.Policy]PolicyID
	tables   map[*plan.Table]tableID
	origins  map[*plan.Origins]originsID
}

// keep returns a copy of a string that is a part of the one text.
func (b *builder) keep(s string) string {
	start := b.text.Len()
	b.text.WriteString(s)
	return b.text.String()[start:]
}

// grow makes room for about all strings that are kept, and for the longest lists. Lists that grow by themselves have
// room that is never used, and strings that were kept before the text grew would keep the old one too.
func (b *builder) grow() {
	n, entries, slots := 0, 0, 0
	origins := map[*plan.Origins]bool{nil: true}
	addOrigins := func(o *plan.Origins) {
		if !origins[o] {
			origins[o] = true
			n += textSize(o.Entries) + patternsSize(o.Patterns)
		}
	}
	for _, set := range b.plan.Sets {
		n += textSize(set.Entries) + patternsSize(set.Patterns)
	}
	for _, p := range b.plan.Policies {
		n += len(p.Name)
		entries += 1 + len(p.Rules)
		if p.Own != nil {
			addOrigins(p.Own.Origins)
		}
		for _, e := range p.Rules {
			n += len(e.Name) + 2*len(e.Path.Value)
			addOrigins(e.Origins)
			addOrigins(e.From)
		}
	}
	for _, h := range b.plan.Hosts {
		n += len(h.Pattern.Name)
	}
	for _, t := range b.plan.Tables {
		slots += len(t.Slots)
	}
	b.text.Grow(n)
	b.Policies = make([]Policy, 0, len(b.plan.Policies))
	b.Entries, b.paths.slots = make([]Entry, 0, entries), make([]slot, 0, slots)
	b.paths.tables = make([]table, 0, len(b.plan.Tables))
	b.Index.origins.layers = make([]Origins, 0, len(origins)-1)
}

func textSize(list []string) int {
	n := 0
	for _, s := range list {
		n += len(s)
	}
	return n
}

func patternsSize(list []plan.OriginPattern) int {
	n := 0
	for i := range list {
		n += len(list[i].Text) + len(list[i].Scheme) + len(list[i].Host) + len(list[i].Port)
	}
	return n
}

func (b *builder) settingsID(s *plan.Settings) SettingsID {
	id, known := b.settings[s]
	if !known {
		id = SettingsID(len(b.Settings))
		b.settings[s] = id
		b.Settings = append(b.Settings, s)
	}
	return id
}

func (b *builder) addPolicy(p *plan.Policy) {
	id := PolicyID(len(b.Policies))
	b.policies[p] = id
	to := Policy{Name: b.keep(p.Name), Hosts: len(p.Hosts), Unchosen: b.settingsID(p.Unchosen), Own: None}
	if p.Own != nil {
		to.Own = b.addEntry(id, p.Own)
	}
	first := len(b.Entries)
	for _, e := range p.Rules {
		b.addEntry(id, e)
	}
	to.Entries = spanFrom(b.Entries, first)
	for _, h := range p.Hosts {
		if h.Tenant != "" {
			to.captures = append(to.captures, capture{b.keep(h.Tenant), b.keep(h.Pattern.Name)})
		}
	}
	b.Policies = append(b.Policies, to)
	b.selectors.add(id, &to, b.Entries)
}

func (b *builder) addEntry(policy PolicyID, e *plan.Entry) EntryID {
	id := EntryID(len(b.Entries))
	b.entries[e] = id
	to := Entry{
		Policy: policy, Settings: b.settingsID(e.Settings), origins: b.originsID(e.Origins), from: b.originsID(e.From),
		Rule: int32(e.Rule), Name: b.keep(e.Name), Methods: e.Methods,
	}
	if e.Rule >= 0 {
		to.Path = plan.PathKey{Type: e.Path.Type, Value: b.keep(e.Path.Value)}
	}
	b.Entries = append(b.Entries, to)
	return id
}

// lengths is the set of the lengths that names have, all above 62 being one: a look-up that
// finds nothing costs as much as one that does, and most of them need not be made.
type lengths uint64

func (s *lengths) add(n int)     { *s |= 1 << min(n, 63) }
func (s lengths) has(n int) bool { return s>>min(n, 63)&1 != 0 }
