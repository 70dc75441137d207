package main

import (
	"iter"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/corsd/corsd/internal/limits"
	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
)

// metrics counts what happens. It is the extproc.Observer of serve.
type metrics struct {
	registry *prometheus.Registry

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
	logDropped    prometheus.Counter
}

var _ extproc.Observer = (*metrics)(nil)

func newMetrics() *metrics {
	m := &metrics{
		registry:      prometheus.NewRegistry(),
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
		logDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "corsd_log_lines_dropped_total", Help: "Log lines that were not read in time or could not be written.",
		}),
	}
	for _, kind := range peerRefusals {
		m.peers.WithLabelValues(kind) // 0 from the start, so that a rise can be seen
	}
	b := buildInfo()
	info := gauges("build_info", "This binary.", "version", "revision", "goversion")
	info.WithLabelValues(b.version, b.revision, b.goVersion).Set(1)
	m.registry.MustRegister(m.decisions.vec, m.streams, m.streamsActive, m.streamErrors, m.strips, m.panics, m.peers, m.reloads,
		m.reloadOK, m.reloadTime, m.policyInfo, m.readRetry, m.logDropped, info,
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

func (m *metrics) StreamStarted() {
	m.streams.Inc()
	m.streamsActive.Inc()
}

func (m *metrics) StreamEnded(err error) {
	m.streamsActive.Dec()
	if err != nil {
		m.streamErrors.Inc()
	}
}

func (m *metrics) Decided(p extproc.Profile, d *policy.Decision) { m.decisions.add(p, d) }

func (m *metrics) StripConflict(policy string) { m.strips.WithLabelValues(policy).Inc() }

func (m *metrics) Panicked() { m.panics.Inc() }

// refusedPeer counts what is refused to a peer of the gRPC port.
func (m *metrics) refusedPeer(e limits.Event) { m.peers.WithLabelValues(peerRefusals[e]).Inc() }

// peerRefusals are the values of the label kind.
var peerRefusals = [...]string{
	limits.StreamRefused: "stream",
	limits.ConnRefused:   "connection",
	limits.ConnClosed:    "connection_closed",
	limits.AcceptFailed:  "accept",
}

func (m *metrics) reloaded(hash string) {
	m.reloads.WithLabelValues("success").Inc()
	m.reloadOK.Set(1)
	m.reloadTime.SetToCurrentTime()
	m.policyInfo.Reset()
	m.policyInfo.WithLabelValues(hash).Set(1)
}

// keepOnly deletes the series of the policies that a reload has removed.
func (m *metrics) keepOnly(policies iter.Seq[string], removed []string) {
	m.decisions.keepOnly(policies)
	for _, name := range removed {
		m.strips.DeleteLabelValues(name)
	}
}

func (m *metrics) refused() {
	m.reloads.WithLabelValues("refused").Inc()
	m.reloadOK.Set(0)
}

func (m *metrics) retryPending(pending bool) {
	m.readRetry.Set(0)
	if pending {
		m.readRetry.Set(1)
	}
}
