package kube

import (
	"encoding/json"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestTransitions: a condition keeps the time since which it has its value, whatever else of it changes.
func TestTransitions(t *testing.T) {
	t.Parallel()
	now := began.Add(time.Hour)
	o := at(t, policyKind, 0, "n/a", 1, aGood)
	seen := observe(o.key, o.uid, json.RawMessage(`{"conditions": [
		{"type": "Accepted", "status": "True", "reason": "Other", "lastTransitionTime": "2026-12-01T00:00:07Z"},
		{"type": "Programmed", "status": "False", "lastTransitionTime": "2026-12-01T00:00:07Z"},
		{"type": "ResolvedRefs", "status": "Unknown", "lastTransitionTime": "2026-12-01T00:00:07Z"},
		{"type": "Another", "status": "True", "lastTransitionTime": "2026-12-01T00:00:07Z"}]}`))
	for _, row := range []struct {
		what string
		seen observed
		want [3]time.Time // of Accepted, Programmed and ResolvedRefs, all of which are true now
	}{
		{"no status", observed{}, [3]time.Time{now, now, now}},
		{"one with other values", seen, [3]time.Time{began.Add(7 * time.Second), now, now}},
	} {
		x := assemble([]*object{o}, nil, cluster{}, began)
		var patch struct {
			Status struct{ Conditions []metav1.Condition }
		}
		if err := json.Unmarshal(patchOf(o.key, statusOf(x.objects[0], nil), &row.seen, now), &patch); err != nil {
			t.Fatal(err)
		}
		for i, c := range patch.Status.Conditions {
			if c.Status != metav1.ConditionTrue || !c.LastTransitionTime.Time.Equal(row.want[i]) {
				t.Errorf("%s: %s is %s since %v, want %v", row.what, c.Type, c.Status, c.LastTransitionTime, row.want[i])
			}
		}
	}
}

// TestLargeSpecs: the last good spec is in the status as long as the API server can store it beside the present one.
func TestLargeSpecs(t *testing.T) {
	t.Parallel()
	for more, want := range map[int]bool{0: true, 1: false} {
		o := at(t, policyKind, 0, "n/a", 2, aBad)
		good := &goodVersion{o.uid, 1, at(t, policyKind, 0, "n/a", 1, aGood).version}
		o.size = maxSpecs - len(specOf(good.version)) + more
		x := assemble([]*object{o}, map[key]*goodVersion{o.key: good}, cluster{}, began)
		s := statusOf(x.objects[0], nil)
		if x.objects[0].choice != lastGood || (s.LastAccepted != nil) != want || len(s.Diagnostics) != 1 {
			t.Errorf("%d bytes more: %+v", more, s)
		}
	}
}

// TestObserve: whether a status is the wanted one does not depend on its times, on the order of its fields, or on
// whether it can be read at all.
func TestObserve(t *testing.T) {
	t.Parallel()
	o := at(t, policyKind, 0, "n/a", 1, aGood)
	wanted, sum := statusesOf(&assembly{})(&judged{object: o})
	raw, err := json.Marshal(wanted)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	fields["conditions"].([]any)[0].(map[string]any)["lastTransitionTime"] = "2026-12-01T00:00:07Z"
	later, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	fields["hosts"] = []string{"a.example"}
	other, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	for text, same := range map[string]bool{
		string(raw): true, string(later): true, string(other): false, "": false, "null": false, "[]": false,
		`{"conditions": 1}`: false, "{}": false,
	} {
		if got := observe(o.key, o.uid, json.RawMessage(text)).sum == sum; got != same {
			t.Errorf("%s: the wanted status: %t", text, got)
		}
	}
}
