package match

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
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

	byOrigin bool // some rule matches some origins only
	paths    plan.Paths
	longest  int // the longest Exact or PathPrefix, in bytes
}

type expression struct {
	re   *regexp.Regexp
	slot slotID
}

// slot has the entries of one path, as [plan.Slot] has.
type slot struct {
	byOrigin []originEntry
	byMethod []methodEntry
	every    EntryID
}

// originEntry is a rule that matches some origins only.
type originEntry struct {
	entry   EntryID
	from    originsID
	methods []string // nil for every one
	conduct plan.Conduct
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
		byOrigin: from.ByOrigin, paths: from.Paths,
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
	for _, e := range from.ByOrigin {
		s.byOrigin = append(s.byOrigin, originEntry{b.entryID(e), b.originsID(e.From), e.Methods, e.Settings.Conduct})
	}
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
	to.longest = max(to.longest, len(key.Value))
	b.paths.byPath[slotPath{table, key.Type == spec.PathPrefix, b.keep(key.Value)}] = id
}

// Found is the result of [Index.Find].
type Found struct {
	Entry EntryID // None if no entry was chosen
	// Settings are those of the entry, or those that apply if none was chosen. Conduct is theirs, and
	// if none was chosen, the strictest of theirs and of the rules at this path that match other origins.
	Settings SettingsID
	Conduct  plan.Conduct
	// Ambiguous reports that the path may be read in more than one way.
	Ambiguous bool
	// MethodDependent reports that another method might lead to another entry.
	MethodDependent bool
	// OriginDependent reports that another origin might lead to another entry.
	OriginDependent bool
}

// Key is the key of entries: a path without its query, a method, and the origin, for a
// request with this authority.
type Key struct {
	Path, Method, Authority string
	Origin                  []string // the lines of the header
}

// Find finds the entry of a host that matches a request.
func (x *Index) Find(h *Host, k Key) Found {
	t := &x.paths.tables[h.table]
	switch {
	case t.only != None:
		return x.found(Found{Entry: t.only, Settings: x.Entries[t.only].Settings})
	case t.isAmbiguous(k.Path):
		return x.found(Found{Entry: None, Settings: t.ambiguous, Ambiguous: true, OriginDependent: t.byOrigin})
	}
	s := newSearch(x, h, t, k)
	return s.result(t, s.find(t))
}

func newSearch(x *Index, h *Host, t *table, k Key) search {
	s := search{Index: x, host: h, key: k}
	if t.byOrigin && len(k.Origin) == 1 {
		s.origin, s.hasOrigin = origin.Parse(k.Origin[0])
	}
	return s
}

// found completes a result with the conduct of its settings.
func (x *Index) found(f Found) Found {
	f.Conduct = x.Settings[f.Settings].Conduct
	return f
}

func (t *table) isAmbiguous(path string) bool {
	return len(t.expressions) > 0 && len(path) > MaxExpressionPath || t.escapes.IsAmbiguous(path) ||
		t.paths.IgnoreCase && urlpath.HasFoldedLetter(path)
}

// Others returns the rules with origins at the path of a request that match other origins.
func (x *Index) Others(h *Host, k Key) (entries []EntryID) {
	t := &x.paths.tables[h.table]
	if t.byOrigin {
		s := newSearch(x, h, t, k)
		s.others = func(e EntryID) { entries = append(entries, e) }
		s.find(t)
	}
	return entries
}

// search is the state of one [Index.Find].
type search struct {
	*Index
	host *Host
	key  Key

	origin    origin.Origin
	hasOrigin bool // there is one origin, and it is well-formed

	methodDependent, originDependent bool
	refused                          plan.Conduct  // of the rules that match other origins
	others                           func(EntryID) // is called with each of these rules, if it is not nil
}

func (s *search) result(t *table, entry EntryID) Found {
	f := Found{
		Entry: entry, Settings: t.noRule, MethodDependent: s.methodDependent, OriginDependent: s.originDependent,
	}
	if entry != None {
		f.Settings = s.Entries[entry].Settings
		return s.found(f)
	}
	f = s.found(f)
	f.Conduct = f.Conduct.Strictest(s.refused)
	return f
}

// find tries the paths of the table in their order: Exact, RegularExpression, PathPrefix, the
// policy's own cors.
func (s *search) find(t *table) EntryID {
	if t.paths.IgnoreCase {
		return s.findFolded(t)
	}
	return s.findPath(t, nil)
}

// findFolded finds without regard to case. The buffer is not part of the search, so that it stays on the stack.
func (s *search) findFolded(t *table) EntryID {
	var buf [plan.MaxFoldedPath]byte
	return s.findPath(t, header.AppendLower(buf[:0], s.key.Path[:min(len(s.key.Path), t.longest)]))
}

// findPath finds by the path. folded is its beginning in lower case, if case is ignored.
func (s *search) findPath(t *table, folded []byte) EntryID {
	if t.exact {
		if e := s.atPath(t, folded, len(t.paths.Trim(s.key.Path)), false); e != None {
			return e
		}
	}
	if len(t.expressions) > 0 {
		if e := s.byExpression(t); e != None {
			return e
		}
	}
	if e := s.below(t, folded); e != None {
		return e
	}
	return t.own
}

// slashed has buffers for paths with a final "/".
var slashed = sync.Pool{New: func() any { return new([]byte) }}

// byExpression tries the expressions. If a final "/" is ignored, they are matched against the path with and
// without it: /admin/.* matches /admin too, since the application may treat both alike.
func (s *search) byExpression(t *table) EntryID {
	path := s.key.Path
	trimmed := t.paths.Trim(path)
	var longer []byte
	if t.paths.IgnoreTrailingSlash && !strings.HasSuffix(path, "/") {
		buf := slashed.Get().(*[]byte)
		defer slashed.Put(buf)
		*buf = append(append((*buf)[:0], path...), '/')
		longer = *buf
	}
	for i := range t.expressions {
		e := &t.expressions[i]
		if e.re.MatchString(path) || trimmed != path && e.re.MatchString(trimmed) ||
			longer != nil && e.re.Match(longer) {
			if found := s.pick(e.slot); found != None {
				return found
			}
		}
	}
	return None
}

// below tries the path as a PathPrefix, then what is before each "/" of it, the longest first.
// The root matches everything, also what does not begin with "/".
func (s *search) below(t *table, folded []byte) EntryID {
	path := s.key.Path
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '/') {
		if t.prefixes.has(end) {
			if e := s.atPath(t, folded, end, true); e != None {
				return e
			}
		}
	}
	if t.prefixes.has(0) {
		return s.atPath(t, folded, 0, true)
	}
	return None
}

// atPath tries the first n bytes of the path.
func (s *search) atPath(t *table, folded []byte, n int, prefix bool) EntryID {
	var id slotID
	known := false
	if !t.paths.IgnoreCase {
		id, known = s.paths.byPath[slotPath{s.host.table, prefix, s.key.Path[:n]}]
	} else if n <= len(folded) {
		id, known = s.paths.byPath[slotPath{s.host.table, prefix, string(folded[:n])}]
	}
	if !known {
		return None
	}
	return s.pick(id)
}

// pick returns the entry of a slot that matches the request: rules with origins come first, and among
// these, and among the others, those with methods.
func (s *search) pick(id slotID) EntryID {
	slot := &s.paths.slots[id]
	if len(slot.byOrigin) > 0 {
		s.originDependent = true
		if e := s.pickByOrigin(slot); e != None {
			return e
		}
	}
	for i := range slot.byMethod {
		s.methodDependent = true
		if e := &slot.byMethod[i]; e.matches(s.key.Method) {
			return e.entry
		}
	}
	return slot.every
}

// pickByOrigin returns the rule with origins that matches the request. A rule that names GET matches
// HEAD too, unless another one that matches the origin names HEAD.
func (s *search) pickByOrigin(slot *slot) EntryID {
	named, get, every := EntryID(None), EntryID(None), EntryID(None)
	for i := range slot.byOrigin {
		e := &slot.byOrigin[i]
		if !s.matchesOrigin(e) {
			s.refuse(e)
			continue
		}
		s.methodDependent = s.methodDependent || e.methods != nil
		switch {
		case e.methods == nil:
			every = e.entry
		case slices.Contains(e.methods, s.key.Method):
			named = e.entry
		case slices.Contains(e.methods, "GET"):
			get = e.entry
		}
	}
	switch {
	case named != None:
		return named
	case get != None && s.key.Method == "HEAD":
		return get
	}
	return every
}

func (s *search) matchesOrigin(e *originEntry) bool {
	if !s.hasOrigin {
		return false
	}
	var buf [MaxHost]byte
	tenant := s.Tenant(buf[:0], s.host, s.Entries[e.entry].Policy, s.key.Authority)
	return s.Matches(&s.origins.layers[e.from], s.origin, tenant)
}

// refuse notes a rule that matches other origins.
func (s *search) refuse(e *originEntry) {
	s.refused = s.refused.Strictest(e.conduct)
	if s.others != nil {
		s.others(e.entry)
	}
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
