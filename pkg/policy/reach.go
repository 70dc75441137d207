package policy

import (
	"fmt"
	"slices"
	"strings"
)

// markReachable marks what some request to this table could choose. What no
// table marks is warned of.
func (b *tableBuilder) markReachable() {
	t := b.table
	for _, s := range t.exact {
		s.markReachable(nil)
	}
	var before []shadow
	for i := range t.regexes {
		r := &t.regexes[i]
		r.markReachable(nil)
		if literal, ok := takesAllBelow(r.text); ok {
			before = append(before, shadow{literal, r.slot})
		}
	}
	for prefix, s := range t.prefixes {
		s.markReachable(shadowing(before, prefix))
	}
}

// shadow is a slot that comes before every PathPrefix and takes all paths that
// begin with literal.
type shadow struct {
	literal string
	*slot
}

func shadowing(all []shadow, prefix string) []shadow {
	if prefix == "" {
		prefix = "/"
	}
	var over []shadow
	for _, s := range all {
		if strings.HasPrefix(prefix, s.literal) {
			over = append(over, s)
		}
	}
	return over
}

func (s *slot) markReachable(over []shadow) {
	if slices.ContainsFunc(over, func(o shadow) bool { return o.every != nil }) {
		return
	}
	taken := func(method string) bool {
		return slices.ContainsFunc(over, func(o shadow) bool {
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
	for i := range p.rules {
		if r := &p.rules[i]; !r.invalid && !r.settings.reachable && p.tables > 0 {
			c.warn(Diagnostic{
				Code: CodeRuleUnreachable, Place: r.matchPlace(), Value: r.path,
				Message: "takes no request, because a RegularExpression that comes before it takes all of them",
				Hint:    "a narrower expression, or remove the rule",
			})
		}
	}
}

// warnUnusedMaxAge: a preflight whose rule depends on the method is never to be
// remembered, since a browser remembers it for the URL and not for the rule.
func (b *tableBuilder) warnUnusedMaxAge(policies []*compiledPolicy) {
	for _, p := range policies {
		for i := range p.rules {
			r := &p.rules[i]
			if cors := r.layer.cors; r.invalid || cors == nil || cors.MaxAge == nil || len(b.slot(r).byMethod) == 0 {
				continue
			}
			b.warn(Diagnostic{
				Code: CodeMaxAgeUnused, Place: r.layer.place.at("cors.maxAge"), Value: fmt.Sprint(*r.layer.cors.MaxAge),
				Message: "is never sent, because the rule that takes a path here depends on the method; 0 is sent instead",
				Hint:    "remove it, or let one rule take every method of the path",
			})
		}
	}
}
