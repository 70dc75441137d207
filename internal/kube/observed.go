package kube

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/corsd/corsd/api/v1alpha1"
)

// observed is what is kept of the status that an object has. The status itself is larger than the spec of most objects.
type observed struct {
	sum      statusSum // zero if there is no status, or not one of this version of corsd
	accepted *goodVersion
	changes  [len(conditionTypes)]change
}

// statusSum identifies a status without the times of transition, which each replica would set to another one.
type statusSum [sha256.Size]byte

// change is since when a condition is true or false, in seconds since 1970; zero if it is neither.
type change struct {
	isTrue bool
	at     int64
}

// conditionTypes are the conditions that corsd sets.
var conditionTypes = [...]string{
	v1alpha1.ConditionAccepted, v1alpha1.ConditionProgrammed, v1alpha1.ConditionResolvedRefs,
}

// observe returns what is kept of the status of an object.
func observe(k key, uid types.UID, text json.RawMessage) (o observed) {
	if len(text) == 0 || !k.kind.hasStatus() {
		return o
	}
	var s *status
	if err := json.Unmarshal(text, &s); err != nil || s == nil {
		return o
	}
	o.sum = sumOf(s)
	for i := range s.Conditions {
		c := &s.Conditions[i]
		if n := slices.Index(conditionTypes[:], c.Type); n >= 0 && c.Status != metav1.ConditionUnknown {
			o.changes[n] = change{c.Status == metav1.ConditionTrue, c.LastTransitionTime.Unix()}
		}
	}
	if a := s.LastAccepted; a != nil {
		if v := decode(k, a.Spec); len(v.faults) == 0 { // otherwise another version of corsd may have written it
			o.accepted = &goodVersion{uid, a.Generation, &v}
		}
	}
	return o
}

// since returns since when a condition has its value, which is now unless it had it before.
func (o *observed) since(c *metav1.Condition, now time.Time) time.Time {
	n := slices.Index(conditionTypes[:], c.Type)
	if n < 0 || o.changes[n].at == 0 || o.changes[n].isTrue != (c.Status == metav1.ConditionTrue) {
		return now
	}
	return time.Unix(o.changes[n].at, 0)
}

func sumOf(s *status) statusSum {
	c := *s
	c.Conditions = withoutTimes(s.Conditions)
	c.Ancestors = slices.Clone(s.Ancestors)
	for i := range c.Ancestors {
		c.Ancestors[i].Conditions = withoutTimes(c.Ancestors[i].Conditions)
	}
	if s.LastAccepted != nil { // the API server may write the same spec in another order
		c.LastAccepted = &v1alpha1.LastAccepted{Generation: s.LastAccepted.Generation}
	}
	data, err := json.Marshal(c)
	if err != nil { // all of it was made or read as JSON
		panic(err)
	}
	return sha256.Sum256(data)
}

func withoutTimes(conditions []metav1.Condition) []metav1.Condition {
	conditions = slices.Clone(conditions)
	for i := range conditions {
		conditions[i].LastTransitionTime = metav1.Time{}
	}
	return conditions
}
