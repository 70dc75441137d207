package telemetry

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/limits"
	"github.com/corsd/corsd/pkg/policy"
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
	policies      prometheus.Gauge
	hosts         prometheus.Gauge
	expires       *prometheus.GaugeVec
	tlsExpires    *prometheus.GaugeVec
	readRetry     prometheus.Gauge
	fromSnapshot  prometheus.Gauge
	snapshotTime  prometheus.Gauge
	snapshotFails prometheus.Counter
	resources     resources
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
		policies:   gauge("policies", "Live CORSPolicy documents."),
		hosts:      gauge("hosts", "Hosts that live policies name, wildcards counted as one."),
		expires: gauges("origin_set_expires_timestamp_seconds",
			"The time from which on an origin set grants nothing.", "origin_set"),
		tlsExpires: gauges("tls_certificate_expires_timestamp_seconds",
			"The time from which on the certificate of the gRPC port is not valid."),
		readRetry: gauge("policy_read_retry_pending",
			"1 while files that could not be read will be read again, else 0."),
		fromSnapshot: gauge("policy_from_snapshot",
			"1 while the live policy is that of the snapshot, because the start could not read a good one, else 0."),
		snapshotTime: gauge("policy_snapshot_timestamp_seconds",
			"When the snapshot was written, 0 if there is none."),
		snapshotFails: counter("policy_snapshot_write_failures_total", "Attempts to write the snapshot that failed."),
		resources:     newResources(),
		LogDropped: counter("log_lines_dropped_total",
			"Log lines that were dropped: standard error was not read in time, or could not be written."),
	}
	m.startAtZero()
	info := gauges("build_info", "This binary.", "version", "revision", "goversion")
	info.WithLabelValues(b.Version, b.Revision, b.GoVersion).Set(1)
	m.Registry.MustRegister(
		m.decisions.vec, m.streams, m.streamsActive, m.streamErrors, m.strips, m.panics, m.peers,
		m.reloads, m.reloadOK, m.reloadTime, m.policyInfo, m.policies, m.hosts, m.expires, m.tlsExpires,
		m.readRetry, m.fromSnapshot, m.snapshotTime, m.snapshotFails, m.LogDropped, info,
		m.resources.objects, m.resources.lastEvent, m.resources.statusFails,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// The values of the label result.
const (
	reloadSuccess = "success"
	reloadRefused = "refused"
)

// startAtZero makes the series whose labels are known from the start: a query of a rise does not see
// the first event of a series that begins with it. Series with names of policies, or with the six
// labels of decisions, would be too many.
func (m *Metrics) startAtZero() {
	for _, kind := range peerRefusals {
		m.peers.WithLabelValues(kind)
	}
	m.reloads.WithLabelValues(reloadSuccess)
	m.reloads.WithLabelValues(reloadRefused)
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
	m.strips.WithLabelValues(m.decisions.policyLabel(e.Decision.Policy())).Inc()
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

	limits.HandshakeFailed: "tls_handshake",
}

// Reloaded counts a policy that was read and is live.
func (m *Metrics) Reloaded(hash string) {
	m.reloads.WithLabelValues(reloadSuccess).Inc()
	m.reloadOK.Set(1)
	m.reloadTime.SetToCurrentTime()
	m.fromSnapshot.Set(0)
	m.live(hash)
}

func (m *Metrics) live(hash string) {
	m.policyInfo.Reset()
	m.policyInfo.WithLabelValues(hash).Set(1)
}

// Restored describes a policy that is live from the snapshot.
func (m *Metrics) Restored(hash string, written time.Time) {
	m.fromSnapshot.Set(1)
	m.SnapshotWritten(written)
	m.live(hash)
}

// SnapshotWritten sets the time at which the snapshot was written.
func (m *Metrics) SnapshotWritten(written time.Time) { m.snapshotTime.Set(float64(written.Unix())) }

// Expired implements reload.Metrics: the reload that follows is counted.
func (m *Metrics) Expired() {}

// SnapshotFailed counts a snapshot that could not be written.
func (m *Metrics) SnapshotFailed() { m.snapshotFails.Inc() }

// Live describes the engine that went live, and deletes the series of the policies that are removed.
func (m *Metrics) Live(engine *policy.Engine, removed []string) {
	counts := engine.Counts()
	m.policies.Set(float64(counts.Policies))
	m.hosts.Set(float64(counts.Hosts))
	m.expires.Reset()
	for _, set := range expiries(engine) {
		m.expires.WithLabelValues(set.name).Set(float64(set.at.Unix()))
	}
	others := m.decisions.keepOnly(engine.Policies())
	for _, name := range slices.Concat(removed, others) {
		m.strips.DeleteLabelValues(name)
	}
}

// maxExpiries bounds the series of origin sets.
const maxExpiries = 1000

type expiry struct {
	name string
	at   time.Time
}

// expiries returns the origin sets that expire first, [maxExpiries] at most.
func expiries(engine *policy.Engine) (sets []expiry) {
	for name, at := range engine.Expiries() {
		sets = append(sets, expiry{strings.Clone(name), at}) // the name is a part of the engine's one string
	}
	slices.SortFunc(sets, func(a, b expiry) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.name, b.name)) })
	return sets[:min(len(sets), maxExpiries)]
}

// TLSExpires sets when the live certificate of the gRPC port ends. Without TLS there is no series.
func (m *Metrics) TLSExpires(at time.Time) { m.tlsExpires.WithLabelValues().Set(float64(at.Unix())) }

// Refused counts a policy that was read and refused.
func (m *Metrics) Refused() {
	m.reloads.WithLabelValues(reloadRefused).Inc()
	m.reloadOK.Set(0)
}

// RetryPending sets whether files that could not be read will be tried again.
func (m *Metrics) RetryPending(pending bool) {
	m.readRetry.Set(0)
	if pending {
		m.readRetry.Set(1)
	}
}
