package policy

import (
	"fmt"
	"slices"
)

// strictest returns the settings that hold if no entry of the table is chosen: the
// strictest of every policy that names the host, and of their rules too if withRules.
// Otherwise a request could leave a rule that blocks by a path that fits no rule.
func (b *tableBuilder) strictest(policies []*policyCompiler, withRules bool) uint32 {
	e := b.engine
	first := e.policies.list[policies[0].id].fallback - 1
	strict := e.effects[e.settings[first].effects].common
	for _, p := range policies {
		for _, id := range e.policies.list[p.id].mightApply(withRules) {
			strict.tighten(&e.effects[e.settings[id].effects].common)
		}
	}
	policy := e.settings[first].policy
	if len(policies) > 1 {
		policy = 0
	}
	effects, _ := b.sharedEffects(strict)
	if e.settings[first].effects == effects && e.settings[first].policy == policy {
		return first
	}
	id, s := b.newSettings()
	s.effects, s.policy = effects, policy
	return id
}

// mightApply lists the places in Engine.settings of a policy's own settings, and of its rules.
func (p *compiledPolicy) mightApply(withRules bool) []uint32 {
	ids := []uint32{p.fallback - 1}
	for i := range p.settings.n {
		if id := p.settings.first + i; withRules && id != p.fallback-1 && id != p.own-1 {
			ids = append(ids, id)
		}
	}
	return ids
}

// tighten replaces each setting by the other's if that one is stricter.
func (s *common) tighten(other *common) {
	if isStricter(other.enforcement, s.enforcement, EnforcementOff, EnforcementShadow, EnforcementEnforce, EnforcementBlock) {
		s.enforcement, s.from.enforcement = other.enforcement, other.from.enforcement
	}
	if isStricter(other.upstreamHeaders, s.upstreamHeaders, UpstreamPreserve, UpstreamMerge, UpstreamOverride) {
		s.upstreamHeaders, s.from.upstreamHeaders = other.upstreamHeaders, other.from.upstreamHeaders
	}
	if isStricter(other.preflight.mode, s.preflight.mode, PreflightForward, PreflightAnswer) {
		s.preflight.mode, s.from.mode = other.preflight.mode, other.from.mode
	}
	if other.preflight.denyStatus > s.preflight.denyStatus {
		s.preflight.denyStatus, s.from.denyStatus = other.preflight.denyStatus, other.from.denyStatus
	}
	if isStricter(other.preflight.detail, s.preflight.detail, DetailFull, DetailMinimal) {
		s.preflight.detail, s.from.detail = other.preflight.detail, other.from.detail
	}
	if isStricter(other.originCheck, s.originCheck, OriginCheckOff, OriginCheckEnforce) {
		s.originCheck, s.from.originCheck = other.originCheck, other.from.originCheck
	}
}

// isStricter reports whether a comes after b in an order from lax to strict.
func isStricter[T comparable](a, b T, order ...T) bool {
	return slices.Index(order, a) > slices.Index(order, b)
}

// contributor names the policy or rule that a setting was taken from, if no rule was
// chosen and there is a choice. It is the first, in the table's order, that has the value.
func (d *Decision) contributor(has func(*common) bool) string {
	if d.Taken() || d.governed == nil || d.Reason == ReasonNoRule && d.Policy() != "" {
		return ""
	}
	e := d.engine
	for _, policy := range part(e.paths.owners, e.paths.tables[d.governed.table].policies) {
		p := &e.policies.list[policy]
		for _, id := range p.mightApply(d.Reason != ReasonNoRule) {
			s := &e.settings[id]
			switch rule := e.text.At(s.rule); {
			case !has(&e.effects[s.effects].common):
			case rule == "":
				return "policy " + e.text.At(p.name)
			default:
				return fmt.Sprintf("rule %s of policy %s", rule, e.text.At(p.name))
			}
		}
	}
	return ""
}
