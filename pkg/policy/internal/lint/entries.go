package lint

import (
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// nobody warns of a policy that names no origin at all. An empty list is written on purpose.
func (l *linter) nobody(p *plan.Policy, entries []*plan.Entry) {
	for _, e := range entries {
		if e.Origins != nil && !l.onlyEmptySets(e.Origins) || e.Settings.Enforcement == spec.EnforcementDisabled {
			return
		}
	}
	place := p.Place()
	if p.Own != nil {
		place = p.Place("cors")
	}
	l.Warn(spec.Diagnostic{
		Code: spec.CodeGrantsNobody, Location: at(place),
		Message: "names no origin, so no page of another origin can read anything",
		Hint:    "allowOrigins with those that may, or allowOrigins: [] if that is meant",
	})
}

// onlyEmptySets reports whether origin sets without an origin are all that is named.
func (l *linter) onlyEmptySets(o *plan.Origins) bool {
	if o.Null || len(o.Entries)+len(o.Regexes) > 0 {
		return false
	}
	for _, set := range o.Sets {
		if len(set.Entries) > 0 {
			return false
		}
	}
	return len(o.Sets) > 0
}

// neverRefuses warns of a rule that allows exactly the origins that it matches, and would block others.
func (l *linter) neverRefuses(e *plan.Entry) {
	if e.From == nil || e.Origins != e.From {
		return
	}
	s := e.Settings
	warn := func(place spec.Place, value string) {
		l.Warn(spec.Diagnostic{
			Code: spec.CodeRuleNeverRefuses, Location: at(place), Value: value,
			Message: "refuses no request: the rule matches only the origins that it allows",
			Hint:    "the same setting on the policy, or on a rule for the other origins",
		})
	}
	if s.Enforcement == spec.EnforcementBlock && s.From.Enforcement == plan.LayerRule {
		warn(e.Place("enforcement"), string(s.Enforcement))
	}
	if s.OriginCheck == spec.OriginCheckEnforce && s.From.OriginCheck == plan.LayerRule {
		warn(e.Place("webSocket", "originCheck"), string(s.OriginCheck))
	}
}

// resourcePolicy warns that browsers apply the header to requests of which corsd may never hear.
func (l *linter) resourcePolicy(e *plan.Entry) {
	s := e.Settings
	if s.ResourcePolicy == "" {
		return
	}
	l.Warn(spec.Diagnostic{
		Code: spec.CodeResourcePolicyStatic, Value: string(s.ResourcePolicy),
		Location: at(e.LayerPlace(s.From.ResourcePolicy, "cors", "crossOriginResourcePolicy")),
		Message: "matters for requests without Origin, about which Envoy does not ask corsd if its filter matches " +
			"on that header",
		Hint: "the header in the virtual host's response_headers_to_add too",
	})
}
