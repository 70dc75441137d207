package policy

import (
	"regexp"
	"slices"
	"strings"
)

// table finds the rule that takes a path and method on the hosts of one pattern.
type table struct {
	exact    map[string]*slot
	regexes  []regexSlot      // in the order in which they are tried
	prefixes map[string]*slot // without their final "/"; "" is the root
	lengths  lengthSet        // of the prefixes
	own      *settings        // the policy's own cors, nil where there is none

	// only is the entry of a table that leaves no choice: it takes every path
	// and method, however they are spelled.
	only *settings

	spelled spelled

	// fallback holds where no rule is taken. It grants nothing.
	fallback *settings
}

type regexSlot struct {
	text string
	re   *regexp.Regexp
	*slot
}

// slot is the rules at one path.
type slot struct {
	byMethod []candidate // rules that name methods
	every    *settings   // the rule that does not, nil where there is none
}

type candidate struct {
	rule    *settings
	methods []string // with HEAD where GET takes it
}

// lookup gives the rule that takes the path and method, nil where there is none.
// depends says that another method might have been taken by another rule.
func (t *table) lookup(path, method string) (rule *settings, depends bool) {
	if t.only != nil {
		return t.only, false
	}
	rule = t.exact[path].pick(method, &depends)
	for i := 0; rule == nil && i < len(t.regexes); i++ {
		if r := &t.regexes[i]; r.re.MatchString(path) {
			rule = r.pick(method, &depends)
		}
	}
	if rule == nil && len(t.prefixes) > 0 {
		rule = t.lookupPrefix(path, method, &depends)
	}
	if rule == nil {
		rule = t.own
	}
	return rule, depends
}

// lookupPrefix tries the path itself and what stands before each "/" in it, the
// longest first. The root takes everything, also what does not begin with "/".
func (t *table) lookupPrefix(path, method string, depends *bool) *settings {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '/') {
		if !t.lengths.has(end) {
			continue
		}
		if rule := t.prefixes[path[:end]].pick(method, depends); rule != nil {
			return rule
		}
	}
	return t.prefixes[""].pick(method, depends)
}

// lengthSet is the set of the lengths that keys have, all above 62 being one: most
// of what might be looked up need not be, and a look-up that finds nothing costs as
// much as one that does.
type lengthSet uint64

func (s *lengthSet) add(n int)     { *s |= 1 << min(n, 63) }
func (s lengthSet) has(n int) bool { return s>>min(n, 63)&1 != 0 }

func (s *slot) pick(method string, depends *bool) *settings {
	if s == nil {
		return nil
	}
	for i := range s.byMethod {
		*depends = true
		if slices.Contains(s.byMethod[i].methods, method) {
			return s.byMethod[i].rule
		}
	}
	return s.every
}

// tableBuilder puts the rules of the policies that name a host into one table.
type tableBuilder struct {
	*compiler
	table *table
	host  string // for messages
	owner map[ownerKey]*compiledRule

	regexSlots map[string]*slot
}

// ownerKey is what no two rules may both take.
type ownerKey struct {
	slot   *slot
	method string // "" for a rule without methods
}

func (c *compiler) buildTable(policies []*compiledPolicy, host string) *table {
	b := &tableBuilder{compiler: c, table: &table{}, host: host, owner: map[ownerKey]*compiledRule{}}
	for _, p := range policies {
		for i := range p.compiling {
			b.addRule(&p.compiling[i])
		}
	}
	b.finishSlots()
	b.markSentMaxAge(policies)
	b.setOwn(policies)
	b.table.only = b.onlyEntry()
	b.table.fallback = c.engine.unmatched
	if len(policies) == 1 {
		b.table.fallback = policies[0].fallback
	}
	b.markReachable()
	return b.table
}

func (b *tableBuilder) addRule(r *compiledRule) {
	if r.invalid {
		return
	}
	s := b.slot(r)
	b.table.spelled.addValue(r.path)
	if r.methods == nil {
		if b.own(ownerKey{s, ""}, r) {
			s.every = r.settings
		}
		return
	}
	for _, method := range r.methods {
		b.own(ownerKey{s, method}, r)
	}
	s.byMethod = append(s.byMethod, candidate{r.settings, r.methods})
}

// slot gives the slot of the rule's path.
func (b *tableBuilder) slot(r *compiledRule) *slot {
	t := b.table
	switch r.pathType {
	case PathExact:
		return slotAt(&t.exact, r.path)
	case PathRegularExpression:
		known := len(b.regexSlots)
		s := slotAt(&b.regexSlots, r.path)
		if len(b.regexSlots) > known {
			t.regexes = append(t.regexes, regexSlot{r.path, r.re, s})
		}
		return s
	}
	prefix := strings.TrimSuffix(r.path, "/")
	t.lengths.add(len(prefix))
	return slotAt(&t.prefixes, prefix)
}

func slotAt(m *map[string]*slot, key string) *slot {
	if *m == nil {
		*m = map[string]*slot{}
	}
	s := (*m)[key]
	if s == nil {
		s = &slot{}
		(*m)[key] = s
	}
	return s
}

// own claims a key for a rule. It reports a conflict and false where another
// rule has it.
func (b *tableBuilder) own(key ownerKey, r *compiledRule) bool {
	other := b.owner[key]
	if other == nil {
		b.owner[key] = r
		return true
	}
	r.settings.reachable = true // would be, without the conflict
	what := "every method"
	if key.method != "" {
		what = key.method
	}
	b.fault(Diagnostic{
		Code: CodeConflict, Place: r.matchPlace(), Value: r.path, Related: new(other.matchPlace()),
		Message: string(r.pathType) + " with " + what + " is taken on host " + b.host + " by " + other.describe() + " already",
		Hint:    "one rule for each host, path and method",
	})
	return false
}

// finishSlots puts regular expressions in their order and lets GET take HEAD
// where no rule of the slot names HEAD.
func (b *tableBuilder) finishSlots() {
	t := b.table
	slices.SortFunc(t.regexes, func(x, y regexSlot) int {
		if len(x.text) != len(y.text) {
			return len(y.text) - len(x.text)
		}
		return strings.Compare(x.text, y.text)
	})
	for _, s := range t.exact {
		s.addHEAD()
	}
	for i := range t.regexes {
		t.regexes[i].addHEAD()
	}
	for _, s := range t.prefixes {
		s.addHEAD()
	}
}

func (s *slot) addHEAD() {
	get := -1
	for i, c := range s.byMethod {
		if slices.Contains(c.methods, "HEAD") {
			return
		}
		if slices.Contains(c.methods, "GET") {
			get = i
		}
	}
	if get >= 0 {
		c := &s.byMethod[get]
		c.methods = append(slices.Clip(c.methods), "HEAD")
	}
}

// setOwn finds the policy whose own cors takes what no rule takes. Beside a rule for
// every path and method there is none: every cors is only inherited from.
func (b *tableBuilder) setOwn(policies []*compiledPolicy) {
	var owner *compiledPolicy
	for _, p := range policies {
		if p.own == nil {
			continue
		}
		if root := b.table.prefixes[""]; root != nil && root.every != nil {
			b.warn(Diagnostic{
				Code: CodeOwnCORSShadowed, Place: p.layer.place.at("cors"),
				Message: "takes no request on host " + b.host + ", because a rule takes every path there; it is only inherited from",
				Hint:    "write that rule's settings here, or give it a longer path",
			})
			continue
		}
		if owner != nil {
			b.fault(Diagnostic{
				Code: CodeConflict, Place: p.layer.place.at("cors"), Related: new(owner.layer.place.at("cors")),
				Message: "every path of host " + b.host + " is taken by the cors of policy " + owner.name + " already",
				Hint:    "one policy with a cors of its own for each host; the others with rules",
			})
			continue
		}
		owner = p
		b.table.own = p.own
	}
}

// onlyEntry gives the one entry that takes everything, nil where there is a choice.
func (b *tableBuilder) onlyEntry() *settings {
	t := b.table
	switch paths := len(t.exact) + len(t.regexes) + len(t.prefixes); {
	case paths == 0:
		return t.own
	case paths > 1:
		return nil
	}
	if root := t.prefixes[""]; root != nil && len(root.byMethod) == 0 {
		return root.every
	}
	return nil
}
