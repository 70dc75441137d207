package main

import (
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestDecisionsAreCounted: while many count and learn at once, and someone reads, none is
// lost or counted for another.
func TestDecisionsAreCounted(t *testing.T) {
	const policies, goroutines, rounds = 40, 8, 25
	var config spec.Config
	for i := range policies {
		config.Policies = append(config.Policies, spec.Policy{Name: "p" + strconv.Itoa(i), Spec: spec.PolicySpec{
			Hosts: []string{"h" + strconv.Itoa(i) + ".example"}, CORS: &spec.CORS{AllowOrigins: []string{"https://a.example"}},
		}})
	}
	engine, _, err := policy.Compile(config)
	if err != nil {
		t.Fatal(err)
	}
	c := newDecisions()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c.vec)
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range rounds {
				for i := range policies {
					origin := []string{"https://a.example", "https://b.example"}[i%2]
					d := engine.Decide(&policy.Request{Method: "GET", Scheme: "https", Authority: "h" + strconv.Itoa(i) + ".example", Path: "/", Origin: []string{origin}})
					c.add(extproc.Lean, &d)
				}
			}
		})
	}
	group.Go(func() {
		for range rounds {
			if _, err := registry.Gather(); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]int{}
	for _, m := range families[0].GetMetric() {
		labels := map[string]string{}
		for _, pair := range m.GetLabel() {
			labels[pair.GetName()] = pair.GetValue()
		}
		counted[labels["policy"]+" "+labels["reason"]] = int(m.GetCounter().GetValue())
	}
	for i := range policies {
		name := "p" + strconv.Itoa(i) + " " + []string{"allowed", "origin_not_allowed"}[i%2]
		if counted[name] != goroutines*rounds {
			t.Errorf("%s: %d of %d", name, counted[name], goroutines*rounds)
		}
	}
	if len(counted) != policies {
		t.Errorf("%d counters, not %d", len(counted), policies)
	}
}

// TestSeriesOfRemovedPolicies: what counts decisions and conflicts of a policy goes when the
// policy goes, and nothing else does.
func TestSeriesOfRemovedPolicies(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "policy.yaml"), allowing(oldPage))
	l := newLive([]string{file}, newMetrics(), slog.New(slog.DiscardHandler))
	count := func() {
		for _, host := range []string{"api.shop.example", "other.example"} {
			d := l.engine.Load().Decide(&policy.Request{Method: "GET", Scheme: "https", Authority: host, Path: "/", Origin: []string{oldPage}})
			l.metrics.Decided(extproc.TwoPhase, &d)
			l.metrics.Decided(extproc.Lean, &d)
			if d.Policy() != "" {
				l.metrics.StripConflict(d.Policy())
			}
		}
	}
	if !l.reload(causeStart) {
		t.Fatal("the policy is refused")
	}
	count()
	if diff := cmp.Diff(map[string]int{"decisions shop": 2, "decisions ": 2, "strips shop": 1}, seriesByPolicy(t, l.metrics)); diff != "" {
		t.Error(diff)
	}
	write(t, file, strings.Replace(allowing(oldPage), "name: shop", "name: store", 1))
	if !l.reload(causeChange) {
		t.Fatal("the policy is refused")
	}
	if diff := cmp.Diff(map[string]int{"decisions ": 2}, seriesByPolicy(t, l.metrics)); diff != "" {
		t.Error(diff)
	}
	count()
	if diff := cmp.Diff(map[string]int{"decisions store": 2, "decisions ": 2, "strips store": 1}, seriesByPolicy(t, l.metrics)); diff != "" {
		t.Error(diff)
	}
}

// seriesByPolicy counts the series that have a policy as a label.
func seriesByPolicy(t *testing.T, m *metrics) map[string]int {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	short := map[string]string{"corsd_decisions_total": "decisions ", "corsd_strip_conflicts_total": "strips "}
	series := map[string]int{}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			for _, label := range s.GetLabel() {
				if label.GetName() == "policy" {
					series[short[f.GetName()]+label.GetValue()]++
				}
			}
		}
	}
	return series
}
