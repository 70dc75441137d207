package kube

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// choice is which version of an object is live.
type choice uint8

const (
	// current: the one that the API server has.
	current choice = iota
	// lastGood: the last one that was live.
	lastGood
	// standIn: none. For a policy, another one allows nobody at its hosts.
	standIn
)

// judged is an object, and what became of it.
type judged struct {
	*object

	rank     int // in the order of precedence
	choice   choice
	good     *goodVersion      // the last one that was live, nil if none is known
	faults   []spec.Diagnostic // of the current version
	warnings []spec.Diagnostic // of the current version, if it is live

	// goodRefused: the namespace is not granted a host of the good version, or not any more.
	goodRefused bool
	// derived and goodDerived are derived from the targets of both versions, nil if they have none.
	derived, goodDerived *derived
}

// goodVersion is a version that was live.
type goodVersion struct {
	uid        types.UID
	generation int64
	*version
}

// refuse adds a fault. Only those of the current version are kept: they are what the author has to mend.
func (j *judged) refuse(d spec.Diagnostic) {
	if j.choice == current {
		j.faults = appendNew(j.faults, d)
	}
}

// maxFaults bounds the faults, and the warnings, of one object that are kept. A status has fewer.
const maxFaults = 100

// appendNew appends a diagnostic, unless it is known: several documents may be derived from one policy.
func appendNew(known []spec.Diagnostic, d spec.Diagnostic) []spec.Diagnostic {
	if len(known) >= maxFaults {
		return known
	}
	same := func(k spec.Diagnostic) bool { return k.Place == d.Place && k.String() == d.String() }
	if slices.ContainsFunc(known, same) {
		return known
	}
	return append(known, d)
}

// stepDown chooses the next version after the chosen one was found to have a fault: none if it is the last attempt.
func (j *judged) stepDown(last bool) {
	isGood := func() bool {
		return !j.goodRefused && (j.goodDerived == nil || len(j.goodDerived.faults) == 0)
	}
	if !last && j.choice == current && j.good != nil && j.good.generation != j.generation && isGood() {
		j.choice = lastGood
	} else {
		j.choice = standIn
	}
}

// assembly is what is made of all objects at one moment.
type assembly struct {
	objects []*judged // in the order of their precedence
	config  spec.Config
	engine  *policy.Engine // nil if no choice of versions could be found without a fault
	refused []spec.Diagnostic

	// owners has the object of each document of config, by its kind.
	owners map[spec.Kind][]*judged
	// good has the last good version of each object, of which one is known.
	good map[key]*goodVersion

	cluster cluster
	claimed claimed
	// documents has those documents of config that were made of policies with targets, by their index.
	documents map[int]*document
	// unfit has the matches that gaps and stand-ins leave out, since they have faults.
	unfit map[matchKey]bool
}

// cluster has everything that the policies of a cluster depend on beside themselves.
type cluster struct {
	grants  grants
	routing *routing // nil if targets are not read
}

// The objects are compiled until none that is live has a fault, maxRounds times at most. Two or three times are usual:
// a fault is found, and what is in the place of the object has none. But objects of one author can be made so that each
// round finds a conflict of one more. So from patientRounds on, every object with a fault is replaced by a stand-in at
// once, and no conflict is left for later. Then a few rounds suffice, and nobody keeps others from going live.
const (
	patientRounds = 8
	maxRounds     = 20
)

// assemble finds for each object the version that goes live, so that the fault of one does not keep another one
// from it. good has the last good versions that are known.
func assemble(objects []*object, good map[key]*goodVersion, c cluster, now time.Time) *assembly {
	x := &assembly{good: good, cluster: c, unfit: map[matchKey]bool{}}
	x.judge(objects)
	for round := range maxRounds {
		last := round >= patientRounds
		x.collect()
		engine, warnings, err := policy.Compile(x.config, policy.At(now), policy.InOrder(), policy.MayBeEmpty(),
			policy.EachDocument())
		var faults spec.Faults
		if !errors.As(err, &faults) {
			x.engine = engine
			x.warn(warnings)
			x.remember()
			return x
		}
		left := x.leaveOut(faults, last)
		blamed := x.blame(faults, last)
		if len(blamed) == 0 && !left {
			blamed = x.beyond(plan.Size{Rules: spec.MaxRules, Origins: spec.MaxOrigins})
		}
		if len(blamed) == 0 && !left {
			x.refused = faults // such as another limit of all together: no object is at fault alone
			return x
		}
		for _, j := range blamed {
			j.stepDown(last)
		}
	}
	x.refused = []spec.Diagnostic{{
		Code:    spec.CodeLimitExceeded,
		Message: fmt.Sprintf("resources that conflict with each other did not settle in %d rounds", maxRounds),
		Hint:    "resources that do not conflict, see their status",
	}}
	return x
}

// judge orders the objects, and chooses a version of each by what is known without the others.
func (x *assembly) judge(objects []*object) {
	c := x.cluster
	if c.routing != nil {
		x.claimed = c.routing.claim(objects)
	}
	for _, o := range slices.SortedFunc(slices.Values(objects), compareAge) {
		j := &judged{object: o, rank: len(x.objects), good: goodOf(o, x.good)}
		j.goodRefused = j.good != nil && len(c.grants.check(j.key, &j.good.config)) > 0
		for _, d := range slices.Concat(o.faults, c.grants.check(j.key, &j.config), x.derive(j)) {
			j.refuse(d)
		}
		if len(j.faults) > 0 {
			j.stepDown(false)
		}
		x.objects = append(x.objects, j)
	}
}

// goodOf returns the last good version of an object: the one that this process knows, or else that of its status.
func goodOf(o *object, known map[key]*goodVersion) *goodVersion {
	if good := known[o.key]; good != nil && good.uid == o.uid {
		return good
	}
	return o.observed.accepted
}

// remember keeps what is live as the last good version of each object.
func (x *assembly) remember() {
	x.good = make(map[key]*goodVersion, len(x.objects))
	for _, j := range x.objects {
		if j.choice == current {
			j.good = &goodVersion{j.uid, j.generation, j.version}
		}
		if j.good != nil {
			x.good[j.key] = j.good
		}
	}
}

// collect makes the config of the chosen versions.
func (x *assembly) collect() {
	x.config, x.owners, x.documents = spec.Config{}, map[spec.Kind][]*judged{}, map[int]*document{}
	for _, j := range x.objects {
		if v := j.chosen(); v != nil && v.targets == nil {
			x.add(j, v.config)
		}
	}
	y := x.territory()
	x.addDerived(y)
	for _, j := range x.objects {
		switch {
		case j.choice != standIn || len(j.config.Policies) == 0:
		case j.targets != nil:
			x.addDerivedStandIn(j, y)
		default:
			x.addStandIn(j, y)
		}
	}
	x.addGaps(y)
}

// chosen returns the chosen version, nil if it is none that the object has had.
func (j *judged) chosen() *version {
	if j == nil { // the documents of gaps have no object
		return nil
	}
	switch j.choice {
	case current:
		return j.version
	case lastGood:
		return j.good.version
	}
	return nil
}

func (x *assembly) add(j *judged, c spec.Config) {
	own := func(k spec.Kind, n int) {
		for range n {
			x.owners[k] = append(x.owners[k], j)
		}
	}
	x.config.Policies = append(x.config.Policies, c.Policies...)
	own(spec.KindPolicy, len(c.Policies))
	x.config.OriginSets = append(x.config.OriginSets, c.OriginSets...)
	own(spec.KindOriginSet, len(c.OriginSets))
	x.config.Defaults = append(x.config.Defaults, c.Defaults...)
	own(spec.KindDefaults, len(c.Defaults))
}

// addStandIn adds a policy that allows nobody, in the place of one of which no good version is known: somebody
// meant to govern its hosts. It leaves out hosts that another policy names, where it could conflict, and hosts
// that the namespace is not granted.
func (x *assembly) addStandIn(j *judged, y *territory) {
	p := j.standIn()
	var patterns []plan.HostPattern
	for _, host := range j.config.Policies[0].Spec.Hosts {
		pattern, err := plan.ParseHost(host)
		if err == nil && !y.names(pattern) && !slices.Contains(patterns, pattern) &&
			x.cluster.grants.allow(j.id.Namespace, pattern) {
			patterns = append(patterns, pattern)
			p.Spec.Hosts = append(p.Spec.Hosts, host)
		}
	}
	if len(p.Spec.Hosts) == 0 {
		return
	}
	x.add(j, spec.Config{Policies: []spec.Policy{*p}})
	y.standIns = append(y.standIns, patterns...)
}

// standIn returns the policy that stands in for one, without hosts.
func (j *judged) standIn() *spec.Policy {
	doc := &j.config.Policies[0]
	p := &spec.Policy{Namespace: doc.Namespace, Name: doc.Name}
	// A policy that was to change nothing yet must not begin to because it has a fault.
	if e := doc.Spec.Enforcement; e != nil {
		switch *e {
		case spec.EnforcementDisabled, spec.EnforcementShadow, spec.EnforcementBlock:
			p.Spec.Enforcement = e
		}
	}
	return p
}

// ownerOf returns the object that has a place, nil for the documents as a whole.
func (x *assembly) ownerOf(p spec.Place) *judged {
	if owners := x.owners[p.Kind]; p.Index < len(owners) {
		return owners[p.Index]
	}
	return nil
}

// named returns a diagnostic whose locations have the names of their objects.
func (x *assembly) named(d spec.Diagnostic) spec.Diagnostic {
	if owner := x.ownerOf(d.Place); owner != nil {
		owner.name(&d.Location)
		d.Place = x.original(d.Place)
	}
	if d.Related != nil {
		related := *d.Related
		if owner := x.ownerOf(related.Place); owner != nil {
			owner.name(&related)
		}
		d.Related = &related
	}
	return d
}

// warn adds warnings to the objects whose current versions are live.
func (x *assembly) warn(warnings []spec.Diagnostic) {
	for _, d := range warnings {
		if owner := x.ownerOf(d.Place); owner != nil && owner.choice == current {
			owner.warnings = appendNew(owner.warnings, x.named(d))
		}
	}
}

// sums returns the sum of each document of config, in the order of [spec.Config.Documents].
func (x *assembly) sums() (all []reload.Sum) {
	for i := range x.config.Policies {
		v := x.owners[spec.KindPolicy][i].chosen()
		if v == nil || x.documents[i] != nil { // a stand-in, or one that was derived
			all = append(all, reload.SumOf(&x.config.Policies[i].Spec))
		} else {
			all = append(all, v.sum)
		}
	}
	for _, kind := range []spec.Kind{spec.KindOriginSet, spec.KindDefaults} {
		for _, j := range x.owners[kind] {
			all = append(all, j.chosen().sum)
		}
	}
	return all
}

// faults lists the faults of all objects whose current versions are not live.
func (x *assembly) faults() (all []spec.Diagnostic) {
	for _, j := range x.objects {
		all = append(all, j.faults...)
	}
	return all
}
