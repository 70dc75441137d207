package plan

import (
	"fmt"
	"slices"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Bounds of rules with origins. More is limit_exceeded.
const (
	// MaxOriginRules bounds the rules with origins of one path on one host: a request tries each.
	MaxOriginRules = 1000
	// maxOriginPairs bounds the pairs of patterns that are compared at one path.
	maxOriginPairs = 10_000_000
)

// matchedOrigin is a pattern of origins that a rule matches.
type matchedOrigin struct {
	rule    *Entry
	pattern *OriginPattern
}

// checkOrigins sorts the rules with origins of a slot, and reports those that match the same
// requests: both without methods or with one in common, and with an origin that fits both.
func (b *tableBuilder) checkOrigins(s *Slot) {
	withMethods := func(e *Entry) int { return min(len(e.Methods), 1) }
	slices.SortStableFunc(s.ByOrigin, func(x, y *Entry) int { return withMethods(y) - withMethods(x) })
	var all, wide []matchedOrigin
	single := map[string][]matchedOrigin{} // by the one origin that they match
	for _, e := range s.ByOrigin {
		for p := range e.From.Matched() {
			m := matchedOrigin{e, p}
			all = append(all, m)
			if key := p.String(); p.IsOneOrigin() {
				for _, other := range single[key] {
					b.compare(m, other)
				}
				single[key] = append(single[key], m)
			} else {
				wide = append(wide, m)
			}
		}
	}
	if b.exceedsOriginRules(s, len(wide)*len(all)) {
		return
	}
	for _, m := range wide {
		for _, other := range all {
			if m.pattern.Intersects(other.pattern.Pattern) {
				b.compare(m, other)
			}
		}
	}
}

func (b *tableBuilder) exceedsOriginRules(s *Slot, pairs int) bool {
	d := spec.Diagnostic{Code: spec.CodeLimitExceeded, Value: s.Path.Value}
	last := s.ByOrigin[len(s.ByOrigin)-1]
	switch n := len(s.ByOrigin); {
	case n > MaxOriginRules:
		d.Message = fmt.Sprintf("has %d rules with origins on host %s, more than %d", n, b.Host, MaxOriginRules)
		d.Hint = "one rule for all origins that have the same settings"
	case pairs > maxOriginPairs:
		d.Message = "has rules with more patterns of origins on host " + b.Host + " than can be compared"
		d.Hint = "single origins in place of patterns"
	default:
		return false
	}
	d.Location = at(last.MatchPlace())
	b.report.Fault(d)
	return true
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

// compare reports a conflict of two rules that match a common origin.
func (b *tableBuilder) compare(m, other matchedOrigin) {
	x, y := m.rule, other.rule
	sameMethods := len(x.Methods) == 0 && len(y.Methods) == 0 ||
		slices.ContainsFunc(x.Methods, func(method string) bool { return slices.Contains(y.Methods, method) })
	if x == y || !sameMethods {
		return
	}
	x.conflicts = true
	b.report.Fault(spec.Diagnostic{
		Code: spec.CodeConflict, Location: at(x.MatchPlace()), Value: m.pattern.Text, Related: related(y.MatchPlace()),
		Message: "matches origins that " + y.String() + " matches already, by " + other.pattern.Text +
			", at the same path of host " + b.Host,
		Hint: "rules whose origins or methods have nothing in common",
	})
}

// checkUniform reports settings that the entries of a table with rules by origin may not differ in.
// A cache or browser that holds the answer for one origin revalidates it for another one: a response that
// corsd leaves alone has no Vary, and would be reused.
func (b *tableBuilder) checkUniform() {
	var first *Entry
	for _, p := range b.Policies {
		entries := p.Rules
		if p.Own != nil {
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
