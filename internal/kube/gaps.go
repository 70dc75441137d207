package kube

import (
	"slices"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// gapsName is the name of the documents of gaps. Without a namespace it is not that of a CORSPolicy.
const gapsName = "ungoverned"

// territory is which policies govern which hosts.
type territory struct {
	whole map[plan.HostPattern]bool              // all requests to the host
	wide  []plan.HostPattern                     // those of whole that match many hosts, and have policies of their own
	rules map[plan.HostPattern]map[matchKey]bool // the matches of rules that were made of routes

	standIns []plan.HostPattern // hosts of policies that stand in for others
}

func (y *territory) addWhole(host plan.HostPattern) {
	if !y.whole[host] && host.Kind != plan.HostExact {
		y.wide = append(y.wide, host)
	}
	y.whole[host] = true
}

func (y *territory) addRule(host plan.HostPattern, k matchKey) {
	if y.rules[host] == nil {
		y.rules[host] = map[matchKey]bool{}
	}
	y.rules[host][k] = true
}

// hasWide reports whether a policy governs a host together with many others.
func (y *territory) hasWide(host plan.HostPattern) bool {
	return slices.ContainsFunc(y.wide, func(p plan.HostPattern) bool { return p != host && p.Contains(host) })
}

// underRules reports whether the table of a host that nothing names itself is one of rules that were made of routes.
func (y *territory) underRules(host plan.HostPattern) bool {
	longest := -1
	for p := range y.rules {
		if p != host && p.Contains(host) && !y.whole[p] {
			longest = max(longest, len(p.Name))
		}
	}
	for _, p := range y.wide {
		if p.Contains(host) && len(p.Name) >= longest {
			return false
		}
	}
	return longest >= 0
}

// gaps returns the matches of routes that no policy names, although a rule of a route that one names would match their
// requests: they have longer paths, or more specific hosts. open has those at hosts that no policy governs otherwise.
func (t *routing) gaps(y *territory, c claimed, unfit map[matchKey]bool) (open, closed hostRules) {
	open, closed = hostRules{}, hostRules{}
	if len(y.rules) == 0 {
		return open, closed
	}
	for host, at := range t.byHost {
		keys := y.rules[host]
		if y.whole[host] || keys == nil && !y.underRules(host) {
			continue
		}
		gaps := open
		if y.hasWide(host) {
			gaps = closed
		}
		var rules []derivedRule
		known := map[matchKey]bool{}
		for _, r := range at.all {
			k := r.key
			if keys != nil && !keys[k] && !unfit[k] && !t.claims(c, r, host) && !known[k] {
				known[k] = true
				rules = append(rules, derivedRule{routed: r})
			}
		}
		if keys == nil || len(rules) > 0 {
			gaps[host] = rules // none for a host that nothing governs
		}
	}
	return open, closed
}

// nobody allows no origin, whatever is inherited.
func nobody() *spec.CORS { return &spec.CORS{AllowOrigins: []string{}} }

// gapDocuments returns the documents for gaps. passes reports that requests which no policy governs are let through.
func (t *routing) gapDocuments(
	y *territory, c claimed, unfit map[matchKey]bool, passes bool, enforcement spec.Enforcement,
) (all []*document) {
	open, closed := t.gaps(y, c, unfit)
	disabled := spec.EnforcementDisabled
	through := conduct{enforcement: disabled, rest: &disabled}
	refused := conduct{cors: nobody(), enforcement: enforcement}
	if !passes {
		through = refused
	}
	p := &spec.Policy{Name: gapsName}
	for _, g := range group(open) {
		all = append(all, g.document(p, through))
	}
	for _, g := range group(closed) {
		all = append(all, g.document(p, refused))
	}
	number(all)
	return all
}
