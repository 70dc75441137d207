package telemetry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// values returns the values of the metrics of corsd whose names begin with a prefix, by name and labels.
func values(t *testing.T, m *Metrics, prefix string) map[string]float64 {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		name, ours := strings.CutPrefix(f.GetName(), "corsd_"+prefix)
		if !ours {
			continue
		}
		for _, s := range f.GetMetric() {
			key := prefix + name
			for _, label := range s.GetLabel() {
				key += " " + label.GetValue()
			}
			if f.GetType().String() == "COUNTER" {
				all[key] = s.GetCounter().GetValue()
			} else {
				all[key] = s.GetGauge().GetValue()
			}
		}
	}
	return all
}

// TestCountersFromTheStart: counters whose labels are known are there before the first event.
func TestCountersFromTheStart(t *testing.T) {
	m := New(Build{})
	for prefix, want := range map[string]map[string]float64{
		"policy_reloads": {"policy_reloads_total success": 0, "policy_reloads_total refused": 0},
		"panics":         {"panics_total": 0},
		"streams":        {"streams_total": 0, "streams_active": 0},
		"stream_errors":  {"stream_errors_total": 0},
		"log_lines":      {"log_lines_dropped_total": 0},
		"peer_refusals": {
			"peer_refusals_total accept": 0, "peer_refusals_total connection": 0,
			"peer_refusals_total connection_closed": 0, "peer_refusals_total stream": 0,
			"peer_refusals_total tls_handshake": 0,
		},
	} {
		if diff := cmp.Diff(want, values(t, m, prefix)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// compiled returns an engine with a policy for two hosts, and these origin sets.
func compiled(t *testing.T, now time.Time, sets ...spec.OriginSet) *policy.Engine {
	t.Helper()
	engine, _, err := policy.Compile(spec.Config{OriginSets: sets, Policies: []spec.Policy{{
		Name: "shop", Spec: spec.PolicySpec{
			Hosts: []string{"a.example", "*.a.example"}, CORS: &spec.CORS{AllowOrigins: []string{"https://p.example"}},
		},
	}}}, policy.At(now))
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func originSet(namespace, name string, expires *string) spec.OriginSet {
	return spec.OriginSet{Namespace: namespace, Name: name, Spec: spec.OriginSetSpec{
		Origins: []string{"https://p.example"}, Expires: expires,
	}}
}

// TestLivePolicy: the metrics of the live policy are those of the last engine. Sets that have
// expired keep their series until they are removed.
func TestLivePolicy(t *testing.T) {
	m := New(Build{})
	now := time.Date(2030, time.January, 15, 0, 0, 0, 0, time.UTC)
	m.Live(compiled(t, now, originSet("", "never", nil), originSet("", "soon", new("2030-01-20")),
		originSet("eu", "past", new("2030-01-10"))), nil)
	day := func(d int) float64 { return float64(time.Date(2030, time.January, d, 0, 0, 0, 0, time.UTC).Unix()) }
	want := map[string]float64{
		"origin_set_expires_timestamp_seconds soon":    day(20),
		"origin_set_expires_timestamp_seconds eu/past": day(10),
	}
	if diff := cmp.Diff(want, values(t, m, "origin_set")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := values(t, m, "hosts")["hosts"]; got != 2 {
		t.Errorf("%v hosts", got)
	}
	if got := values(t, m, "policies")["policies"]; got != 1 {
		t.Errorf("%v policies", got)
	}
	m.Live(compiled(t, now), nil)
	if got := values(t, m, "origin_set"); len(got) > 0 {
		t.Errorf("the sets are gone: %v", got)
	}
}

// TestExpiriesAreBounded: of more sets, those that expire first have a series.
func TestExpiriesAreBounded(t *testing.T) {
	for _, n := range []int{maxExpiries, maxExpiries + 1} {
		m := New(Build{})
		var sets []spec.OriginSet
		first := time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC)
		for i := range n { // the last one expires first
			date := first.AddDate(0, 0, n-i).Format(time.DateOnly)
			sets = append(sets, originSet("", fmt.Sprintf("set-%d", i), &date))
		}
		m.Live(compiled(t, first, sets...), nil)
		got := values(t, m, "origin_set")
		_, last := got["origin_set_expires_timestamp_seconds set-0"]
		if len(got) != maxExpiries || last != (n == maxExpiries) {
			t.Errorf("of %d sets %d have series; the one that expires last does: %t", n, len(got), last)
		}
	}
}
