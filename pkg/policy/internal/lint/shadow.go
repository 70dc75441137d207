package lint

import (
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// partlyShadowed finds rules that lose some of their paths to a RegularExpression that comes before
// them and allows more. An expression all of whose paths the rule matches is not reported: it was written
// as an exception from it. Neither is an Exact path or a longer prefix.
func (h *hostPaths) partlyShadowed() {
	for i, loser := range h.Slots {
		if loser.Path.Type == spec.PathExact {
			continue
		}
		for _, j := range h.exprs {
			if j >= i || h.work > maxPathWork {
				break
			}
			h.work++
			if h.mayMeet(i, j) && !h.isWithin(j, i) {
				h.shadow(j, i)
			}
		}
	}
}

// isWithin reports whether an expression begins with the whole prefix of a slot, and so matches only
// paths of it.
func (h *hostPaths) isWithin(j, i int) bool {
	return h.Slots[i].Path.Type == spec.PathPrefix && strings.HasPrefix(h.literals[j], h.literals[i]+"/")
}

// shadow compares the entries of slot j with those of slot i that lose requests to them.
func (h *hostPaths) shadow(j, i int) {
	for _, method := range append(methodsOf(h.Slots[j], h.Slots[i]), "") {
		winner, loser := pick(h.Slots[j], method), pick(h.Slots[i], method)
		if winner == nil || loser == nil || !isEnforced(loser) || h.lost[loser].Code != "" {
			continue
		}
		more := h.more(winner, loser)
		if more == "" {
			continue
		}
		if path := h.lostPath(j, i, method); path != "" {
			h.lost[loser] = spec.Diagnostic{
				Code: spec.CodeRulePartlyShadowed, Location: at(loser.MatchPlace()), Value: loser.Path.Value,
				Related: &spec.Location{Place: winner.MatchPlace()},
				Message: "does not hold for some of its paths, such as " + path + ": " + winner.String() +
					" comes before it and " + more,
				Hint: "an expression that matches none of these paths, or a rule of its own for them",
			}
		}
	}
}

func isEnforced(e *plan.Entry) bool {
	return e.Settings.Enforcement == spec.EnforcementEnforce || e.Settings.Enforcement == spec.EnforcementBlock
}

func methodsOf(slots ...*plan.Slot) []string {
	var list []string
	for _, s := range slots {
		for _, e := range s.ByMethod {
			list = append(list, e.Methods...)
			if e.Head {
				list = append(list, "HEAD")
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// lostPath returns a path that slot i would match if slot j did not come before it. It is "" if
// slot j matches only paths of slot i.
func (h *hostPaths) lostPath(j, i int, method string) string {
	if path, ok := h.ask([]int{j}, []int{i}); path == "" || !ok {
		return ""
	}
	var others []int
	for k := range i {
		if k != j && pick(h.Slots[k], method) != nil && h.mayMeet(k, i) && h.mayMeet(k, j) {
			others = append(others, k)
		}
	}
	if len(others) > maxBefore {
		return ""
	}
	path, _ := h.ask([]int{j, i}, others)
	return path
}

// widerKey identifies what entries are compared by.
type widerKey struct {
	winner, loser               *plan.Settings
	winnerOrigins, loserOrigins *plan.Origins
}

// more describes what the first entry allows and the second does not, "" if it is nothing, or if it
// cannot be decided.
func (r *reach) more(winner, loser *plan.Entry) string {
	key := widerKey{winner.Settings, loser.Settings, winner.Origins, loser.Origins}
	known, ok := r.wider[key]
	if !ok {
		known = strings.Join(r.differences(winner, loser), ", ")
		r.wider[key] = known
	}
	return known
}

func (r *reach) differences(winner, loser *plan.Entry) []string {
	w, s := winner.Settings, loser.Settings
	if isLaxer(w.Enforcement, s.Enforcement) {
		return []string{"has enforcement " + string(w.Enforcement)}
	}
	var list []string
	add := func(is bool, text string) {
		if is {
			list = append(list, text)
		}
	}
	example := r.widerOrigin(winner.Origins, loser.Origins)
	add(example != "", "allows "+example)
	add(w.OriginCheck != s.OriginCheck && s.OriginCheck == spec.OriginCheckEnforce, "does not check WebSockets")
	if winner.Origins == nil {
		return list // what follows is granted to nobody
	}
	add(w.Credentials && !s.Credentials, "allows credentials")
	for _, method := range w.Methods.List {
		if !s.Methods.AllowsMethod(method) {
			add(true, "allows method "+method)
			break
		}
	}
	add(w.Methods.Any && !s.Methods.Any, "allows every method")
	for _, name := range w.Headers.List {
		if !s.Headers.AllowsHeader(name) {
			add(true, "allows header "+name)
			break
		}
	}
	add(w.Headers.Any && !s.Headers.Any, "allows every header")
	add(w.Expose.Any && !s.Expose.Any, "exposes every header")
	add(w.PrivateNetwork && !s.PrivateNetwork, "allows private networks")
	return list
}

// isLaxer reports whether an enforcement refuses less than another.
func isLaxer(a, b spec.Enforcement) bool {
	order := []spec.Enforcement{
		spec.EnforcementDisabled, spec.EnforcementShadow, spec.EnforcementEnforce, spec.EnforcementBlock,
	}
	return slices.Index(order, a) < slices.Index(order, b)
}

// widerOrigin returns an origin that the first origins allow and the second do not, "" if there is
// none or if it is not decided.
func (r *reach) widerOrigin(a, b *plan.Origins) string {
	switch {
	case a == b || a == nil || b != nil && b.Any:
		return ""
	case a.Any:
		return "every origin"
	case a.Null && (b == nil || !b.Null):
		return origin.Null
	}
	bound := r.boundOf(b)
	patterns := patternsOf(a)
	if len(patterns) > maxCompared {
		return ""
	}
	for _, p := range patterns {
		if example := bound.missingOf(p); example != "" {
			return example
		}
	}
	for _, re := range a.Regexes {
		if e := r.verdict(re.Text).expr; e != nil {
			if example := bound.missing(e); example != "" {
				return example
			}
		}
	}
	return ""
}

// Bounds of the comparison of origins. Beyond them it is undecided.
const (
	maxCompared = 10_000 // origins on one side
	maxBounds   = 64     // origins and expressions on the other, if not all are equal
)

// bound has the origins that an entry allows.
type bound struct {
	patterns  map[origin.Pattern]bool
	exprs     []*lang.Expr
	undecided bool
}

func (r *reach) boundOf(o *plan.Origins) *bound {
	b := &bound{patterns: map[origin.Pattern]bool{}}
	if o == nil {
		return b
	}
	for _, p := range patternsOf(o) {
		b.patterns[p] = true
		if p.Kind != origin.TenantHost && len(b.exprs) <= maxBounds {
			b.exprs = append(b.exprs, patternExpr(p))
		}
	}
	for _, re := range o.Regexes {
		e := r.verdict(re.Text).expr
		b.exprs = append(b.exprs, e)
		b.undecided = b.undecided || e == nil
	}
	b.undecided = b.undecided || len(b.exprs) > maxBounds
	return b
}

// missingOf returns an origin of a pattern that the bound does not have.
func (b *bound) missingOf(p origin.Pattern) string {
	switch {
	case b.patterns[p]:
		return ""
	case p.Kind == origin.TenantHost:
		return p.String()
	}
	text := p.String()
	if o, ok := origin.Parse(text); ok && p.Kind == origin.ExactHost && !b.undecided {
		for other := range b.patterns {
			if other.Matches(o, origin.Tenant{}) {
				return ""
			}
		}
	}
	return b.missing(patternExpr(p))
}

func (b *bound) missing(e *lang.Expr) string {
	if b.undecided {
		return ""
	}
	example, err := e.Missing(lang.Parsed, b.exprs...)
	if err != nil {
		return ""
	}
	return example
}

// patternsOf returns the patterns of origins, those of their sets that have not expired included.
func patternsOf(o *plan.Origins) []origin.Pattern {
	var list []origin.Pattern
	for i := range o.Patterns {
		list = append(list, o.Patterns[i].Pattern)
	}
	for _, set := range o.Sets {
		for i := range set.Patterns {
			if !set.Expired {
				list = append(list, set.Patterns[i].Pattern)
			}
		}
	}
	return list
}
