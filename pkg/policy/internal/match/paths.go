package match

import (
	"regexp"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/urlpath"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// MaxExpressionPath bounds the paths that regular expressions are matched against, in bytes
// without the query. A longer one is ambiguous on a host that has expressions: a match costs
// time by the byte, and Envoy accepts 60 KiB by default.
const MaxExpressionPath = 8192

// paths finds the entry that matches a path and method, for every table.
type paths struct {
	tables []table
	slots  []slot
	byPath map[slotPath]slotID // of Exact and PathPrefix
}

// slotPath is a path of a table, of a PathPrefix without its final "/".
type slotPath struct {
	table  tableID
	prefix bool
	path   string
}

// table has the entries of the hosts that the same policies name.
type table struct {
	policies []PolicyID

	exact       bool    // some slot is of an Exact path
	prefixes    lengths // of PathPrefix slots
	expressions []expression

	own               EntryID
	only              EntryID
	noRule, ambiguous SettingsID
	escapes           urlpath.Escapes
}

type expression struct {
	re   *regexp.Regexp
	slot slotID
}

// slot has the entries of one path.
type slot struct {
	every    EntryID
	byMethod []methodEntry
}

type methodEntry struct {
	entry   EntryID
	methods []string
	head    bool // GET stands for HEAD too
}

func (b *builder) tableID(from *plan.Table) tableID {
	if id, known := b.tables[from]; known {
		return id
	}
	id := tableID(len(b.paths.tables))
	b.tables[from] = id
	to := table{
		own: b.entryID(from.Own), only: b.entryID(from.Only), noRule: b.settingsID(from.NoRule),
		ambiguous: b.settingsID(from.Ambiguous), escapes: from.Escapes,
	}
	for _, p := range from.Policies {
		to.policies = append(to.policies, b.policies[p])
	}
	for _, s := range from.Slots {
		b.addSlot(id, &to, s)
	}
	b.paths.tables = append(b.paths.tables, to)
	return id
}

func (b *builder) entryID(e *plan.Entry) EntryID {
	if e == nil {
		return None
	}
	return b.entries[e]
}

func (b *builder) addSlot(table tableID, to *table, from *plan.Slot) {
	id := slotID(len(b.paths.slots))
	s := slot{every: b.entryID(from.Every)}
	for _, e := range from.ByMethod {
		s.byMethod = append(s.byMethod, methodEntry{b.entryID(e.Entry), e.Methods, e.Head})
	}
	b.paths.slots = append(b.paths.slots, s)
	key := from.Path.Key()
	switch key.Type {
	case spec.PathRegularExpression:
		to.expressions = append(to.expressions, expression{from.Path.Regexp, id})
		return
	case spec.PathExact:
		to.exact = true
	case spec.PathPrefix:
		to.prefixes.add(len(key.Value))
	}
	if b.paths.byPath == nil {
		b.paths.byPath = map[slotPath]slotID{}
	}
	b.paths.byPath[slotPath{table, key.Type == spec.PathPrefix, b.keep(key.Value)}] = id
}

// Found is the result of [Index.Find].
type Found struct {
	Entry EntryID // None if no entry was chosen
	// Settings are those of the entry, or those that apply if none was chosen.
	Settings SettingsID
	// Ambiguous reports that the path may be read in more than one way.
	Ambiguous bool
	// MethodDependent reports that another method might lead to another entry.
	MethodDependent bool
}

// Find finds the entry of a host that matches a path, without its query, and a method.
func (x *Index) Find(h *Host, path, method string) Found {
	t := &x.paths.tables[h.table]
	switch {
	case t.only != None:
		return Found{Entry: t.only, Settings: x.Entries[t.only].Settings}
	case len(t.expressions) > 0 && len(path) > MaxExpressionPath, t.escapes.IsAmbiguous(path):
		return Found{Entry: None, Settings: t.ambiguous, Ambiguous: true}
	}
	s := search{paths: &x.paths, table: h.table, method: method}
	entry := s.find(t, path)
	if entry == None {
		return Found{Entry: None, Settings: t.noRule, MethodDependent: s.dependent}
	}
	return Found{Entry: entry, Settings: x.Entries[entry].Settings, MethodDependent: s.dependent}
}

// search is the state of one [Index.Find].
type search struct {
	*paths
	table     tableID
	method    string
	dependent bool
}

// find tries the paths of the table in their order: Exact, RegularExpression, PathPrefix, the
// policy's own cors.
func (s *search) find(t *table, path string) EntryID {
	if t.exact {
		if e := s.atPath(path, false); e != None {
			return e
		}
	}
	for i := range t.expressions {
		if e := &t.expressions[i]; e.re.MatchString(path) {
			if e := s.pick(e.slot); e != None {
				return e
			}
		}
	}
	if e := s.below(t, path); e != None {
		return e
	}
	return t.own
}

// below tries the path as a PathPrefix, then what is before each "/" of it, the longest first.
// The root matches everything, also what does not begin with "/".
func (s *search) below(t *table, path string) EntryID {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '/') {
		if t.prefixes.has(end) {
			if e := s.atPath(path[:end], true); e != None {
				return e
			}
		}
	}
	if t.prefixes.has(0) {
		return s.atPath("", true)
	}
	return None
}

func (s *search) atPath(path string, prefix bool) EntryID {
	if id, known := s.byPath[slotPath{s.table, prefix, path}]; known {
		return s.pick(id)
	}
	return None
}

// pick returns the entry of a slot that matches the method: one that names it comes first.
func (s *search) pick(id slotID) EntryID {
	slot := &s.slots[id]
	for i := range slot.byMethod {
		s.dependent = true
		if e := &slot.byMethod[i]; e.matches(s.method) {
			return e.entry
		}
	}
	return slot.every
}

func (e *methodEntry) matches(method string) bool {
	for _, m := range e.methods {
		if m == method {
			return true
		}
	}
	return e.head && method == "HEAD"
}

// PoliciesOf returns the policies that name the host, by name.
func (x *Index) PoliciesOf(h *Host) []PolicyID { return x.paths.tables[h.table].policies }
