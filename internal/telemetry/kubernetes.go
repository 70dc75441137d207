package telemetry

import "time"

// The values of the label live.
const (
	liveCurrent  = "current"
	liveLastGood = "last_good"
	liveNone     = "none"
)

// Objects sets how many resources of a kind are live in their current version, in their last good one, and not at
// all.
func (m *Metrics) Objects(kind string, current, lastGood, none int) {
	m.objects.WithLabelValues(kind, liveCurrent).Set(float64(current))
	m.objects.WithLabelValues(kind, liveLastGood).Set(float64(lastGood))
	m.objects.WithLabelValues(kind, liveNone).Set(float64(none))
}

// SeenEvent sets when the API server sent something last.
func (m *Metrics) SeenEvent(at time.Time) {
	m.lastEvent.WithLabelValues().Set(float64(at.UnixMilli()) / 1000)
}

// StatusFailed counts a status that could not be written.
func (m *Metrics) StatusFailed() { m.statusFails.Inc() }
