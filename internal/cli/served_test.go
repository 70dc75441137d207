package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/corsd/corsd/internal/servetest"
)

// served is a corsd serve that listens on free ports.
type served struct {
	t      *testing.T
	log    *servetest.Log
	ended  chan struct{} // closed when it has ended
	status int           // then

	process *os.Process // nil if corsd runs in this process
}

// anywhere are the flags of a server on free ports that stops at once.
var anywhere = []string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--drain", "0s"}

// start serves in this process until the test ends.
func start(t *testing.T, flags ...string) *served {
	t.Helper()
	log := &servetest.Log{}
	return startOn(t, log, log, flags...)
}

func startWith(t *testing.T, env func(string) string, args ...string) *served {
	t.Helper()
	log := &servetest.Log{}
	return startWriting(t, log, log, env, args...)
}

// startOn is start with another standard error, which ends in log.
func startOn(t *testing.T, err io.Writer, log *servetest.Log, flags ...string) *served {
	t.Helper()
	return startWriting(t, err, log, func(string) string { return "" }, append(anywhere[:len(anywhere):len(anywhere)], flags...)...)
}

func startWriting(t *testing.T, err io.Writer, log *servetest.Log, env func(string) string, args ...string) *served {
	t.Helper()
	s := launch(t, err, log, env, args...)
	s.waitForLine("policy is live")
	return s
}

// launch serves in this process, and does not wait for a policy.
func launch(t *testing.T, err io.Writer, log *servetest.Log, env func(string) string, args ...string) *served {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &served{t: t, log: log, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.status = Run(ctx, args, Stdio{In: strings.NewReader(""), Out: io.Discard, Err: err, Env: env})
	}()
	t.Cleanup(func() {
		stop()
		s.endsWith(exitOK)
	})
	return s
}

// startProcess serves in a process of its own, to which signals can be sent.
func startProcess(t *testing.T, flags ...string) *served {
	t.Helper()
	s := &served{t: t, log: &servetest.Log{}, ended: make(chan struct{})}
	cmd := exec.Command("corsd", append(anywhere[:len(anywhere):len(anywhere)], flags...)...)
	cmd.Stderr, cmd.Env = s.log, append(os.Environ(), raceOptions)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = cmd.Process
	go func() {
		defer close(s.ended)
		_ = cmd.Wait() // the status has the result
		s.status = cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		if !s.hasEnded() {
			_ = s.process.Kill() // it may have ended by now
		}
		<-s.ended
		if t.Failed() {
			t.Logf("log:\n%s", s.log.Events())
		}
	})
	s.healthy(s.dial(s.address("listening")))
	return s
}

func (s *served) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

func (s *served) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// endsWith waits for the end.
func (s *served) endsWith(status int) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("corsd has not ended after %s; log:\n%s", patience, s.log.Events())
	}
	if s.status != status {
		s.t.Errorf("exit status %d, want %d; log:\n%s", s.status, status, s.log.Events())
	}
}

// patience is how long anything may take.
const patience = 30 * time.Second

// eventually polls until a condition holds.
func (s *served) eventually(what string, so func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not so after %s: %s; log:\n%s", patience, what, s.log.Events())
		}
	}
}

// waitForLines returns the lines with a message as soon as there are n: lines are written a moment
// after what they report.
func (s *served) waitForLines(n int, msg string) []map[string]any {
	s.t.Helper()
	s.eventually("logged: "+msg, func() bool { return len(s.log.Entries(s.t, msg)) >= n })
	return s.log.Entries(s.t, msg)
}

// waitForLine returns the last log line with a message.
func (s *served) waitForLine(msg string) map[string]any {
	s.t.Helper()
	var lines []map[string]any
	s.eventually("logged: "+msg, func() bool {
		lines = s.log.Entries(s.t, msg)
		return len(lines) > 0 || s.hasEnded()
	})
	if len(lines) == 0 {
		s.t.Fatalf("corsd has ended with %d and not logged %q:\n%s", s.status, msg, s.log)
	}
	return lines[len(lines)-1]
}

// address returns the address of a listener, from the log.
func (s *served) address(msg string) string {
	s.t.Helper()
	address, _ := s.waitForLine(msg)["address"].(string)
	return address
}

func (s *served) dial(target string) *grpc.ClientConn {
	s.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = "unix:" + target
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() }) // a test may have closed it
	return conn
}

// conn returns a connection to corsd, after it has become ready.
func (s *served) conn() *grpc.ClientConn {
	s.t.Helper()
	conn := s.dial(s.address("listening"))
	s.healthy(conn)
	return conn
}

func (s *served) healthy(conn *grpc.ClientConn) {
	s.t.Helper()
	s.eventually("healthy", func() bool { return s.health(conn, "") == grpc_health_v1.HealthCheckResponse_SERVING })
}

// health is UNKNOWN where nobody answers.
func (s *served) health(conn *grpc.ClientConn, service string) grpc_health_v1.HealthCheckResponse_ServingStatus {
	h, err := grpc_health_v1.NewHealthClient(conn).Check(s.ctx(), &grpc_health_v1.HealthCheckRequest{Service: service})
	if err != nil {
		return grpc_health_v1.HealthCheckResponse_UNKNOWN
	}
	return h.Status
}

func (s *served) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.t.Cleanup(cancel)
	return ctx
}

// get reads a page of the admin listener.
func (s *served) get(path string) (status int, body string) {
	s.t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + s.address("admin is listening") + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// metric returns the value of a series in /metrics, "" if it is absent.
func (s *served) metric(series string) string {
	s.t.Helper()
	_, body := s.get("/metrics")
	for line := range strings.Lines(body) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// waitForMetric waits until a counter is at least so high.
func (s *served) waitForMetric(series string, least int) {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		value := s.metric(series)
		if n, err := strconv.Atoi(value); err == nil && n >= least {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s is %q, want at least %d", series, value, least)
		}
	}
}

// verdict asks by ext_authz whether a page may read.
func (s *served) verdict(conn *grpc.ClientConn, origin string) string {
	s.t.Helper()
	resp, err := authv3.NewAuthorizationClient(conn).Check(s.ctx(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Scheme: "https", Host: "api.shop.example", Path: "/", Headers: map[string]string{"origin": origin},
		}},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.GetDynamicMetadata().GetFields()["verdict"].GetStringValue()
}

// becomes waits until the decision about a page is the wanted one.
func (s *served) becomes(conn *grpc.ClientConn, origin, verdict string) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%s of %s", verdict, origin), func() bool { return s.verdict(conn, origin) == verdict })
}

func (s *served) stream(conn *grpc.ClientConn) servetest.Stream {
	s.t.Helper()
	client, err := extprocv3.NewExternalProcessorClient(conn).Process(s.ctx())
	if err != nil {
		s.t.Fatal(err)
	}
	return servetest.Stream{T: s.t, ExternalProcessor_ProcessClient: client}
}
