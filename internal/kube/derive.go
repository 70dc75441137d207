package kube

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/corsd/corsd/api/v1alpha1"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// maxDerivedRules bounds the rules that are derived for one policy, as the schema bounds those of its own.
const maxDerivedRules = 256

// derived has the hosts and matches that the targets of a policy lead to.
type derived struct {
	gateways []spec.ID
	whole    []plan.HostPattern // hosts of Gateways: the policy governs all of their requests
	rules    hostRules

	faults []spec.Diagnostic
	// excluded are faults of targets that lead to nothing, and of hosts that the namespace is not granted. They keep no
	// other target or host from going live: those who change Gateways and routes are not the policy's authors.
	excluded []spec.Diagnostic
}

// derivedRule is a match of a route at a host.
type derivedRule struct {
	*routed

	target int // the index in targetRefs
}

// hostRules has the rules at each host.
type hostRules map[plan.HostPattern][]derivedRule

// claimed has the rules of routes that the targets of some policy name.
type claimed map[routeRuleKey]bool

// claim returns the rules that policies name.
func (t *routing) claim(objects []*object) claimed {
	c := claimed{}
	for _, o := range objects {
		for i := range o.targets {
			if r := t.objects[targetKey(o.id.Namespace, &o.targets[i])]; r != nil && r.route != nil {
				for _, rule := range r.route.named(o.targets[i].SectionName) {
					c[routeRuleKey{r.key, rule}] = true
				}
			}
		}
	}
	return c
}

// claims reports whether a policy governs a match at a host since it names the match's rule. Such a policy is of the
// route's own namespace.
func (t *routing) claims(c claimed, r *routed, host plan.HostPattern) bool {
	return c[r.ruleKey()] && t.grants.allow(r.route.id.Namespace, host)
}

func targetKey(namespace string, ref *v1alpha1.TargetRef) key {
	for _, k := range targetKinds {
		if k.name == ref.Kind {
			return key{k, spec.ID{Namespace: namespace, Name: ref.Name}}
		}
	}
	return key{}
}

// named returns the indices of the rules of a name, of all rules if it is "".
func (r *route) named(section string) (rules []int) {
	for i := range r.Rules {
		if section == "" || r.Rules[i].Name == section {
			rules = append(rules, i)
		}
	}
	return rules
}

// derive returns the hosts and matches that the targets of a version of a policy lead to. others has the rules that any
// policy names.
func (t *routing) derive(k key, targets []v1alpha1.TargetRef, others claimed) *derived {
	d := &deriver{
		routing: t, key: k, own: claimed{}, known: map[plan.HostPattern]map[matchKey]bool{},
		hosts: map[plan.HostPattern]bool{}, derived: derived{rules: hostRules{}},
	}
	for i := range targets {
		o := t.objects[targetKey(k.id.Namespace, &targets[i])]
		switch {
		case o == nil:
			d.lacks(i, targets[i].Name, "is not the name of any "+targets[i].Kind+" in namespace "+k.id.Namespace,
				"one of the policy's own namespace")
		case o.gateway != nil:
			d.addGateway(i, &targets[i], o)
		default:
			d.addRoute(i, &targets[i], o)
		}
	}
	for _, host := range d.whole {
		delete(d.rules, host) // it has the same cors
	}
	d.checkConflicts(others)
	d.checkSize()
	return &d.derived
}

type deriver struct {
	*routing
	derived

	key
	own   claimed
	known map[plan.HostPattern]map[matchKey]bool // the keys of rules
	hosts map[plan.HostPattern]bool              // those of whole
}

func placeOf(target int) spec.Place {
	return spec.In(spec.KindPolicy, 0).At("spec", "targetRefs").Item(target)
}

func (d *deriver) lacks(target int, value, message, hint string) {
	f := d.fault(spec.CodeTargetNotFound, message)
	f.Place, f.Value, f.Hint = placeOf(target), value, hint
	d.excluded = append(d.excluded, f)
}

// permits reports whether the policy may govern a host that a target leads to, and adds a fault if not.
func (d *deriver) permits(target int, host plan.HostPattern) bool {
	if d.grants.allow(d.id.Namespace, host) {
		return true
	}
	d.excluded = appendNew(d.excluded, d.notGranted(host.String(), placeOf(target)))
	return false
}

// addGateway adds the hosts of listeners, and those of the routes that are attached to them: a host that a route names
// has a table of its own, in which the policy of a wildcard would have no part.
func (d *deriver) addGateway(i int, ref *v1alpha1.TargetRef, o *object) {
	found := false
	for j := range o.gateway.Listeners {
		l := &o.gateway.Listeners[j]
		if host, ok := l.host(); ok && l.isHTTP() && (ref.SectionName == "" || ref.SectionName == l.Name) {
			found = true
			if d.permits(i, host) {
				d.addWhole(host)
			}
		}
	}
	if !found {
		d.lacks(i, ref.SectionName, "is not the name of an HTTP or HTTPS listener of Gateway "+ref.Name,
			"no sectionName for all of them")
		return
	}
	d.addAncestor(o.id)
	for _, a := range d.ofGateway[o.id] {
		if ref.SectionName == "" || ref.SectionName == a.listener {
			for _, host := range a.hosts {
				if d.grants.allow(d.id.Namespace, host) { // if not, the listener's host is not granted either
					d.addWhole(host)
				}
			}
		}
	}
}

func (d *deriver) addWhole(host plan.HostPattern) {
	if !d.hosts[host] {
		d.hosts[host] = true
		d.whole = append(d.whole, host)
	}
}

func (d *deriver) addAncestor(gateway spec.ID) {
	if !slices.Contains(d.gateways, gateway) {
		d.gateways = append(d.gateways, gateway)
	}
}

// addRoute adds the matches of a route, at the hosts of the listeners that it is attached to.
func (d *deriver) addRoute(i int, ref *v1alpha1.TargetRef, o *object) {
	rules := o.route.named(ref.SectionName)
	if len(rules) == 0 {
		d.lacks(i, ref.SectionName, "is not the name of a rule of "+ref.Kind+" "+ref.Name,
			"no sectionName for all rules")
		return
	}
	for _, rule := range rules {
		d.own[routeRuleKey{o.key, rule}] = true
	}
	for _, a := range d.ofRoute[o.key] {
		d.addAncestor(a.gateway)
		for _, host := range a.hosts {
			if d.permits(i, host) {
				d.addRules(i, o, host)
			}
		}
	}
	if len(d.ofRoute[o.key]) == 0 {
		d.lacks(i, ref.Name, "is not accepted, with its hostnames, by any HTTP or HTTPS listener of a Gateway",
			"parentRefs and hostnames that allowedRoutes and the hostname of a listener allow")
	}
}

func (d *deriver) addRules(target int, o *object, host plan.HostPattern) {
	known := d.known[host]
	if known == nil {
		known = map[matchKey]bool{}
		d.known[host] = known
	}
	for _, r := range d.byHost[host].all {
		if r.route == o && d.own[r.ruleKey()] && !known[r.key] {
			known[r.key] = true
			d.rules[host] = append(d.rules[host], derivedRule{r, target})
		}
	}
}

// checkConflicts reports matches that are also those of a rule which no policy names. Only a header or query parameter
// distinguishes the two, and a preflight has neither. A younger route of another namespace does not count: it could
// be attached only to have the policy refused. The compiler judges the matches that several policies name.
func (d *deriver) checkConflicts(others claimed) {
	for _, host := range sortedHosts(d.rules) {
		for _, r := range d.rules[host] {
			for _, other := range d.byHost[host].byKey[r.key] {
				if d.own[other.ruleKey()] || d.claims(others, other, host) ||
					other.route.id.Namespace != r.route.id.Namespace && compareAge(other.route, r.route) > 0 {
					continue
				}
				if len(d.faults) < maxFaults {
					d.faults = append(d.faults, d.sharedMatch(&r, other, host))
				}
			}
		}
	}
}

func (d *deriver) sharedMatch(r *derivedRule, other *routed, host plan.HostPattern) spec.Diagnostic {
	f := d.fault(spec.CodeConflict, fmt.Sprintf(
		"as a %s of host %s is matched by rule %d of %s too, which no policy names",
		r.path.Type, host, other.rule, other.route))
	f.Place, f.Value = placeOf(r.target), r.path.Value
	f.Hint = "that rule in targetRefs too, or another path: the headers that tell rules apart are not on a preflight"
	return f
}

func (d *deriver) checkSize() {
	n := 0
	for _, rules := range group(d.rules) {
		n += len(rules.rules)
	}
	if n > maxDerivedRules {
		f := d.fault(spec.CodeLimitExceeded, fmt.Sprintf("lead to %d rules, more than %d", n, maxDerivedRules))
		f.Place = spec.In(spec.KindPolicy, 0).At("spec", "targetRefs")
		f.Hint = "several policies with fewer targets each"
		d.faults = append(d.faults, f)
	}
}

func compareHosts(a, b plan.HostPattern) int { return strings.Compare(a.String(), b.String()) }

func sortedHosts[V any](m map[plan.HostPattern]V) []plan.HostPattern {
	return slices.SortedFunc(maps.Keys(m), compareHosts)
}

// hostGroup are hosts with the same rules.
type hostGroup struct {
	hosts []string
	rules []derivedRule
}

// group returns the hosts that have the same rules together.
func group(rules hostRules) (groups []*hostGroup) {
	known := map[string]*hostGroup{}
	for _, host := range sortedHosts(rules) {
		var name strings.Builder
		for _, r := range rules[host] {
			fmt.Fprintf(&name, "%s %d %d\n", r.route.key, r.rule, r.match)
		}
		g := known[name.String()]
		if g == nil {
			g = &hostGroup{rules: rules[host]}
			known[name.String()] = g
			groups = append(groups, g)
		}
		g.hosts = append(g.hosts, host.String())
	}
	return groups
}

// document is a document that was made of a policy with targets.
type document struct {
	spec.Policy

	rules []derivedRule // of which its rules were made, nil if it has those of the policy
}

// conduct is how documents are written that were made of routes.
type conduct struct {
	cors        *spec.CORS        // of the rules
	enforcement spec.Enforcement  // of the rules
	rest        *spec.Enforcement // of requests that no rule matches
}

// documents returns the documents for all that was derived. p has the spec of the policy, without hosts.
func (d *derived) documents(p *spec.Policy, c conduct) (all []*document) {
	if len(d.whole) > 0 {
		doc := &document{Policy: *p}
		for _, host := range slices.SortedFunc(slices.Values(d.whole), compareHosts) {
			doc.Spec.Hosts = append(doc.Spec.Hosts, host.String())
		}
		all = append(all, doc)
	}
	for _, g := range group(d.rules) {
		all = append(all, g.document(p, c))
	}
	number(all)
	return all
}

// document returns a document that governs the requests that the rules match, and no others to their hosts.
func (g *hostGroup) document(p *spec.Policy, c conduct) *document {
	doc := &document{Policy: *p, rules: g.rules}
	doc.Spec.Hosts, doc.Spec.CORS, doc.Spec.Enforcement = g.hosts, nil, c.rest
	for _, r := range g.rules {
		rule := spec.Rule{
			Name: r.name(), CORS: c.cors, Enforcement: &c.enforcement,
			Match: &spec.Match{Path: &spec.PathMatch{Type: &r.path.Type, Value: r.path.Value}},
		}
		if r.method != "" {
			rule.Match.Methods = []string{r.method}
		}
		doc.Spec.Rules = append(doc.Spec.Rules, rule)
	}
	return doc
}

// name returns the name of a rule that was made of a match, as in the names that Envoy Gateway 1.9 has for routes:
// httproute/NAMESPACE/NAME/rule/0/match/0. It is "" if it would be too long.
func (r *routed) name() string {
	name := fmt.Sprintf("%s/%s/rule/%d/match/%d", strings.ToLower(r.route.kind.name), r.route.id, r.rule, r.match)
	if len(name) > maxRuleName {
		return ""
	}
	return name
}

// maxRuleName is the bound of package plan.
const maxRuleName = 253

// number makes the names of the documents of one object distinct: NAME, NAME:2, NAME:3. No object has ":" in its name.
func number(all []*document) {
	for i, doc := range all[min(1, len(all)):] {
		doc.Name = fmt.Sprintf("%s:%d", doc.Name, i+2)
	}
}

// original returns the place in the policy that a place in the document was made of.
func (doc *document) original(p spec.Place) spec.Place {
	steps := p.Path.Steps()
	if len(steps) < 2 || steps[0].Field != "spec" {
		return p
	}
	targets := spec.In(p.Kind, p.Index).At("spec", "targetRefs")
	switch {
	case steps[1].Field == "hosts":
		return targets
	case doc.rules == nil || steps[1].Field != "rules" || len(steps) < 3 || steps[2].Index >= len(doc.rules):
		return p
	case len(steps) > 3 && steps[3].Field == "cors":
		place := spec.In(p.Kind, p.Index).At("spec")
		for _, s := range steps[3:] {
			if s.Field == "" {
				place = place.Item(s.Index)
			} else {
				place = place.At(s.Field)
			}
		}
		return place
	}
	return targets.Item(doc.rules[steps[2].Index].target)
}

// live returns the hosts that are governed, in order.
func (d *derived) live() (hosts []string) {
	all := slices.Concat(d.whole, sortedHosts(d.rules))
	slices.SortFunc(all, compareHosts)
	for _, host := range slices.Compact(all) {
		hosts = append(hosts, host.String())
	}
	return hosts
}
