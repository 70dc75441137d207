package lint

import (
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// shadowedOrigins warns of rules with origins that do not hold at a longer path, where another rule
// allows some of these origins on its own terms.
func (l *linter) shadowedOrigins(t *plan.Table) {
	if !t.ByOrigin {
		return
	}
	for _, s := range t.Slots {
		for _, e := range s.ByOrigin {
			l.shadowedBy(t, s, e)
		}
	}
}

// shadowedBy reports the first rule that e, of slot s, loses requests to.
func (l *linter) shadowedBy(t *plan.Table, s *plan.Slot, e *plan.Entry) {
	for _, longer := range t.Slots {
		if longer == s || !isBelow(longer, s) {
			continue
		}
		for _, winner := range withoutOrigins(longer) {
			if !meetMethods(winner, e) || winner.Origins == nil {
				continue
			}
			if example := allowsSome(winner.Origins, e.From); example != "" {
				l.Warn(spec.Diagnostic{
					Code: spec.CodeRulePartlyShadowed, Location: at(e.MatchPlace()), Value: e.Path.Value,
					Related: &spec.Location{Place: winner.MatchPlace()},
					Message: "does not hold at " + longer.Path.Value + ": " + winner.String() +
						" comes before it there and allows " + example,
					Hint: "a rule with the same origins at that path too",
				})
				return
			}
		}
	}
}

// isBelow reports whether requests to a slot's paths would otherwise match the PathPrefix of another.
func isBelow(longer, s *plan.Slot) bool {
	if s.Path.Type != spec.PathPrefix {
		return false
	}
	path := longer.Path.Key().Value
	if isExpression(longer) {
		path = lang.Literal(longer.Path.Value)
	}
	prefix := s.Path.Key().Value
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func withoutOrigins(s *plan.Slot) []*plan.Entry {
	var list []*plan.Entry
	for _, e := range s.ByMethod {
		list = append(list, e.Entry)
	}
	if s.Every != nil {
		list = append(list, s.Every)
	}
	return list
}

// meetMethods reports whether a request can have a method that both match.
func meetMethods(a, b *plan.Entry) bool {
	return a.Methods == nil || b.Methods == nil ||
		slices.ContainsFunc(a.Methods, func(m string) bool { return slices.Contains(b.Methods, m) })
}

// allowsSome returns one of the origins that a rule matches and another rule allows, as it is
// written in the first, or "" if there is none.
func allowsSome(allowed, matched *plan.Origins) string {
	for p := range matched.Matched() {
		if allowed.Any {
			return p.Text
		}
		for a := range allowed.Matched() {
			if a.Intersects(p.Pattern) {
				return p.Text
			}
		}
		for _, re := range allowed.Regexes {
			if p.IsOneOrigin() && re.Regexp.MatchString(p.String()) {
				return p.Text
			}
		}
	}
	return ""
}
