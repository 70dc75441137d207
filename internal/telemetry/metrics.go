// Package telemetry counts what corsd does, for Prometheus.
package telemetry

import (
	"iter"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/corsd/corsd/internal/limits"
	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
)

// Metrics counts what happens. It is the extproc.Observer of serve.
type Metrics struct {
	// Registry has all of the metrics.
	Registry *prometheus.Registry

	decisions     *decisions
	streams       prometheus.Counter
	streamsActive prometheus.Gauge
	streamErrors  prometheus.Counter
	strips        *prometheus.CounterVec
	panics        prometheus.Counter
	peers         *prometheus.CounterVec
	reloads       *prometheus.CounterVec
	reloadOK      prometheus.Gauge
	reloadTime    prometheus.Gauge
	policyInfo    *prometheus.GaugeVec
	readRetry     prometheus.Gauge
	// LogDropped counts log lines that were dropped.
	LogDropped prometheus.Counter
}

var _ extproc.Observer = (*Metrics)(nil)

// Build describes this binary.
type Build struct{ Version, Revision, GoVersion string }

// New returns metrics of which nothing is counted yet.
func New(b Build) *Metrics {
	m := &Metrics{
		Registry:      prometheus.NewRegistry(),
		decisions:     newDecisions(),
		streams:       prometheus.NewCounter(prometheus.CounterOpts{Name: "corsd_streams_total", Help: "ext_proc streams that were opened."}),
		streamsActive: gauge("streams_active", "ext_proc streams that are open."),
		streamErrors:  prometheus.NewCounter(prometheus.CounterOpts{Name: "corsd_stream_errors_total", Help: "ext_proc streams that ended with an error. Envoy's resets are none."}),
		strips:        counters("strip_conflicts_total", "Requests whose virtual host removes the upstream headers that the policy leaves to upstream.", "policy"),
		panics:        prometheus.NewCounter(prometheus.CounterOpts{Name: "corsd_panics_total", Help: "Panics that were contained."}),
		peers:         counters("peer_refusals_total", "What was refused to peers of the gRPC port: streams, connections, and connections that could not be accepted.", "kind"),
		reloads:       counters("policy_reloads_total", "Readings of the policy, the first one included.", "result"),
		reloadOK:      gauge("policy_last_reload_successful", "Whether the last reading of the policy went well (1) or was refused (0)."),
		reloadTime:    gauge("policy_last_reload_success_timestamp_seconds", "When the live policy was read."),
		policyInfo:    gauges("policy_info", "The live policy, by the SHA-256 of its files.", "hash"),
		readRetry:     gauge("policy_read_retry_pending", "Whether files that could not be read will be tried again (1) or not (0)."),
		LogDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "corsd_log_lines_dropped_total", Help: "Log lines that were not read in time or could not be written.",
		}),
	}
	for _, kind := range peerRefusals {
		m.peers.WithLabelValues(kind) // 0 from the start, so that a rise can be seen
	}
	info := gauges("build_info", "This binary.", "version", "revision", "goversion")
	info.WithLabelValues(b.Version, b.Revision, b.GoVersion).Set(1)
	m.Registry.MustRegister(m.decisions.vec, m.streams, m.streamsActive, m.streamErrors, m.strips, m.panics, m.peers, m.reloads,
		m.reloadOK, m.reloadTime, m.policyInfo, m.readRetry, m.LogDropped, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "corsd_" + name, Help: help}, labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: "corsd_" + name, Help: help})
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "corsd_" + name, Help: help}, labels)
}

// StreamStarted is that of [extproc.Observer].
func (m *Metrics) StreamStarted() {
	m.streams.Inc()
	m.streamsActive.Inc()
}

// StreamEnded is that of [extproc.Observer].
func (m *Metrics) StreamEnded(err error) {
	m.streamsActive.Dec()
	if err != nil {
		m.streamErrors.Inc()
	}
}

// Decided is that of [extproc.Observer].
func (m *Metrics) Decided(p extproc.Profile, d *policy.Decision) { m.decisions.add(p, d) }

// StripConflict is that of [extproc.Observer].
func (m *Metrics) StripConflict(policy string) { m.strips.WithLabelValues(policy).Inc() }

// Panicked is that of [extproc.Observer].
func (m *Metrics) Panicked() { m.panics.Inc() }

// RefusedPeer counts what is refused to a peer of the gRPC port.
func (m *Metrics) RefusedPeer(e limits.Event) { m.peers.WithLabelValues(peerRefusals[e]).Inc() }

// peerRefusals are the values of the label kind.
var peerRefusals = [...]string{
	limits.StreamRefused: "stream",
	limits.ConnRefused:   "connection",
	limits.ConnClosed:    "connection_closed",
	limits.AcceptFailed:  "accept",
}

// Reloaded counts a policy that was read and is live.
func (m *Metrics) Reloaded(hash string) {
	m.reloads.WithLabelValues("success").Inc()
	m.reloadOK.Set(1)
	m.reloadTime.SetToCurrentTime()
	m.policyInfo.Reset()
	m.policyInfo.WithLabelValues(hash).Set(1)
}

// KeepOnly deletes the series of the policies that a reload has removed.
func (m *Metrics) KeepOnly(policies iter.Seq[string], removed []string) {
	m.decisions.keepOnly(policies)
	for _, name := range removed {
		m.strips.DeleteLabelValues(name)
	}
}

// Refused counts a policy that was read and refused.
func (m *Metrics) Refused() {
	m.reloads.WithLabelValues("refused").Inc()
	m.reloadOK.Set(0)
}

// RetryPending sets whether files that could not be read will be tried again.
func (m *Metrics) RetryPending(pending bool) {
	m.readRetry.Set(0)
	if pending {
		m.readRetry.Set(1)
	}
}
