package cli

import (
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/telemetry"
)

func TestAdmin(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", servetest.PolicyFile(t))
	rows := []struct {
		path   string
		status int
		body   string // a regular expression for all of it
	}{
		{"/livez", 200, `ok\n`},
		{"/readyz", 200, `ok\n`},
		{"/readyz?verbose", 200, `ok\nlive policy: [0-9a-f]{64} since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n`},
		{"/readyz?verbose=1", 200, `ok\nlive policy: [0-9a-f]{64} since .*\n`},
		{"/", 404, `404 page not found\n`},
		{"/livez/more", 404, `404 page not found\n`},
	}
	for _, r := range rows {
		status, body := s.get(r.path)
		if status != r.status || !regexp.MustCompile("^(?:"+r.body+")$").MatchString(body) {
			t.Errorf("%s: %d %q, want %d %q", r.path, status, body, r.status, r.body)
		}
	}
	for _, path := range []string{"/livez", "/readyz"} {
		resp, err := http.Post("http://"+s.address("admin is listening")+path, "text/plain", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, resp.StatusCode)
		}
	}
}

// TestMetrics holds the names and labels that dashboards and alerts are made of.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", "testdata/policy.yaml")
	conn := s.conn()

	x := s.stream(conn) // allowed
	x.Exchange(servetest.RequestOf("https://www.shop.example"))
	x.Exchange(servetest.Response())
	x.End()
	strip := metadata.AppendToOutgoingContext(s.ctx(), "corsd-static", "strip,vary", "corsd-policy", "legacy")
	for range 2 { // refused in Shadow, under a strip
		client, err := extprocv3.NewExternalProcessorClient(conn).Process(strip)
		if err != nil {
			t.Fatal(err)
		}
		x := servetest.Stream{T: t, ExternalProcessor_ProcessClient: client}
		x.Exchange(servetest.RequestOf("https://evil.example"))
		x.End()
	}
	s.verdict(conn, "https://evil.example") // by ext_authz
	s.eventually("no stream is open", func() bool { return s.metric("corsd_streams_active") == "0" })

	_, hash, _ := strings.Cut(s.liveLine(), "live policy: ")
	hash, _, _ = strings.Cut(hash, " ")
	want := map[string]string{
		`corsd_decisions_total{class="actual",enforcement="Enforce",policy="shop",profile="request_response",reason="allowed",verdict="allow"}`:            "1",
		`corsd_decisions_total{class="actual",enforcement="Shadow",policy="legacy",profile="request_response",reason="origin_not_allowed",verdict="deny"}`: "2",
		`corsd_decisions_total{class="actual",enforcement="Enforce",policy="shop",profile="ext_authz",reason="origin_not_allowed",verdict="deny"}`:         "1",
		`corsd_streams_total`:                                               "3",
		`corsd_streams_active`:                                              "0",
		`corsd_stream_errors_total`:                                         "0",
		`corsd_strip_conflicts_total{policy="legacy"}`:                      "2",
		`corsd_panics_total`:                                                "0",
		`corsd_peer_refusals_total{kind="stream"}`:                          "0",
		`corsd_peer_refusals_total{kind="connection"}`:                      "0",
		`corsd_peer_refusals_total{kind="connection_closed"}`:               "0",
		`corsd_peer_refusals_total{kind="accept"}`:                          "0",
		`corsd_peer_refusals_total{kind="tls_handshake"}`:                   "0",
		`corsd_log_lines_dropped_total`:                                     "0",
		`corsd_policy_read_retry_pending`:                                   "0",
		`corsd_policy_from_snapshot`:                                        "0",
		`corsd_policy_snapshot_timestamp_seconds`:                           "0",
		`corsd_policy_snapshot_write_failures_total`:                        "0",
		`corsd_kubernetes_status_write_failures_total`:                      "0",
		`corsd_policy_reloads_total{result="success"}`:                      "1",
		`corsd_policy_reloads_total{result="refused"}`:                      "0",
		`corsd_policies`:                                                    "2",
		`corsd_hosts`:                                                       "3",
		`corsd_origin_set_expires_timestamp_seconds{origin_set="partners"}`: "3.25035936e+10",
		`corsd_policy_last_reload_successful`:                               "1",
		`corsd_policy_info{hash="` + hash + `"}`:                            "1",
	}
	got := map[string]string{}
	families := map[string]string{}
	_, body := s.get("/metrics")
	for line := range strings.Lines(body) {
		if family, found := strings.CutPrefix(line, "# TYPE corsd_"); found {
			name, kind, _ := strings.Cut(strings.TrimSpace(family), " ")
			families["corsd_"+name] = kind
		}
		if i := strings.LastIndex(line, " "); strings.HasPrefix(line, "corsd_") {
			got[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	for series, value := range want {
		if got[series] != value {
			t.Errorf("%s is %q, want %s", series, got[series], value)
		}
		delete(got, series)
	}
	varying := []string{`corsd_build_info{goversion="go`, "corsd_policy_last_reload_success_timestamp_seconds"}
	for _, series := range slices.Sorted(maps.Keys(got)) {
		if !slices.ContainsFunc(varying, func(name string) bool { return strings.HasPrefix(series, name) }) {
			t.Errorf("unexpected: %s %s", series, got[series])
		}
	}
	if diff := cmp.Diff(map[string]string{
		"corsd_build_info": "gauge", "corsd_decisions_total": "counter", "corsd_panics_total": "counter", "corsd_peer_refusals_total": "counter",
		"corsd_log_lines_dropped_total": "counter", "corsd_policy_read_retry_pending": "gauge",
		"corsd_policy_from_snapshot": "gauge", "corsd_policy_snapshot_timestamp_seconds": "gauge", "corsd_policy_snapshot_write_failures_total": "counter",
		"corsd_kubernetes_status_write_failures_total": "counter",
		"corsd_policy_info":                            "gauge", "corsd_policy_last_reload_success_timestamp_seconds": "gauge",
		"corsd_policies": "gauge", "corsd_hosts": "gauge", "corsd_origin_set_expires_timestamp_seconds": "gauge",
		"corsd_policy_last_reload_successful": "gauge", "corsd_policy_reloads_total": "counter",
		"corsd_stream_errors_total": "counter", "corsd_streams_active": "gauge", "corsd_streams_total": "counter",
		"corsd_strip_conflicts_total": "counter",
	}, families); diff != "" {
		t.Errorf("families (-want +got):\n%s", diff)
	}
	for _, name := range []string{"\ngo_goroutines ", "\nprocess_start_time_seconds ", "\npromhttp_metric_handler_errors_total"} {
		if !strings.Contains(body, name) {
			t.Errorf("no%s", name)
		}
	}
}

// TestMetricsOfTrouble: errors and panics are counted. A healthy server has none.
func TestMetricsOfTrouble(t *testing.T) {
	m := telemetry.New(buildInfo().labels())
	m.StreamStarted(t.Context())
	m.StreamEnded(t.Context(), errors.New("the connection broke"))
	m.Panicked(t.Context())
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetCounter().GetValue()
	}
	if got["corsd_panics_total"] != 1 || got["corsd_stream_errors_total"] != 1 {
		t.Errorf("counted %v", got)
	}
}

// liveLine returns the line of /readyz?verbose about the live policy.
func (s *served) liveLine() string {
	s.t.Helper()
	_, body := s.get("/readyz?verbose")
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "live policy: ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
