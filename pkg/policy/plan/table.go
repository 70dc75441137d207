package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/urlpath"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Table has the entries of the hosts that the same policies name.
type Table struct {
	Policies []*Policy // by name
	Host     string    // one of the hosts, for messages

	// Slots are the paths of rules in the order in which they are tried: Exact, then
	// RegularExpression by falling length, then PathPrefix by falling length.
	Slots []*Slot
	// Own is the policy's own cors that applies to what no slot matches, nil if there is none.
	Own *Entry
	// Only is the entry of a table that leaves no choice: it matches every path and method,
	// however they are written. It is nil if there is a choice.
	Only *Entry

	// ByOrigin reports that some rule matches some origins only.
	ByOrigin bool
	// Paths are those of all its policies.
	Paths Paths

	// NoRule are the settings that apply if no entry matches, Ambiguous those that apply if the
	// path is ambiguous. They grant nothing.
	NoRule, Ambiguous *Settings

	// Escapes has how the paths of the rules are written.
	Escapes urlpath.Escapes
}

// Slot has the rules of one path.
type Slot struct {
	Path PathMatch
	// ByOrigin are the rules with origins, those with methods first. No origin fits two of them that
	// have a method in common, or that both have no methods. They come before those without.
	ByOrigin []*Entry
	// ByMethod are the rules with methods and without origins. Their methods are distinct.
	ByMethod []MethodEntry
	// Every is the rule with neither, nil if there is none.
	Every *Entry
}

// MethodEntry is a rule with methods.
type MethodEntry struct {
	*Entry
	// Head reports that GET stands for HEAD too: no other rule of the slot without origins names HEAD.
	Head bool
}

// Matches reports whether the rule matches the method.
func (e *MethodEntry) Matches(method string) bool {
	return slices.Contains(e.Methods, method) || e.Head && method == "HEAD"
}

// tableBuilder puts the rules of the policies that name a host into one table.
type tableBuilder struct {
	*resolver
	*Table
	slots map[PathKey]*Slot
	owner map[slotMethod]*Entry
}

// slotMethod is a path and method. No two rules may match the same one.
type slotMethod struct {
	slot   *Slot
	method string
}

func (r *resolver) newTable(policies []*Policy, host string) *Table {
	b := &tableBuilder{
		resolver: r, Table: &Table{Policies: policies, Host: host}, slots: map[PathKey]*Slot{},
		owner: map[slotMethod]*Entry{},
	}
	for _, p := range policies {
		for _, e := range p.Rules {
			if !e.invalid {
				b.addRule(e)
			}
		}
	}
	b.sortSlots()
	for _, s := range b.Slots {
		s.addHEAD()
		if len(s.ByOrigin) > 0 {
			b.ByOrigin = true
			b.checkOrigins(s)
		}
	}
	b.setOwn()
	b.setOnly()
	b.setUnchosen()
	b.checkPaths()
	if b.ByOrigin {
		b.checkUniform()
	}
	return b.Table
}

func (b *tableBuilder) addRule(e *Entry) {
	slot := b.slots[e.Path.Key()]
	if slot == nil {
		slot = &Slot{Path: e.Path}
		b.slots[e.Path.Key()] = slot
		b.Slots = append(b.Slots, slot)
	}
	b.Escapes.Add(e.Path.Value)
	if e.From != nil {
		slot.ByOrigin = append(slot.ByOrigin, e)
		return
	}
	if e.Methods == nil {
		if slot.Every != nil {
			b.conflict(e, slot.Every, "")
			return
		}
		slot.Every = e
		return
	}
	for _, method := range e.Methods {
		key := slotMethod{slot, method}
		if other := b.owner[key]; other != nil {
			b.conflict(e, other, method)
			continue
		}
		b.owner[key] = e
	}
	slot.ByMethod = append(slot.ByMethod, MethodEntry{Entry: e})
}

// conflict reports that another rule matches what this one does.
func (b *tableBuilder) conflict(e, other *Entry, method string) {
	e.conflicts = true
	what := "every method"
	if method != "" {
		what = method
	}
	b.report.Fault(spec.Diagnostic{
		Code: spec.CodeConflict, Location: at(e.MatchPlace()), Value: e.Path.Value,
		Related: related(other.MatchPlace()),
		Message: string(e.Path.Type) + " with " + what + " is matched on host " + b.Host + " by " + other.String() +
			" already",
		Hint: "one rule for each host, path and method",
	})
}

// sortSlots puts slots into the order in which they are tried.
func (b *tableBuilder) sortSlots() {
	order := []spec.PathMatchType{spec.PathExact, spec.PathRegularExpression, spec.PathPrefix}
	slices.SortFunc(b.Slots, func(x, y *Slot) int {
		xk, yk := x.Path.Key(), y.Path.Key()
		return cmp.Or(
			cmp.Compare(slices.Index(order, xk.Type), slices.Index(order, yk.Type)),
			cmp.Compare(len(yk.Value), len(xk.Value)),
			strings.Compare(xk.Value, yk.Value),
		)
	})
}

// addHEAD lets GET stand for HEAD if no rule of the slot without origins names HEAD.
func (s *Slot) addHEAD() {
	get := -1
	for i := range s.ByMethod {
		switch e := &s.ByMethod[i]; {
		case e.Matches("HEAD"):
			return
		case e.Matches("GET"):
			get = i
		}
	}
	if get >= 0 {
		s.ByMethod[get].Head = true
	}
}

// Root returns the slot of PathPrefix /, nil if there is none.
func (t *Table) Root() *Slot {
	if n := len(t.Slots); n > 0 && t.Slots[n-1].Path.Key() == (PathKey{spec.PathPrefix, ""}) {
		return t.Slots[n-1]
	}
	return nil
}

// setOwn finds the policy whose own cors matches what no rule does. A rule for every path and
// method comes before every own cors.
func (b *tableBuilder) setOwn() {
	if root := b.Root(); root != nil && root.Every != nil {
		return
	}
	for _, p := range b.Policies {
		switch {
		case p.Own == nil:
		case b.Own == nil:
			b.Own = p.Own
		default:
			b.report.Fault(spec.Diagnostic{
				Code: spec.CodeConflict, Location: at(p.Place("cors")), Related: related(b.Own.Policy.Place("cors")),
				Message: "every path of host " + b.Host + " is matched by the cors of policy " + b.Own.Policy.Name +
					" already",
				Hint: "one policy with a cors of its own for each host; the others with rules",
			})
		}
	}
}

func (b *tableBuilder) setOnly() {
	switch len(b.Slots) {
	case 0:
		b.Only = b.Own
	case 1:
		if root := b.Root(); root != nil && len(root.ByMethod) == 0 && len(root.ByOrigin) == 0 {
			b.Only = root.Every
		}
	}
}

// setUnchosen sets the settings that apply if no entry is chosen.
func (b *tableBuilder) setUnchosen() {
	var policies, rules []*Settings
	for _, p := range b.Policies {
		policies = append(policies, p.Unchosen)
		for _, e := range p.Rules {
			rules = append(rules, e.Settings)
		}
	}
	b.NoRule = b.strictest(policies)
	b.Ambiguous = b.strictest(slices.Concat(policies, rules))
}
