package reload

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/pkg/policy"
)

// TestSeriesOfRemovedPolicies: the series of decisions and conflicts of a policy are deleted with the
// policy, and no others are.
func TestSeriesOfRemovedPolicies(t *testing.T) {
	t.Parallel()
	file := servetest.Write(t, filepath.Join(t.TempDir(), "policy.yaml"), servetest.Allowing(servetest.OldPage))
	m := telemetry.New(telemetry.Build{})
	r := reloaderOf(file, m, slog.DiscardHandler)
	count := func() {
		for _, host := range []string{"api.shop.example", "other.example"} {
			d := r.Engine().Decide(&policy.Request{Method: "GET", Scheme: "https", Authority: host, Path: "/", Origin: []string{servetest.OldPage}})
			for _, p := range []exchange.Profile{exchange.RequestResponse, exchange.ResponseOnly} {
				m.Decided(t.Context(), exchange.Event{Profile: p, Decision: &d})
			}
			if d.Policy() != "" {
				m.StripConflict(t.Context(), exchange.Event{Decision: &d})
			}
		}
	}
	if !r.Start() {
		t.Fatal("the policy is refused")
	}
	count()
	if diff := cmp.Diff(map[string]int{"decisions shop": 2, "decisions ": 2, "strips shop": 1}, seriesByPolicy(t, m)); diff != "" {
		t.Error(diff)
	}
	servetest.Write(t, file, strings.Replace(servetest.Allowing(servetest.OldPage), "name: shop", "name: store", 1))
	if !r.readNow(source.Changed) {
		t.Fatal("the policy is refused")
	}
	if diff := cmp.Diff(map[string]int{"decisions ": 2}, seriesByPolicy(t, m)); diff != "" {
		t.Error(diff)
	}
	count()
	if diff := cmp.Diff(map[string]int{"decisions store": 2, "decisions ": 2, "strips store": 1}, seriesByPolicy(t, m)); diff != "" {
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
