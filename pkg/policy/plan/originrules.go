package plan

import (
	"fmt"
	"slices"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Bounds of rules with origins. More is limit_exceeded.
const (
	// MaxOriginRules bounds the rules with origins of one path on one host: a request tries each.
	MaxOriginRules = 1000
	// maxOriginWork bounds the comparisons of their origins in one configuration.
	maxOriginWork = 20_000_000
	// originCost is the work of a look-up of one origin.
	originCost = 5
)

// originRule is a rule with origins.
type originRule struct {
	*Entry
	patterns int              // that it matches
	wide     []*OriginPattern // those that match more than one origin
	others   []*Entry         // with which it conflicts
}

// checkOrigins sorts the rules with origins of a slot, and reports those that match the same
// requests: both without methods or with one in common, and with an origin that fits both.
func (b *tableBuilder) checkOrigins(s *Slot) {
	withMethods := func(e *Entry) int { return min(len(e.Methods), 1) }
	slices.SortStableFunc(s.ByOrigin, func(x, y *Entry) int { return withMethods(y) - withMethods(x) })
	if n := len(s.ByOrigin); n > MaxOriginRules {
		b.tooManyOrigins(s,
			fmt.Sprintf("has %d rules with origins on host %s, more than %d", n, b.Host, MaxOriginRules),
			"one rule for all origins that have the same settings")
		return
	}
	if len(s.ByOrigin) > 1 && b.work(0) && !b.compareOrigins(s) { // else it is reported already
		b.tooManyOrigins(s, "has rules with more origins on host "+b.Host+" than can be compared",
			"fewer origins in each rule")
	}
}

func (b *tableBuilder) tooManyOrigins(s *Slot, message, hint string) {
	b.report.Fault(spec.Diagnostic{
		Code: spec.CodeLimitExceeded, Location: at(s.ByOrigin[len(s.ByOrigin)-1].MatchPlace()), Value: s.Path.Value,
		Message: message, Hint: hint,
	})
}

// compareOrigins compares each rule with those before it. It reports whether the bound sufficed.
func (b *tableBuilder) compareOrigins(s *Slot) bool {
	rules := make([]originRule, len(s.ByOrigin))
	byOrigin := map[origin.Pattern][]*Entry{}
	for i := range rules {
		x := &rules[i]
		x.Entry = s.ByOrigin[i]
		for p := range x.From.Matched() {
			if x.patterns++; !p.IsOneOrigin() {
				x.wide = append(x.wide, p)
			} else if !b.addOrigin(byOrigin, x, p) {
				return false
			}
		}
		for j := range i {
			if !b.compare(x, &rules[j]) {
				return false
			}
		}
	}
	return true
}

// addOrigin compares a rule with those that match the same one origin.
func (b *tableBuilder) addOrigin(byOrigin map[origin.Pattern][]*Entry, x *originRule, p *OriginPattern) bool {
	others := byOrigin[p.Pattern]
	conflicts := false
	for _, other := range others {
		if other == x.Entry || shareMethod(x.Entry, other) {
			b.originConflict(x, other, p, p)
			conflicts = true
		}
	}
	if !conflicts {
		byOrigin[p.Pattern] = append(others, x.Entry)
	}
	return b.work(originCost + len(others))
}

// work counts comparisons, and reports whether that many are allowed.
func (b *tableBuilder) work(n int) bool {
	b.originWork += n
	return b.originWork <= maxOriginWork
}

// compare reports a conflict of two rules of which one has patterns that match more than one origin.
func (b *tableBuilder) compare(x, y *originRule) bool {
	if len(x.wide)+len(y.wide) == 0 || !shareMethod(x.Entry, y.Entry) {
		return true
	}
	if !b.work(len(x.wide)*y.patterns + len(y.wide)*x.patterns) {
		return false
	}
	if p, q := intersection(x, y); p != nil {
		b.originConflict(x, y.Entry, p, q)
	} else if q, p := intersection(y, x); p != nil {
		b.originConflict(x, y.Entry, p, q)
	}
	return true
}

// shareMethod reports whether two rules have a method in common, or both none.
func shareMethod(x, y *Entry) bool {
	return len(x.Methods) == 0 && len(y.Methods) == 0 ||
		slices.ContainsFunc(x.Methods, func(method string) bool { return slices.Contains(y.Methods, method) })
}

// intersection returns a wide pattern of a rule, and a pattern of another one that matches one of its origins.
func intersection(x, y *originRule) (p, q *OriginPattern) {
	for _, p := range x.wide {
		for q := range y.From.Matched() {
			if p.Intersects(q.Pattern) {
				return p, q
			}
		}
	}
	return nil, nil
}

// originConflict reports that another rule matches an origin of a rule, by these patterns.
func (b *tableBuilder) originConflict(x *originRule, other *Entry, p, q *OriginPattern) {
	if other == x.Entry || slices.Contains(x.others, other) {
		return
	}
	x.others = append(x.others, other)
	x.conflicts = true
	b.report.Fault(spec.Diagnostic{
		Code: spec.CodeConflict, Location: at(x.MatchPlace()), Value: p.Text, Related: related(other.MatchPlace()),
		Message: "matches origins that " + other.String() + " matches already, by " + q.Text +
			", at the same path of host " + b.Host,
		Hint: "rules whose origins or methods have nothing in common",
	})
}

// Matched lists the patterns of origins, those of sets too.
func (o *Origins) Matched() func(yield func(*OriginPattern) bool) {
	return func(yield func(*OriginPattern) bool) {
		for i := range o.Patterns {
			if !yield(&o.Patterns[i]) {
				return
			}
		}
		for _, set := range o.Sets {
			for i := range set.Patterns {
				if !yield(&set.Patterns[i]) {
					return
				}
			}
		}
	}
}

// checkUniform reports settings that the entries of a table with rules by origin may not differ in.
// A cache or browser that holds the answer for one origin revalidates it for another one: a response that
// corsd leaves alone has no Vary, and would be reused.
func (b *tableBuilder) checkUniform() {
	var first *Entry
	for _, p := range b.Policies {
		entries := p.Rules
		if p.Own != nil && p.Own == b.Own { // else it is only inherited from
			entries = slices.Concat([]*Entry{p.Own}, entries)
		}
		for _, e := range entries {
			if first == nil {
				first = e
				continue
			}
			b.compareUniform(e, first)
		}
	}
}

func (b *tableBuilder) compareUniform(e, first *Entry) {
	s, f := e.Settings, first.Settings
	d := spec.Diagnostic{
		Code: spec.CodeConflict,
		Hint: "the same for all entries of a host that has rules with match.origins",
	}
	switch untouched := func(s *Settings) bool { return s.Conduct.Enforcement <= Shadow }; {
	case s.UpstreamHeaders != f.UpstreamHeaders:
		d.Location = at(e.LayerPlace(s.From.UpstreamHeaders, "upstreamHeaders"))
		d.Related = related(first.LayerPlace(f.From.UpstreamHeaders, "upstreamHeaders"))
		d.Value = string(s.UpstreamHeaders)
		d.Message = "is not the upstreamHeaders of " + first.String() + ", " + string(f.UpstreamHeaders)
	case untouched(s) != untouched(f):
		d.Location = at(e.LayerPlace(s.From.Enforcement, "enforcement"))
		d.Related = related(first.LayerPlace(f.From.Enforcement, "enforcement"))
		d.Value = string(s.Enforcement)
		d.Message = "cannot stand beside the enforcement of " + first.String() + ", " + string(f.Enforcement)
	default:
		return
	}
	b.report.Fault(d)
}

// checkPaths reports policies of one host whose paths fields differ.
func (b *tableBuilder) checkPaths() {
	first := b.Policies[0]
	b.Paths = first.Paths
	for _, p := range b.Policies[1:] {
		if p.Paths != first.Paths {
			b.report.Fault(spec.Diagnostic{
				Code: spec.CodeConflict, Location: at(p.Place("paths")), Related: related(first.Place("paths")),
				Message: "is not the paths of policy " + first.Name + ", which names host " + b.Host + " too",
				Hint:    "the same paths in both policies, or in CORSDefaults",
			})
		}
	}
}
