package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// resources are the metrics of policies that are resources of a cluster.
type resources struct {
	objects     *prometheus.GaugeVec
	lastEvent   *prometheus.GaugeVec
	statusFails prometheus.Counter
}

func newResources() resources {
	return resources{
		objects: gauges("kubernetes_objects",
			"Resources, by what of them is live: this version, the last good one, or none.", "kind", "live"),
		lastEvent: gauges("kubernetes_last_event_timestamp_seconds",
			"When the API server sent something last. It does so at least once in some minutes."),
		statusFails: counter("kubernetes_status_write_failures_total", "Attempts to write a status that failed."),
	}
}

// The values of the label live.
const (
	liveCurrent  = "current"
	liveLastGood = "last_good"
	liveNone     = "none"
)

// Objects sets how many resources of a kind are live in their current version, in their last good one, and not at
// all.
func (m *Metrics) Objects(kind string, current, lastGood, none int) {
	m.resources.objects.WithLabelValues(kind, liveCurrent).Set(float64(current))
	m.resources.objects.WithLabelValues(kind, liveLastGood).Set(float64(lastGood))
	m.resources.objects.WithLabelValues(kind, liveNone).Set(float64(none))
}

// SeenEvent sets when the API server sent something last.
func (m *Metrics) SeenEvent(at time.Time) {
	m.resources.lastEvent.WithLabelValues().Set(float64(at.UnixMilli()) / 1000)
}

// StatusFailed counts a status that could not be written.
func (m *Metrics) StatusFailed() { m.resources.statusFails.Inc() }
