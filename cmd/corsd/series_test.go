package main

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
)

// TestSeriesOfRemovedPolicies: what counts decisions and conflicts of a policy goes when the
// policy goes, and nothing else does.
func TestSeriesOfRemovedPolicies(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "policy.yaml"), allowing(oldPage))
	l := newLive([]string{file}, telemetry.New(telemetry.Build{}), slog.New(slog.DiscardHandler))
	count := func() {
		for _, host := range []string{"api.shop.example", "other.example"} {
			d := l.engine.Load().Decide(&policy.Request{Method: "GET", Scheme: "https", Authority: host, Path: "/", Origin: []string{oldPage}})
			for _, p := range []extproc.Profile{extproc.RequestResponse, extproc.ResponseOnly} {
				l.metrics.Decided(t.Context(), extproc.Event{Profile: p, Decision: &d})
			}
			if d.Policy() != "" {
				l.metrics.StripConflict(t.Context(), extproc.Event{Decision: &d})
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
func seriesByPolicy(t *testing.T, m *telemetry.Metrics) map[string]int {
	t.Helper()
	families, err := m.Registry.Gather()
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
