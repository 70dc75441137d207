package kube

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// blame adds each fault to its object, and returns the objects that have one. A conflict with an object that is
// blamed itself is left out, unless it is the last attempt: that one is replaced, and the conflict may be gone. So
// conflicts are judged last, in the order of precedence of the objects that have them.
func (x *assembly) blame(faults []spec.Diagnostic, last bool) (blamed []*judged) {
	conflict := func(d spec.Diagnostic) bool {
		return d.Code == spec.CodeConflict && d.Related != nil && x.ownerOf(d.Related.Place) != x.ownerOf(d.Place)
	}
	rank := func(d spec.Diagnostic) int {
		if owner := x.ownerOf(d.Place); owner != nil && conflict(d) {
			return owner.rank
		}
		return -1
	}
	faults = slices.SortedStableFunc(slices.Values(faults), func(a, b spec.Diagnostic) int {
		return cmp.Compare(rank(a), rank(b))
	})
	known, sets := map[*judged]bool{}, x.faultySets()
	for _, d := range faults {
		owner := x.ownerOf(d.Place)
		if owner == nil || conflict(d) && !last && known[x.ownerOf(d.Related.Place)] {
			continue
		}
		owner.refuse(x.named(sets.withReason(d, owner)))
		if !known[owner] {
			known[owner] = true
			blamed = append(blamed, owner)
		}
	}
	return blamed
}

// beyond returns the objects that exceed a limit of all together, with a fault each. The older ones hold what they
// have: otherwise whoever may make objects could keep all others from changing theirs.
func (x *assembly) beyond(limit plan.Size) (blamed []*judged) {
	sizes := map[*judged]plan.Size{}
	i := map[spec.Kind]int{}
	for d := range x.config.Documents() {
		owner := x.owners[d.Kind][i[d.Kind]]
		i[d.Kind]++
		size := sizes[owner]
		size.Add(plan.SizeOf(d))
		sizes[owner] = size
	}
	used := sizes[nil] // of gaps
	for _, j := range x.objects {
		with := used
		with.Add(sizes[j])
		if j.choice == standIn || !with.Exceeds(limit) {
			used = with
			continue
		}
		d := j.fault(spec.CodeLimitExceeded, fmt.Sprintf(
			"makes more than %d rules or %d origins, with all older resources", limit.Rules, limit.Origins))
		d.Hint = "fewer of them"
		j.refuse(d)
		blamed = append(blamed, j)
	}
	return blamed
}

// faultySets are origin sets that exist, and are not live since they have faults.
type faultySets map[string]*judged

func (x *assembly) faultySets() faultySets {
	sets := faultySets{}
	for _, j := range x.objects {
		if j.kind == originSetKind && j.choice == standIn {
			sets[j.id.String()] = j
		}
	}
	return sets
}

// withReason returns the fault of a name of such a set with the reason why it is missing.
func (s faultySets) withReason(d spec.Diagnostic, owner *judged) spec.Diagnostic {
	if d.Code != spec.CodeUnknownReference {
		return d
	}
	own := spec.ID{Namespace: owner.id.Namespace, Name: d.Value}
	if set := cmp.Or(s[d.Value], s[own.String()]); set != nil {
		d.Message = "is the name of an OriginSet that has a fault and no good version"
		d.Hint = "the status of " + set.String()
	}
	return d
}
