package telemetry

import (
	"context"
	"iter"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/limits"
)

// Metrics is the Prometheus metrics of corsd. It is an [exchange.Observer].
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

var _ exchange.Observer = (*Metrics)(nil)

// Build describes this binary.
type Build struct{ Version, Revision, GoVersion string }

// New returns metrics that are all zero.
func New(b Build) *Metrics {
	m := &Metrics{
		Registry:      prometheus.NewRegistry(),
		decisions:     newDecisions(),
		streams:       counter("streams_total", "ext_proc streams that were opened."),
		streamsActive: gauge("streams_active", "ext_proc streams that are open."),
		streamErrors: counter("stream_errors_total",
			"ext_proc streams that ended with an error. Resets by Envoy do not count."),
		strips: counters("strip_conflicts_total",
			"Requests whose virtual host removes the upstream headers that the policy leaves to upstream.", "policy"),
		panics: counter("panics_total", "Panics that were contained."),
		peers: counters("peer_refusals_total",
			"Refusals to peers of the gRPC port: streams, connections, and connections that could not be accepted.",
			"kind"),
		reloads:    counters("policy_reloads_total", "Attempts to read the policy, including the first one.", "result"),
		reloadOK:   gauge("policy_last_reload_successful", "1 if the last policy was good, 0 if it was refused."),
		reloadTime: gauge("policy_last_reload_success_timestamp_seconds", "When the live policy was read."),
		policyInfo: gauges("policy_info", "The live policy, by the SHA-256 of its files.", "hash"),
		readRetry: gauge("policy_read_retry_pending",
			"1 while files that could not be read will be read again, else 0."),
		LogDropped: counter("log_lines_dropped_total",
			"Log lines that were dropped: standard error was not read in time, or could not be written."),
	}
	for _, kind := range peerRefusals {
		m.peers.WithLabelValues(kind) // 0 from the start, so that a rise can be seen
	}
	info := gauges("build_info", "This binary.", "version", "revision", "goversion")
	info.WithLabelValues(b.Version, b.Revision, b.GoVersion).Set(1)
	m.Registry.MustRegister(
		m.decisions.vec, m.streams, m.streamsActive, m.streamErrors, m.strips, m.panics, m.peers,
		m.reloads, m.reloadOK, m.reloadTime, m.policyInfo, m.readRetry, m.LogDropped, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: "corsd_" + name, Help: help})
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

// StreamStarted implements [exchange.Observer].
func (m *Metrics) StreamStarted(context.Context) {
	m.streams.Inc()
	m.streamsActive.Inc()
}

// StreamEnded implements [exchange.Observer].
func (m *Metrics) StreamEnded(_ context.Context, err error) {
	m.streamsActive.Dec()
	if err != nil {
		m.streamErrors.Inc()
	}
}

// Decided implements [exchange.Observer].
func (m *Metrics) Decided(_ context.Context, e exchange.Event) {
	m.decisions.add(e.Profile, e.Decision)
}

// StripConflict implements [exchange.Observer].
func (m *Metrics) StripConflict(_ context.Context, e exchange.Event) {
	m.strips.WithLabelValues(e.Decision.Policy()).Inc()
}

// Panicked implements [exchange.Observer].
func (m *Metrics) Panicked(context.Context) { m.panics.Inc() }

// RefusedPeer counts a stream or connection that was refused to a peer of the gRPC port.
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
