package kube

import (
	"cmp"
	"slices"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// derive derives documents from the targets of an object, and returns the faults of its current version.
func (x *assembly) derive(j *judged) []spec.Diagnostic {
	if j.good != nil && j.good.targets != nil {
		j.goodDerived = x.deriveFrom(j.good.version, j)
	}
	if j.targets == nil {
		return nil
	}
	j.derived = x.deriveFrom(j.version, j)
	return j.derived.faults
}

func (x *assembly) deriveFrom(v *version, j *judged) *derived {
	if x.cluster.routing != nil {
		return x.cluster.routing.derive(j.key, v.targets, x.claimed)
	}
	f := j.fault(spec.CodeValueInvalid, "are not read by this instance of corsd")
	f.Place = spec.In(spec.KindPolicy, 0).At("spec", "targetRefs")
	f.Hint = "corsd serve --kubernetes-targets, or hosts in place of targetRefs"
	return &derived{faults: []spec.Diagnostic{f}}
}

// territory returns which hosts the policies of the config govern. None of them has targets.
func (x *assembly) territory() *territory {
	y := &territory{whole: map[plan.HostPattern]bool{}, rules: map[plan.HostPattern]map[matchKey]bool{}}
	for i := range x.config.Policies {
		for _, host := range x.config.Policies[i].Spec.Hosts {
			if pattern, err := plan.ParseHost(host); err == nil {
				y.addWhole(pattern)
			}
		}
	}
	return y
}

// names reports whether a policy governs a host, or a part of its requests.
func (y *territory) names(host plan.HostPattern) bool { return y.whole[host] || y.rules[host] != nil }

func (y *territory) add(d *derived) {
	for _, host := range d.whole {
		y.addWhole(host)
	}
	for host, rules := range d.rules {
		for _, r := range rules {
			y.addRule(host, r.key)
		}
	}
}

// addDerived adds the documents of the policies that have targets.
func (x *assembly) addDerived(y *territory) {
	var all []*derived
	for _, j := range x.objects {
		if v := j.chosen(); v != nil && v.targets != nil {
			d, p := j.chosenDerived(), &v.config.Policies[0]
			x.addDocuments(j, d.documents(p, x.conductOf(p, d, p.Spec.CORS, y)))
			all = append(all, d)
		}
	}
	for _, d := range all {
		y.add(d)
	}
}

// chosenDerived returns what was derived from the live version, or from the one that another policy stands in for.
func (j *judged) chosenDerived() *derived {
	if j.choice == lastGood {
		return j.goodDerived
	}
	return j.derived
}

func (x *assembly) addDocuments(j *judged, all []*document) {
	for _, doc := range all {
		x.documents[len(x.config.Policies)] = doc
		x.add(j, spec.Config{Policies: []spec.Policy{doc.Policy}})
	}
}

// addDerivedStandIn is addStandIn for a policy with targets. Matches that another policy has are left out.
func (x *assembly) addDerivedStandIn(j *judged, y *territory) {
	d := &derived{rules: hostRules{}}
	for _, host := range j.derived.whole {
		if !y.names(host) {
			d.whole = append(d.whole, host)
		}
	}
	for host, rules := range j.derived.rules {
		if y.whole[host] {
			continue
		}
		for _, r := range rules {
			if !y.rules[host][r.key] && !x.unfit[r.key] {
				d.rules[host] = append(d.rules[host], r)
			}
		}
	}
	p := j.standIn()
	x.addDocuments(j, d.documents(p, x.conductOf(p, d, nobody(), y)))
	y.standIns = append(y.standIns, d.whole...)
	for host, rules := range d.rules {
		for _, r := range rules {
			y.addRule(host, r.key)
		}
	}
}

// addGaps adds documents for requests that no policy governs, although a rule of one would match them.
func (x *assembly) addGaps(y *territory) {
	if x.cluster.routing == nil {
		return
	}
	for _, host := range y.standIns {
		y.addWhole(host)
	}
	enforcement, passes := x.defaults()
	x.addDocuments(nil, x.cluster.routing.gapDocuments(y, x.claimed, x.unfit, passes, enforcement))
}

// conductOf returns how the documents of a policy are written. Requests that none of its rules matches are treated as
// those to a host that no policy names, unless a policy for many hosts would govern the host otherwise.
func (x *assembly) conductOf(p *spec.Policy, d *derived, cors *spec.CORS, y *territory) conduct {
	enforcement, passes := x.defaults()
	c := conduct{cors: cors, enforcement: enforcement, rest: p.Spec.Enforcement}
	if p.Spec.Enforcement != nil {
		c.enforcement = *p.Spec.Enforcement
	}
	for host := range d.rules {
		passes = passes && !y.hasWide(host)
	}
	if passes {
		disabled := spec.EnforcementDisabled
		c.rest = &disabled
	}
	return c
}

// defaults returns the enforcement that policies inherit, and whether requests to hosts that none names pass.
func (x *assembly) defaults() (enforcement spec.Enforcement, passes bool) {
	enforcement, passes = spec.EnforcementEnforce, true
	if len(x.config.Defaults) > 0 {
		s := &x.config.Defaults[0].Spec
		if s.Enforcement != nil {
			enforcement = *s.Enforcement
		}
		passes = s.UnmatchedHosts == nil || *s.UnmatchedHosts == spec.UnmatchedPassThrough
	}
	return enforcement, passes
}

// original returns the place in the object that a place in a document was made of.
func (x *assembly) original(p spec.Place) spec.Place {
	if doc := x.documents[p.Index]; doc != nil && p.Kind == spec.KindPolicy {
		return doc.original(p)
	}
	return p
}

// leaveOut leaves matches that have faults out of gaps and stand-ins, and reports whether there are any: such as a path
// that corsd does not compare. No policy is at fault for those of gaps, and one that has a stand-in is already. In the
// last attempts it leaves out all matches of such a document.
func (x *assembly) leaveOut(faults []spec.Diagnostic, last bool) (found bool) {
	for _, d := range faults {
		doc, owner := x.documents[d.Place.Index], x.ownerOf(d.Place)
		if d.Place.Kind != spec.KindPolicy || doc == nil || owner != nil && owner.choice != standIn {
			continue
		}
		rules := doc.rules
		if steps := d.Place.Path.Steps(); !last && len(steps) > 2 && steps[2].Index < len(rules) {
			rules = rules[steps[2].Index : steps[2].Index+1]
		}
		for _, r := range rules {
			found = found || !x.unfit[r.key]
			x.unfit[r.key] = true
		}
	}
	return found
}

// excluded returns the faults of targets and hosts of the current version that the policy does not govern.
func (j *judged) excluded() []spec.Diagnostic {
	if j.derived == nil {
		return nil
	}
	return j.derived.excluded
}

// problems returns the faults of the current version, and those of excluded.
func (j *judged) problems() []spec.Diagnostic { return slices.Concat(j.faults, j.excluded()) }

// ancestors returns the Gateways of the version that the status is about, in order.
func (j *judged) ancestors() []spec.ID {
	if j.derived == nil {
		return nil
	}
	return slices.SortedFunc(slices.Values(j.derived.gateways), func(a, b spec.ID) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}
