package cli

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/corsd/corsd/internal/servetest"
)

// TestAdminHost: the admin listener answers to addresses, to names that lead to the machine
// itself, and to those that --admin-host adds.
func TestAdminHost(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", servetest.PolicyFile(t), "--admin-host", "corsd.monitoring.svc", "--admin-host", "Metrics.Example.")
	address := s.address("admin is listening")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		host  string
		known bool
	}{
		{address, true},
		{"localhost:" + port, true},
		{"localhost", true},
		{"LOCALHOST.:" + port, true},
		{"corsd.localhost:" + port, true},
		{"127.8.9.10", true},
		{"[::1]:" + port, true},
		{"[::1]", true},
		{"10.1.2.3:" + port, true}, // the pod's own, by a probe or Prometheus
		{"[fd00::1]:" + port, true},
		{"corsd.monitoring.svc:" + port, true},
		{"CORSD.monitoring.svc.", true},
		{"metrics.example", true},
		{"rebound.example:" + port, false},
		{"rebound.example", false},
		{"127.0.0.1.rebound.example", false},
		{"localhost.rebound.example", false},
		{"notlocalhost", false},
		{"other.corsd.monitoring.svc", false},
		{"corsd.monitoring.svc.rebound.example", false},
		{"2130706433", false}, // 127.0.0.1 for some programs, but no browser sends it so
		{"0x7f.1", false},
	} {
		for _, path := range []string{"/livez", "/readyz?verbose", "/metrics", "/nothing"} {
			req, err := http.NewRequestWithContext(s.ctx(), http.MethodGet, "http://"+address+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = row.host
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close() // it has been read
			if known := resp.StatusCode != http.StatusMisdirectedRequest; known != row.known {
				t.Errorf("%s of host %s: status %d", path, row.host, resp.StatusCode)
			} else if !known && !strings.HasSuffix(string(body), "or start corsd with --admin-host NAME.\n") {
				t.Errorf("%s of host %s: %s", path, row.host, body)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestAdminWithoutHost: a request of HTTP/1.0 may name no host.
func TestAdminWithoutHost(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", servetest.PolicyFile(t))
	conn, err := net.Dial("tcp", s.address("admin is listening"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /livez HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.0 200 ") {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestAdminHostFlag(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "corsd:9092", "http://corsd", "*.example", "[::1]"} {
		var log servetest.Log
		args := []string{"serve", "--policy", servetest.PolicyFile(t), "--admin", "127.0.0.1:0", "--admin-host", name}
		got := Run(t.Context(), args, Stdio{Err: &log, Env: func(string) string { return "" }})
		if got != exitUsage || !strings.Contains(log.String(), "--admin-host") {
			t.Errorf("%q: exit status %d:\n%s", name, got, log.String())
		}
	}
}
