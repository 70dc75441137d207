package policy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/index"
)

// pathIndex finds the rule that takes a path and method, for every table.
type pathIndex struct {
	text        *index.Text
	names       *index.Index // what a table calls by an exact path or a prefix, in slots
	tables      []table
	slots       []slot
	candidates  []candidate
	expressions []pathExpression
	methods     []index.Ref
	owners      []uint32 // policies, of the tables
}

// pathType is a [PathMatchType] in one byte.
type pathType uint8

const (
	pathExact pathType = iota
	pathExpr
	pathPrefix
)

// pathTypes are the values of pathType as documents have them.
var pathTypes = [...]PathMatchType{pathExact: PathExact, pathExpr: PathRegularExpression, pathPrefix: PathPrefix}

func (t pathType) String() string { return string(pathTypes[t]) }

// table is the rules of the hosts that are named by the same policies. Rules are given as
// one more than their place in Engine.settings, 0 where there is none.
type table struct {
	id          uint32
	exact       bool
	prefixes    index.Lengths // without their final "/"; the root has length 0
	expressions span          // in the order in which they are tried

	own uint32 // the policy's own cors

	// only is the entry of a table that leaves no choice: it takes every path
	// and method, however they are spelled.
	only uint32

	// noRule and ambiguous are the settings that hold if no entry matches, and if the path
	// is ambiguous. They grant nothing, see [tableBuilder.strictest].
	noRule, ambiguous uint32

	policies span // of pathIndex.owners: those that name the hosts

	spelled spelled
}

// owner is whose names the exact paths and the prefixes of the table are.
func (t *table) owner(of pathType) uint32 { return t.id*uint32(len(pathTypes)) + uint32(of) }

type pathExpression struct {
	text string
	re   *regexp.Regexp
	slot uint32
}

// slot is the rules at one path: those that name methods, in a list, and the one that
// does not. Places in lists are one more than they are, 0 where there is none.
type slot struct {
	every       uint32
	first, last uint32 // of pathIndex.candidates
}

type candidate struct {
	rule    uint32
	methods span
	head    bool // HEAD, too, by the name of GET
	next    uint32
}

// lookup gives the rule that takes the path and method, 0 where there is none.
// depends says that another method might have been taken by another rule.
func (x *pathIndex) lookup(t *table, path, method string) (rule uint32, depends bool) {
	if t.only != 0 {
		return t.only, false
	}
	if t.exact {
		rule = x.pick(x.find(t, pathExact, path), method, &depends)
	}
	for i := uint32(0); rule == 0 && i < t.expressions.n; i++ {
		if e := &x.expressions[t.expressions.first+i]; e.re.MatchString(path) {
			rule = x.pick(&x.slots[e.slot], method, &depends)
		}
	}
	if rule == 0 && !t.prefixes.Empty() {
		rule = x.lookupPrefix(t, path, method, &depends)
	}
	if rule == 0 {
		rule = t.own
	}
	return rule, depends
}

// lookupPrefix tries the path itself and what stands before each "/" in it, the
// longest first. The root takes everything, also what does not begin with "/".
func (x *pathIndex) lookupPrefix(t *table, path, method string, depends *bool) uint32 {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '/') {
		if !t.prefixes.Has(end) {
			continue
		}
		if rule := x.pick(x.find(t, pathPrefix, path[:end]), method, depends); rule != 0 {
			return rule
		}
	}
	if !t.prefixes.Has(0) {
		return 0
	}
	return x.pick(x.find(t, pathPrefix, ""), method, depends)
}

// find gives the slot of an exact path or a prefix, nil where there is none.
func (x *pathIndex) find(t *table, of pathType, path string) *slot {
	if i, ok := x.names.Get(t.owner(of), path); ok {
		return &x.slots[i]
	}
	return nil
}

func (x *pathIndex) pick(s *slot, method string, depends *bool) uint32 {
	if s == nil {
		return 0
	}
	for i := s.first; i != 0; i = x.candidates[i-1].next {
		*depends = true
		if c := &x.candidates[i-1]; x.takes(c, method) {
			return c.rule
		}
	}
	return s.every
}

// takes reports whether a rule that names methods names this one.
func (x *pathIndex) takes(c *candidate, method string) bool {
	if c.head && method == "HEAD" {
		return true
	}
	for _, ref := range part(x.methods, c.methods) {
		if x.text.At(ref) == method {
			return true
		}
	}
	return false
}

// tableBuilder puts the rules of the policies that name a host into one table.
type tableBuilder struct {
	*compiler
	paths *pathIndex
	table *table
	host  string // for messages

	expressions map[string]uint32   // slots of this table, by text
	slots       []slotPlace         // all slots of this table, in memory that the next one uses again
	owner       map[ownerKey]uint32 // rules that name methods, by each
}

// slotPlace is a slot and the path that it is the slot of.
type slotPlace struct {
	of   pathType
	path string
	slot uint32
}

// ownerKey is what no two rules may both take.
type ownerKey struct {
	slot   uint32
	method string
}

// buildTable gives the table's place.
func (c *compiler) buildTable(policies []*policyCompiler, host string) uint32 {
	x := &c.engine.paths
	id := uint32(len(x.tables))
	x.tables = append(x.tables, table{id: id})
	b := &tableBuilder{compiler: c, paths: x, table: &x.tables[id], host: host, slots: c.slotPlaces[:0]}
	for _, p := range policies {
		for i := range p.rules {
			c.pause()
			b.addRule(&p.rules[i])
		}
	}
	b.finishSlots()
	before := b.shadows()
	b.markSentMaxAge(policies, before)
	b.setOwn(policies)
	b.table.only = b.onlyEntry()
	b.setUnchosen(policies)
	b.markReachable(before)
	c.slotPlaces = b.slots
	return id
}

func (b *tableBuilder) addRule(r *compiledRule) {
	if r.invalid {
		return
	}
	methods := b.settingsOf(r).methods
	r.slot = b.slot(r)
	s := &b.paths.slots[r.slot]
	b.table.spelled.addValue(b.pathOf(r))
	if methods.n == 0 {
		if s.every != 0 {
			b.conflict(r, s.every, "")
			return
		}
		s.every = 1 + r.id
		return
	}
	for _, method := range part(b.paths.methods, methods) {
		b.own(ownerKey{r.slot, b.paths.text.At(method)}, r)
	}
	b.paths.candidates = append(b.paths.candidates, candidate{rule: 1 + r.id, methods: methods})
	last := uint32(len(b.paths.candidates))
	if s.first == 0 {
		s.first = last
	} else {
		b.paths.candidates[s.last-1].next = last
	}
	s.last = last
}

// slot gives the place of the slot of the rule's path.
func (b *tableBuilder) slot(r *compiledRule) uint32 {
	s, path := b.settingsOf(r), b.pathOf(r)
	ref := s.path
	switch s.pathType {
	case pathExpr:
		return b.expressionSlot(path)
	case pathPrefix:
		path = strings.TrimSuffix(path, "/")
	}
	owner := b.table.owner(s.pathType)
	if i, known := b.paths.names.Get(owner, path); known {
		return i
	}
	if path != b.pathOf(r) {
		ref = b.paths.text.Add(path)
	}
	i := b.newSlot(s.pathType, path)
	b.paths.names.Add(owner, ref, i)
	if s.pathType == pathExact {
		b.table.exact = true
	} else {
		b.table.prefixes.Add(len(path))
	}
	return i
}

func (b *tableBuilder) expressionSlot(text string) uint32 {
	if i, known := b.expressions[text]; known {
		return i
	}
	if b.expressions == nil {
		b.expressions = map[string]uint32{}
	}
	x := b.paths
	if b.table.expressions.n == 0 {
		b.table.expressions.first = uint32(len(x.expressions))
	}
	b.table.expressions.n++
	i := b.newSlot(pathExpr, text)
	b.expressions[text] = i
	// A copy, since text keeps the memory from which the engine's text may have moved.
	x.expressions = append(x.expressions, pathExpression{strings.Clone(text), b.regexes.compiled[text], i})
	return i
}

func (b *tableBuilder) newSlot(of pathType, path string) uint32 {
	i := uint32(len(b.paths.slots))
	b.paths.slots = append(b.paths.slots, slot{})
	b.slots = append(b.slots, slotPlace{of, path, i})
	return i
}

// own claims a method of a slot for a rule, or reports a conflict.
func (b *tableBuilder) own(key ownerKey, r *compiledRule) {
	if other, taken := b.owner[key]; taken {
		b.conflict(r, other, key.method)
		return
	}
	if b.owner == nil {
		b.owner = map[ownerKey]uint32{}
	}
	b.owner[key] = 1 + r.id
}

// conflict reports that another rule has what this one is to take.
func (b *tableBuilder) conflict(r *compiledRule, with uint32, method string) {
	other := b.ruleOf(with - 1)
	s := b.settingsOf(r)
	s.reachable = true // would be, without the conflict
	what := "every method"
	if method != "" {
		what = method
	}
	b.fault(Diagnostic{
		Code: CodeConflict, Place: r.matchPlace().written(), Value: b.pathOf(r), Related: new(other.matchPlace().written()),
		Message: s.pathType.String() + " with " + what + " is taken on host " + b.host + " by " + b.describe(other) + " already",
		Hint:    "one rule for each host, path and method",
	})
}

// finishSlots puts regular expressions in their order and lets GET take HEAD
// where no rule of the slot names HEAD.
func (b *tableBuilder) finishSlots() {
	slices.SortFunc(part(b.paths.expressions, b.table.expressions), func(x, y pathExpression) int {
		if len(x.text) != len(y.text) {
			return len(y.text) - len(x.text)
		}
		return strings.Compare(x.text, y.text)
	})
	for _, p := range b.slots {
		b.addHEAD(&b.paths.slots[p.slot])
	}
}

func (b *tableBuilder) addHEAD(s *slot) {
	var get *candidate
	for i := s.first; i != 0; i = b.paths.candidates[i-1].next {
		c := &b.paths.candidates[i-1]
		if b.paths.takes(c, "HEAD") {
			return
		}
		if b.paths.takes(c, "GET") {
			get = c
		}
	}
	if get != nil {
		get.head = true
	}
}

// setOwn finds the policy whose own cors takes what no rule takes. Beside a rule for
// every path and method there is none: every cors is only inherited from.
func (b *tableBuilder) setOwn(policies []*policyCompiler) {
	var owner *policyCompiler
	for _, p := range policies {
		own := b.engine.policies.list[p.id].own
		if own == 0 {
			continue
		}
		if root := b.paths.find(b.table, pathPrefix, ""); root != nil && root.every != 0 {
			b.warn(Diagnostic{
				Code: CodeOwnCORSShadowed, Place: p.place().at("cors").written(),
				Message: "takes no request on host " + b.host + ", because a rule takes every path there; it is only inherited from",
				Hint:    "write that rule's settings here, or give it a longer path",
			})
			continue
		}
		if owner != nil {
			b.fault(Diagnostic{
				Code: CodeConflict, Place: p.place().at("cors").written(), Related: new(owner.place().at("cors").written()),
				Message: "every path of host " + b.host + " is taken by the cors of policy " + owner.name + " already",
				Hint:    "one policy with a cors of its own for each host; the others with rules",
			})
			continue
		}
		owner = p
		b.table.own = own
	}
}

// setUnchosen sets what holds if no entry of the table is chosen.
func (b *tableBuilder) setUnchosen(policies []*policyCompiler) {
	first := len(b.paths.owners)
	for _, p := range policies {
		b.paths.owners = append(b.paths.owners, p.id)
	}
	b.table.policies = partFrom(b.paths.owners, first)
	b.table.noRule = 1 + b.strictest(policies, false)
	b.table.ambiguous = 1 + b.strictest(policies, true)
}

// onlyEntry gives the one entry that takes everything, 0 where there is a choice.
func (b *tableBuilder) onlyEntry() uint32 {
	switch {
	case len(b.slots) == 0:
		return b.table.own
	case len(b.slots) > 1:
		return 0
	}
	if root := b.paths.find(b.table, pathPrefix, ""); root != nil && root.first == 0 {
		return root.every
	}
	return 0
}
