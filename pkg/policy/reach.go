package policy

import "slices"

// shadows gives the expressions of this table that take all paths below one.
func (b *tableBuilder) shadows() shadows {
	before := shadows{}
	for _, e := range part(b.paths.expressions, b.table.expressions) {
		if literal, ok := takesAllBelow(e.text); ok {
			before.add(literal, e.slot)
		}
	}
	return before
}

// markReachable marks what some request to this table could choose. What no
// table marks is warned of.
func (b *tableBuilder) markReachable(before shadows) {
	for _, p := range b.slots {
		var over []uint32
		if p.of == pathPrefix {
			over = before.over(p.path)
		}
		b.markSlot(&b.paths.slots[p.slot], over)
	}
}

// shadows are slots that come before every PathPrefix and take all paths that
// begin with a literal, by that literal.
type shadows struct {
	slots   map[string]uint32
	lengths map[int]struct{} // of the literals
}

func (x *shadows) add(literal string, slot uint32) {
	if x.slots == nil {
		x.slots, x.lengths = map[string]uint32{}, map[int]struct{}{}
	}
	x.slots[literal] = slot
	x.lengths[len(literal)] = struct{}{}
}

// over gives the slots that take all that the prefix takes.
func (x *shadows) over(prefix string) []uint32 {
	if prefix == "" {
		prefix = "/"
	}
	var over []uint32
	for length := range x.lengths {
		if length > len(prefix) {
			continue
		}
		if s, known := x.slots[prefix[:length]]; known {
			over = append(over, s)
		}
	}
	return over
}

func (b *tableBuilder) markSlot(s *slot, over []uint32) {
	if slices.ContainsFunc(over, func(o uint32) bool { return b.paths.slots[o].every != 0 }) {
		return
	}
	taken := func(method string) bool {
		return slices.ContainsFunc(over, func(o uint32) bool { return b.paths.takesMethod(&b.paths.slots[o], method) })
	}
	for i := s.first; i != 0; i = b.paths.candidates[i-1].next {
		if c := &b.paths.candidates[i-1]; len(over) == 0 || !allOf(b.paths.methodsOf(c), taken) {
			b.engine.settings[c.rule-1].reachable = true
		}
	}
	if s.every != 0 {
		b.engine.settings[s.every-1].reachable = true
	}
}

// takesMethod reports whether a rule of the slot names the method.
func (x *pathIndex) takesMethod(s *slot, method string) bool {
	for i := s.first; i != 0; i = x.candidates[i-1].next {
		if x.takes(&x.candidates[i-1], method) {
			return true
		}
	}
	return false
}

// methodsOf gives the methods that a rule takes, with HEAD where GET takes it.
func (x *pathIndex) methodsOf(c *candidate) []string {
	var methods []string
	for _, ref := range part(x.methods, c.methods) {
		methods = append(methods, x.text.At(ref))
	}
	if c.head {
		methods = append(methods, "HEAD")
	}
	return methods
}

func allOf(list []string, is func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !is(s) })
}

func (c *compiler) warnUnreachable(p *policyCompiler) {
	for i := range p.rules {
		if r := &p.rules[i]; !r.invalid && !c.settingsOf(r).reachable && p.tables > 0 {
			c.warn(Diagnostic{
				Code: CodeRuleUnreachable, Place: r.matchPlace().written(), Value: c.pathOf(r),
				Message: "takes no request, because a RegularExpression that comes before it takes all of them",
				Hint:    "a narrower expression, or remove the rule",
			})
		}
	}
}

// markSentMaxAge marks the rules whose max-age some preflight is told. Where the rule
// depends on the method none is ever to be remembered, since a browser remembers it for
// the URL and not for the rule.
func (b *tableBuilder) markSentMaxAge(policies []*policyCompiler, before shadows) {
	byMethod := func(slot uint32) bool { return b.paths.slots[slot].first != 0 }
	shadowed := func(r *compiledRule) bool {
		return b.settingsOf(r).pathType == pathPrefix && slices.ContainsFunc(before.over(b.pathOf(r)), byMethod)
	}
	for _, p := range policies {
		for i := range p.rules {
			if r := &p.rules[i]; !r.invalid && !r.sendsMaxAge && !byMethod(r.slot) && !shadowed(r) {
				r.sendsMaxAge = true
			}
		}
	}
}

func (c *compiler) warnUnusedMaxAge(p *policyCompiler) {
	for i := range p.rules {
		r := &p.rules[i]
		s := c.engine.effects[c.settingsOf(r).effects]
		if r.invalid || r.sendsMaxAge || p.tables == 0 || s.from.maxAge != LayerRule || s.maxAge == "0" {
			continue
		}
		c.warn(Diagnostic{
			Code: CodeMaxAgeUnused, Place: r.place().at("cors.maxAge").written(), Value: s.maxAge,
			Message: "is never sent, because the rule that takes a path here depends on the method; 0 is sent instead",
			Hint:    "remove it, or let one rule take every method of the path",
		})
	}
}
