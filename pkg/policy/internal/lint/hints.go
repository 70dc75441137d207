package lint

import (
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// The hint of a fault or warning about an origin has one of three forms:
//
//	https://*.shop.com                             the text to write in place of the value
//	allowOrigins: ["https://a.com", "https://b.com"]  the elements to write in that field instead
//	the names that are yours                       words
//
// The first two are accepted with the credentials of the place, and accept nothing that the value
// cannot mean. The last element of a hint may be the name that permits the danger.

// use is how a list of origins is used, which limits the hints for it.
type use struct {
	credentials bool
	inSet       bool // the entry is one of an OriginSet, or of match.origins
	alone       bool // there is no other entry, expression or set beside it
	policies    []*plan.Policy
}

// uses returns how the list is used in which something stands at a place.
func (l *linter) usesAt(place spec.Place) use {
	if l.uses == nil {
		l.uses = map[spec.Place]use{}
		for _, p := range l.plan.Policies {
			if p.Own != nil {
				l.addUse(p.Own)
			}
			for _, e := range p.Rules {
				l.addUse(e)
			}
		}
	}
	place.Path = place.Path.Parent().Parent()
	u := l.uses[place]
	u.inSet = place.Kind == spec.KindOriginSet || place.Path.Last() == "match"
	return u
}

func (l *linter) addUse(e *plan.Entry) {
	o := e.Origins
	if o == nil {
		return
	}
	u := l.uses[o.Parent()]
	u.credentials = u.credentials || e.Settings.Credentials
	u.policies = append(u.policies, e.Policy)
	u.alone = len(o.Entries)+len(o.Regexes)+len(o.Sets) <= 1
	l.uses[o.Parent()] = u
	for _, set := range o.Sets {
		place := set.Place("spec")
		s := l.uses[place]
		s.credentials = s.credentials || u.credentials
		s.policies = append(s.policies, e.Policy)
		l.uses[place] = s
	}
}

// accepts reports whether an entry is accepted.
func (u use) accepts(entry string) bool {
	p, _, fault := origin.ParsePattern(entry)
	if fault != nil || p.Kind == origin.TenantHost && slices.ContainsFunc(u.policies, func(policy *plan.Policy) bool {
		return !binds(policy, p.Tenant)
	}) {
		return false
	}
	for _, r := range patternRisks([]plan.OriginPattern{{Pattern: p, Text: entry}}) {
		if u.credentials && r.kind != riskSubdomains {
			return false
		}
	}
	return true
}

// amendOrigins replaces the hints of entries and expressions that are not valid.
func (l *linter) amendOrigins() {
	l.Amend(spec.CodeOriginInvalid, func(d *spec.Diagnostic) { d.Hint = l.hintForEntry(d, l.usesAt(d.Place)) })
	l.Amend(spec.CodeRegexInvalid, func(d *spec.Diagnostic) {
		if d.Place.Path.Last() != "allowOriginRegexes" || !looksLikeGlob(d.Value) {
			return
		}
		if hint := l.hintForGlob(d.Value, l.usesAt(d.Place), nil); hint != "" {
			d.Hint = hint
		} else if everything.MatchString(d.Value) {
			d.Hint = wordsForAny
		}
	})
}

// Hints if the text is dangerous whatever is written for it.
const (
	wordsForNull = "allowNullOrigin: true where credentials are not allowed"
	wordsForAny  = "the origins that may, one entry each"
)

// hintForEntry returns the hint for an entry that is not a valid one.
func (l *linter) hintForEntry(d *spec.Diagnostic, u use) string {
	switch {
	case strings.HasPrefix(d.Hint, "allowNullOrigin") && u.credentials:
		return wordsForNull
	case strings.HasPrefix(d.Hint, "allowNullOrigin") && u.inSet:
		return d.Hint + " in the policy"
	case u.inSet && d.Value == origin.Any:
		return d.Hint
	case everything.MatchString(d.Value):
		if hint := u.anyHint(); hint != "" && !u.inSet {
			return hint
		}
		return wordsForAny
	}
	found := u.entriesIn(d.Value)
	if found == nil {
		entries, regex, why := l.patternIn(d.Value, u)
		if why != "" && !strings.Contains(d.Message, why) {
			d.Message += ": it " + why
		}
		found = entries
		if regex != "" {
			hint := "allowOriginRegexes: ['" + strings.ReplaceAll(regex, "'", "''") + "']"
			if u.inSet {
				hint += " in the policy"
			}
			return hint
		}
	}
	switch {
	case len(found) == 1:
		return found[0]
	case len(found) > 1 && u.inSet:
		return `origins: ["` + strings.Join(found, `", "`) + `"]`
	case len(found) > 1:
		return allowing(found)
	case isWords(d.Hint):
		return d.Hint
	}
	return "the origins that are yours, one entry each"
}

// anyHint returns the hint for a text that stands for any origin, "" if that is dangerous.
func (u use) anyHint() string {
	if u.credentials || !u.alone {
		return ""
	}
	return `allowOrigins: ["*"]`
}

func allowing(entries []string) string {
	return `allowOrigins: ["` + strings.Join(entries, `", "`) + `"]`
}

// entriesIn returns the entries that a text without a pattern stands for, nil if it is not certain
// or one of them is dangerous.
func (u use) entriesIn(text string) []string {
	var list []string
	all := parts(text)
	if n := strings.Count(strings.Join(all, " "), "://"); n > 0 && n < len(all) {
		return nil // a part without a scheme may belong to the one before
	}
	for _, part := range all {
		texts := expand(part)
		if texts == nil {
			return nil
		}
		var found []string
		for _, t := range texts {
			entry := entryIn(t)
			switch {
			case entry == "":
				return nil
			case u.accepts(entry):
				found = append(found, entry)
			case u.credentials && u.accepts(secureForm(entry)):
				found = append(found, secureForm(entry))
			default:
				return nil
			}
		}
		list = append(list, found...)
	}
	return distinct(list)
}

func distinct(list []string) []string {
	var result []string
	for _, s := range list {
		if !slices.Contains(result, s) {
			result = append(result, s)
		}
	}
	return result
}

// patternIn reads an entry as one glob or one expression. It returns entries that accept the same,
// else an expression.
func (l *linter) patternIn(text string, u use) (entries []string, regex, why string) {
	if l.isSpent() {
		return nil, "", ""
	}
	l.advised++
	list := parts(text)
	if len(list) != 1 {
		return nil, "", ""
	}
	if !origin.IsExpression(list[0]) {
		for _, t := range expand(list[0]) {
			g, ok := globOf(t)
			if !ok {
				return nil, "", ""
			}
			found, expr := u.glob(g, nil)
			if found == nil {
				return nil, expr, ""
			}
			entries = append(entries, found...)
		}
		return distinct(entries), "", ""
	}
	regex, why = l.mendRegex(list[0], u.credentials)
	if regex == "" {
		return nil, "", why
	}
	if e, err := lang.Parse(regex); err == nil {
		entries = entriesFor(e)
	}
	if entries != nil && !slices.ContainsFunc(entries, func(e string) bool { return !u.accepts(e) }) {
		return entries, "", why
	}
	return nil, regex, why
}

// hintForGlob returns the hint for an expression that was written as a glob. The glob means, or
// within accepts, everything that it accepts.
func (l *linter) hintForGlob(text string, u use, within *lang.Expr) string {
	if everything.MatchString(text) {
		return u.anyHint()
	}
	g, ok := globOf(text)
	if !ok {
		return ""
	}
	entries, regex := u.glob(g, within)
	if entries != nil {
		return allowing(entries)
	}
	return regex
}

// glob returns the entries, or else the expression, that a glob means, if they are accepted.
func (u use) glob(g glob, within *lang.Expr) (entries []string, regex string) {
	meaning := []*lang.Expr{g.meaning()}
	if within != nil {
		meaning = append(meaning, within)
	}
	candidates, regex := g.candidates()
	for _, list := range candidates {
		fits := func(entry string) bool {
			p, _, fault := origin.ParsePattern(entry)
			if fault != nil || !u.accepts(entry) {
				return false
			}
			missing, err := patternExpr(p).Missing(lang.Parsed, meaning...)
			return missing == "" && err == nil
		}
		if !slices.ContainsFunc(list, func(entry string) bool { return !fits(entry) }) {
			return list, ""
		}
	}
	if isSafe(regex, u.credentials, meaning...) {
		return nil, regex
	}
	return nil, ""
}

// isSpent reports whether no further expressions are to be mended.
func (l *linter) isSpent() bool { return l.advised >= maxAdvised || l.regexStates > maxRegexStates/10 }
