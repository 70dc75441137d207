package lint

import (
	"regexp/syntax"
	"slices"

	"github.com/corsd/corsd/pkg/policy/internal/urlpath"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// reachability warns of rules that no request can reach on any host, and of settings that have no
// effect because of other rules.
func (l *linter) reachability() {
	r := reach{entries: map[*plan.Entry]bool{}, maxAge: map[*plan.Entry]bool{}}
	for _, t := range l.plan.Tables {
		r.table(t)
		l.shadowedOwn(t)
	}
	inTable := map[*plan.Policy]bool{}
	for _, t := range l.plan.Tables {
		for _, p := range t.Policies {
			inTable[p] = true
		}
	}
	for _, p := range l.plan.Policies {
		for _, e := range p.Rules {
			l.path(e)
			if !e.Valid() || !inTable[p] {
				continue
			}
			if !r.entries[e] {
				l.Warn(spec.Diagnostic{
					Code: spec.CodeRuleUnreachable, Location: at(e.MatchPlace()), Value: e.Path.Value,
					Message: "matches no request, because a RegularExpression that comes before it matches all of them",
					Hint:    "a narrower expression, or remove the rule",
				})
			}
			if !r.maxAge[e] {
				l.unusedMaxAge(e)
			}
		}
	}
}

// reach has the entries that some request can reach on some host.
type reach struct {
	entries map[*plan.Entry]bool // that some request can reach
	maxAge  map[*plan.Entry]bool // whose max-age some preflight can be answered with
}

func (r *reach) table(t *plan.Table) {
	var before shadows
	for _, s := range t.Slots {
		if literal, ok := matchesAllBelow(&s.Path); ok {
			before.add(literal, s)
		}
	}
	for _, s := range t.Slots {
		over := before.over(&s.Path)
		r.slot(s, over)
		// A browser remembers a preflight for the URL and not for the rule, so none may be
		// remembered if the rule depends on the method.
		hasMethods := func(s *plan.Slot) bool { return len(s.ByMethod) > 0 }
		if s.Every != nil && !hasMethods(s) && !slices.ContainsFunc(over, hasMethods) {
			r.maxAge[s.Every] = true
		}
	}
}

// slot marks what can be reached of a slot, whose requests all match the slots over too.
func (r *reach) slot(s *plan.Slot, over []*plan.Slot) {
	if slices.ContainsFunc(over, func(o *plan.Slot) bool { return o.Every != nil }) {
		return
	}
	matched := func(method string) bool {
		return slices.ContainsFunc(over, func(o *plan.Slot) bool {
			return slices.ContainsFunc(o.ByMethod, func(e plan.MethodEntry) bool { return e.Matches(method) })
		})
	}
	for _, e := range s.ByMethod {
		methods := e.Methods
		if e.Head {
			methods = append(slices.Clip(methods), "HEAD")
		}
		if len(over) == 0 || slices.ContainsFunc(methods, func(m string) bool { return !matched(m) }) {
			r.entries[e.Entry] = true
		}
	}
	if s.Every != nil {
		r.entries[s.Every] = true
	}
}

// shadows are slots that come before every PathPrefix and match all paths that begin with a
// literal, by that literal.
type shadows struct {
	slots   map[string]*plan.Slot
	lengths map[int]bool // of the literals
}

func (x *shadows) add(literal string, s *plan.Slot) {
	if x.slots == nil {
		x.slots, x.lengths = map[string]*plan.Slot{}, map[int]bool{}
	}
	x.slots[literal] = s
	x.lengths[len(literal)] = true
}

// over returns the slots that match everything that a PathPrefix matches.
func (x *shadows) over(m *plan.PathMatch) (list []*plan.Slot) {
	if m.Type != spec.PathPrefix {
		return nil
	}
	prefix := m.Key().Value
	if prefix == "" {
		prefix = "/"
	}
	for length := range x.lengths {
		if length <= len(prefix) {
			if s := x.slots[prefix[:length]]; s != nil {
				list = append(list, s)
			}
		}
	}
	return list
}

// matchesAllBelow returns the literal that an expression has before it matches everything, such
// as "/api/" of /api/.*; ok is false for every other expression.
func matchesAllBelow(m *plan.PathMatch) (literal string, ok bool) {
	if m.Type != spec.PathRegularExpression {
		return "", false
	}
	tree, err := syntax.Parse(m.Value, syntax.Perl)
	if err != nil {
		return "", false
	}
	tree = tree.Simplify()
	if isAnything(tree) {
		return "", true
	}
	if tree.Op == syntax.OpConcat && len(tree.Sub) == 2 && isLiteral(tree.Sub[0]) && isAnything(tree.Sub[1]) {
		return string(tree.Sub[0].Rune), true
	}
	return "", false
}

func isLiteral(re *syntax.Regexp) bool {
	return re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0
}

// isAnything reports whether re is .* with or without newlines: no path has one.
func isAnything(re *syntax.Regexp) bool {
	return re.Op == syntax.OpStar && (re.Sub[0].Op == syntax.OpAnyChar || re.Sub[0].Op == syntax.OpAnyCharNotNL)
}

// path warns of a path that no browser sends.
func (l *linter) path(e *plan.Entry) {
	d := spec.Diagnostic{
		Code: spec.CodeRuleUnreachable, Location: at(e.Place("match", "path", "value")), Value: e.Path.Value,
	}
	switch {
	case !e.Valid():
		return
	case e.Path.Type == spec.PathRegularExpression:
		prefix, _ := e.Path.Regexp.LiteralPrefix()
		if prefix == "" || prefix[0] == '/' {
			return
		}
		d.Message = `matches no request: it is matched against the whole path, which begins with "/"`
		d.Hint = "/" + e.Path.Value
	default:
		meant, sent := urlpath.WithoutPlaceholders(e.Path.Value), urlpath.AsSent(e.Path.Value)
		switch {
		case meant != e.Path.Value:
			d.Message = "matches only paths with these very characters: there are no wildcards here, " +
				"and a PathPrefix matches all below it anyway"
			d.Hint = meant + ", or a RegularExpression"
		case sent != e.Path.Value:
			d.Message, d.Hint = "matches no request of a browser, which writes these characters differently", sent
		default:
			return
		}
	}
	l.Warn(d)
}

// shadowedOwn warns of a policy's own cors that applies to no request on a host.
func (l *linter) shadowedOwn(t *plan.Table) {
	root := t.Root()
	if root == nil || root.Every == nil {
		return
	}
	for _, p := range t.Policies {
		if p.Own != nil {
			l.Warn(spec.Diagnostic{
				Code: spec.CodeOwnCORSShadowed, Location: at(p.Place("cors")),
				Message: "applies to no request on host " + t.Host +
					", because a rule matches every path there; it is only inherited from",
				Hint: "write that rule's settings here, or give it a longer path",
			})
		}
	}
}

func (l *linter) unusedMaxAge(e *plan.Entry) {
	s := e.Settings
	if s.From.MaxAge != plan.LayerRule || s.MaxAge == "0" {
		return
	}
	l.Warn(spec.Diagnostic{
		Code: spec.CodeMaxAgeUnused, Location: at(e.Place("cors", "maxAge")), Value: s.MaxAge,
		Message: "is never sent, because the rule that matches a path here depends on the method; 0 is sent instead",
		Hint:    "remove it, or let one rule match every method of the path",
	})
}
