package policy

import (
	"fmt"
	"slices"
)

// markReachable marks what some request to this table could choose. What no
// table marks is warned of.
func (b *tableBuilder) markReachable() {
	t := b.table
	for _, s := range t.exact {
		s.markReachable(nil)
	}
	before := shadows{}
	for i := range t.regexes {
		r := &t.regexes[i]
		r.markReachable(nil)
		if literal, ok := takesAllBelow(r.text); ok {
			before.add(literal, r.slot)
		}
	}
	for prefix, s := range t.prefixes {
		s.markReachable(before.over(prefix))
	}
}

// shadows are slots that come before every PathPrefix and take all paths that
// begin with a literal, by that literal.
type shadows struct {
	slots   map[string]*slot
	lengths map[int]struct{} // of the literals
}

func (x *shadows) add(literal string, s *slot) {
	if x.slots == nil {
		x.slots, x.lengths = map[string]*slot{}, map[int]struct{}{}
	}
	x.slots[literal] = s
	x.lengths[len(literal)] = struct{}{}
}

// over gives the slots that take all that the prefix takes.
func (x *shadows) over(prefix string) []*slot {
	if prefix == "" {
		prefix = "/"
	}
	var over []*slot
	for length := range x.lengths {
		if length > len(prefix) {
			continue
		}
		if s := x.slots[prefix[:length]]; s != nil {
			over = append(over, s)
		}
	}
	return over
}

func (s *slot) markReachable(over []*slot) {
	if slices.ContainsFunc(over, func(o *slot) bool { return o.every != nil }) {
		return
	}
	taken := func(method string) bool {
		return slices.ContainsFunc(over, func(o *slot) bool {
			return slices.ContainsFunc(o.byMethod, func(c candidate) bool { return slices.Contains(c.methods, method) })
		})
	}
	for _, c := range s.byMethod {
		if !allOf(c.methods, taken) {
			c.rule.reachable = true
		}
	}
	if s.every != nil {
		s.every.reachable = true
	}
}

func allOf(list []string, is func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !is(s) })
}

func (c *compiler) warnUnreachable(p *compiledPolicy) {
	for i := range p.compiling {
		if r := &p.compiling[i]; !r.invalid && !r.settings.reachable && p.tables > 0 {
			c.warn(Diagnostic{
				Code: CodeRuleUnreachable, Place: r.matchPlace(), Value: r.path,
				Message: "takes no request, because a RegularExpression that comes before it takes all of them",
				Hint:    "a narrower expression, or remove the rule",
			})
		}
	}
}

// markSentMaxAge marks the rules whose max-age some preflight is told. Where the rule
// depends on the method none is ever to be remembered, since a browser remembers it for
// the URL and not for the rule.
func (b *tableBuilder) markSentMaxAge(policies []*compiledPolicy) {
	for _, p := range policies {
		for i := range p.compiling {
			if r := &p.compiling[i]; !r.invalid && len(b.slot(r).byMethod) == 0 {
				r.sendsMaxAge = true
			}
		}
	}
}

func (c *compiler) warnUnusedMaxAge(p *compiledPolicy) {
	for i := range p.compiling {
		r := &p.compiling[i]
		cors := r.layer.cors
		if r.invalid || r.sendsMaxAge || p.tables == 0 || cors == nil || cors.MaxAge == nil || *cors.MaxAge == 0 {
			continue
		}
		c.warn(Diagnostic{
			Code: CodeMaxAgeUnused, Place: r.layer.place.at("cors.maxAge"), Value: fmt.Sprint(*cors.MaxAge),
			Message: "is never sent, because the rule that takes a path here depends on the method; 0 is sent instead",
			Hint:    "remove it, or let one rule take every method of the path",
		})
	}
}
