package lint

import (
	"fmt"
	"slices"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Check adds to the report what is wrong with the plan.
func Check(p *plan.Plan, report *plan.Report) {
	l := &linter{plan: p, Report: report, judged: map[judgement]bool{}, risks: map[*plan.Origins][]risk{}}
	for _, policy := range p.Policies {
		l.policy(policy)
	}
	l.amendOrigins()
	l.reachability()
	l.unusedSets()
}

// linter is the state of one [Check].
type linter struct {
	*plan.Report
	plan *plan.Plan

	judged   map[judgement]bool
	risks    map[*plan.Origins][]risk
	setRisks map[*plan.OriginSet][]risk

	verdicts    map[string]*verdict // by an expression's text
	regexStates int                 // that were looked at for them
	advised     int                 // expressions for which a better one was looked for

	uses map[spec.Place]use // of lists of origins, by the document or cors that has them; nil until it is needed
}

// judgement identifies a check of origins that many entries inherit.
type judgement struct {
	origins *plan.Origins
	policy  *plan.Policy // whose hosts it depends on, nil if on none
	waived  string       // the dangers that it depends on, if credentials are allowed
}

// policy checks the entries of one policy.
func (l *linter) policy(p *plan.Policy) {
	entries := p.Rules
	if p.Own != nil {
		entries = append([]*plan.Entry{p.Own}, entries...)
	}
	l.nobody(p, entries)
	for _, e := range entries {
		l.exposed(e)
		l.authorization(e)
		l.webSocket(e)
		l.neverRefuses(e)
		l.resourcePolicy(e)
		if e.From != nil && e.From != e.Origins && l.first(judgement{origins: e.From, policy: p}) {
			l.tenants(p, e.From)
		}
		o := e.Origins
		if o == nil {
			continue
		}
		if l.first(judgement{origins: o, policy: p}) {
			l.regexes(p, o)
			l.tenants(p, o)
		}
		if e.Settings.Credentials && l.first(judgement{origins: o, waived: fmt.Sprint(p.Waived)}) {
			l.originRisks(e)
		}
	}
}

// first reports whether a judgement is made for the first time.
func (l *linter) first(j judgement) bool {
	known := l.judged[j]
	l.judged[j] = true
	return !known
}

// refuse reports a danger, unless the policy waives it.
func (l *linter) refuse(p *plan.Policy, danger spec.Danger, d spec.Diagnostic) {
	if p.Waives(danger) {
		return
	}
	d.Hint += "; " + waiver(danger)
	l.Fault(d)
}

func waiver(danger spec.Danger) string {
	return "dangerouslyAllow: [" + string(danger) + "] if you must"
}

// exposed: with credentials browsers read "*" as the name of a header (Fetch standard, section
// 3.3.3, Access-Control-Expose-Headers).
func (l *linter) exposed(e *plan.Entry) {
	s := e.Settings
	if !s.Credentials || !s.Expose.Any || s.ExpandExposeHeaders {
		return
	}
	l.Fault(spec.Diagnostic{
		Code: spec.CodeExposeAnyWithCredentials, Value: "*",
		Location: at(e.ListPlace(s.From.Expose, "exposeHeaders", "*")),
		Message:  "exposes nothing if credentials are allowed: browsers read it as a header named *",
		Hint:     "the names, or expandExposeHeaders: true",
	})
}

func (l *linter) authorization(e *plan.Entry) {
	s := e.Settings
	if !s.Headers.Any || s.Headers.Lists("authorization") {
		return
	}
	l.Warn(spec.Diagnostic{
		Code: spec.CodeAuthorizationNotCovered, Value: "*",
		Location: at(e.ListPlace(s.From.Headers, "allowHeaders", "*")),
		Message:  "does not cover Authorization, which passes only when it is named", Hint: `["*", Authorization]`,
	})
}

// webSocket: a check that lets everyone in protects nobody, and a handshake always carries
// cookies.
func (l *linter) webSocket(e *plan.Entry) {
	s := e.Settings
	if s.OriginCheck != spec.OriginCheckEnforce || e.Origins == nil || !l.allowsAny(e.Origins) {
		return
	}
	where := "here"
	if e.Rule >= 0 {
		where = "by rule " + e.Name
	}
	l.refuse(e.Policy, spec.AnyOriginWithCredentials, spec.Diagnostic{
		Code: spec.CodeWebSocketAnyOrigin, Location: at(e.LayerPlace(s.From.OriginCheck, "webSocket", "originCheck")),
		Value:   string(s.OriginCheck),
		Message: "checks nothing, because every origin is allowed " + where, Hint: "the origins that may connect",
	})
}

// allowsAny reports whether an entry, of a set too, allows every host.
func (l *linter) allowsAny(o *plan.Origins) bool {
	isAny := func(r risk) bool { return r.kind == riskAny }
	return slices.ContainsFunc(l.risksOf(o), isAny) ||
		slices.ContainsFunc(o.Sets, func(set plan.UsedSet) bool {
			return slices.ContainsFunc(l.risksOfSet(set.OriginSet), isAny)
		})
}

func (l *linter) unusedSets() {
	used := map[string]bool{} // by name: two sets of one name are a fault
	for _, set := range l.plan.Sets {
		used[set.Name] = used[set.Name] || set.Used
	}
	for _, set := range l.plan.Sets {
		if !used[set.Name] {
			l.Warn(spec.Diagnostic{
				Code: spec.CodeOriginSetUnused, Location: at(set.Place("metadata", "name")), Value: set.Name,
				Message: "is named by no policy",
				Hint:    "allowOriginSets: [" + set.Name + "] in a policy, or remove the set",
			})
		}
	}
}

// at returns a location in documents, whose position is not known here.
func at(p spec.Place) spec.Location { return spec.Location{Place: p} }
