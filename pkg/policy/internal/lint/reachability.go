package lint

import (
	"github.com/corsd/corsd/pkg/policy/internal/urlpath"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// reachability warns of rules that no request can reach on any host, of rules that lose some of
// their paths to one that grants more, and of settings that have no effect because of other rules.
func (l *linter) reachability() {
	r := newReach(l)
	for _, t := range l.plan.Tables {
		r.table(t)
		l.shadowedOwn(t)
		l.shadowedOrigins(t)
	}
	inTable := map[*plan.Policy]bool{}
	for _, t := range l.plan.Tables {
		for _, p := range t.Policies {
			inTable[p] = true
		}
	}
	for _, p := range l.plan.Policies {
		for _, e := range p.Rules {
			switch {
			case l.path(e), !e.Valid() || !inTable[p]:
			case !r.entries[e]:
				l.unreachable(e, r.takers[e])
			default:
				if d, lost := r.lost[e]; lost {
					l.Warn(d)
				}
				if !r.maxAge[e] {
					l.unusedMaxAge(e)
				}
			}
		}
	}
}

// unreachable warns of a rule whose requests all match other rules before it.
func (l *linter) unreachable(e *plan.Entry, takers []*plan.Entry) {
	d := spec.Diagnostic{
		Code: spec.CodeRuleUnreachable, Location: at(e.MatchPlace()), Value: e.Path.Value,
		Message: "matches no request: there is no such path",
		Hint:    "a path as browsers send it, or remove the rule",
	}
	if len(takers) > 0 {
		d.Message = "matches no request, because " + takers[0].String() + " comes before it and matches all of them"
		if len(takers) > 1 {
			d.Message = "matches no request, because " + takers[0].String() + ", " + takers[1].String() +
				" and perhaps others come before it and together match all of them"
		}
		d.Related = &spec.Location{Place: takers[0].MatchPlace()}
		d.Hint = "a narrower expression, or remove the rule"
	}
	l.Warn(d)
}

// path warns of a path that no browser sends, and reports whether it has.
func (l *linter) path(e *plan.Entry) bool {
	d := spec.Diagnostic{
		Code: spec.CodeRuleUnreachable, Location: at(e.Place("match", "path", "value")), Value: e.Path.Value,
	}
	switch {
	case !e.Valid():
		return false
	case e.Path.Type == spec.PathRegularExpression:
		prefix, _ := e.Path.Regexp.LiteralPrefix()
		if prefix == "" || prefix[0] == '/' {
			return false
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
			return false
		}
	}
	l.Warn(d)
	return true
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
