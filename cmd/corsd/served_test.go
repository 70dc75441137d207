package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// served is a corsd serve that listens on free ports.
type served struct {
	t      *testing.T
	log    *journal
	ended  chan struct{} // closed when it has ended
	status int           // then

	process *os.Process // nil where it runs in this one
}

// anywhere are the flags of a server on free ports that stops at once.
var anywhere = []string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--drain", "0s"}

// start serves in this process until the test ends.
func start(t *testing.T, flags ...string) *served {
	t.Helper()
	log := &journal{}
	return startOn(t, log, log, flags...)
}

func startWith(t *testing.T, env func(string) string, args ...string) *served {
	t.Helper()
	log := &journal{}
	return startWriting(t, log, log, env, args...)
}

// startOn is start with another standard error, which ends in log.
func startOn(t *testing.T, err io.Writer, log *journal, flags ...string) *served {
	t.Helper()
	return startWriting(t, err, log, func(string) string { return "" }, append(anywhere[:len(anywhere):len(anywhere)], flags...)...)
}

func startWriting(t *testing.T, err io.Writer, log *journal, env func(string) string, args ...string) *served {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &served{t: t, log: log, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.status = run(ctx, args, stdio{in: strings.NewReader(""), out: io.Discard, err: err, env: env})
	}()
	t.Cleanup(func() {
		stop()
		s.endsWith(exitOK)
	})
	s.waitForLine("policy is live")
	return s
}

// startProcess serves in a process of its own, to which signals can be sent.
func startProcess(t *testing.T, flags ...string) *served {
	t.Helper()
	s := &served{t: t, log: &journal{}, ended: make(chan struct{})}
	cmd := exec.Command("corsd", append(anywhere[:len(anywhere):len(anywhere)], flags...)...)
	cmd.Stderr, cmd.Env = s.log, append(os.Environ(), raceOptions)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = cmd.Process
	go func() {
		defer close(s.ended)
		_ = cmd.Wait() // the status says it
		s.status = cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		if !s.hasEnded() {
			_ = s.process.Kill() // it may have ended by now
		}
		<-s.ended
		if t.Failed() {
			t.Logf("log:\n%s", s.log.events())
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
		s.t.Fatalf("corsd has not ended after %s; log:\n%s", patience, s.log.events())
	}
	if s.status != status {
		s.t.Errorf("exit status %d, want %d; log:\n%s", s.status, status, s.log.events())
	}
}

// patience is how long anything may take.
const patience = 30 * time.Second

// eventually polls until what is so.
func (s *served) eventually(what string, so func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not so after %s: %s; log:\n%s", patience, what, s.log.events())
		}
	}
}

// waitForLine gives the last log line whose message is msg.
func (s *served) waitForLine(msg string) map[string]any {
	s.t.Helper()
	var lines []map[string]any
	s.eventually("logged: "+msg, func() bool {
		lines = s.log.entries(s.t, msg)
		return len(lines) > 0 || s.hasEnded()
	})
	if len(lines) == 0 {
		s.t.Fatalf("corsd has ended with %d and not logged %q:\n%s", s.status, msg, s.log)
	}
	return lines[len(lines)-1]
}

// address gives where it listens, by the log.
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

// conn is a connection to where it listens, once it is ready.
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

// metric gives the value of a series, as /metrics has it, "" where it is absent.
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

// becomes waits until the policy says of a page what it should.
func (s *served) becomes(conn *grpc.ClientConn, origin, verdict string) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%s of %s", verdict, origin), func() bool { return s.verdict(conn, origin) == verdict })
}

// stream is an ext_proc stream to a server.
type stream struct {
	t *testing.T
	extprocv3.ExternalProcessor_ProcessClient
}

func (s *served) stream(conn *grpc.ClientConn) stream {
	s.t.Helper()
	client, err := extprocv3.NewExternalProcessorClient(conn).Process(s.ctx())
	if err != nil {
		s.t.Fatal(err)
	}
	return stream{s.t, client}
}

// exchange sends a message and gives its answer.
func (s stream) exchange(m *extprocv3.ProcessingRequest) *extprocv3.ProcessingResponse {
	s.t.Helper()
	if err := sent(s.Send(m)); err != nil {
		s.t.Fatal(err)
	}
	answer, err := s.Recv()
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// sent is the error of a Send, but for the one that says that the server has ended the
// stream already. Why it did is what Recv says.
func sent(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// end half-closes, as Envoy does.
func (s stream) end() {
	s.t.Helper()
	if err := s.CloseSend(); err != nil {
		s.t.Fatal(err)
	}
	if m, err := s.Recv(); !errors.Is(err, io.EOF) {
		s.t.Fatalf("at the end: %v, %v", m, err)
	}
}

func requestOf(origin string) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: &extprocv3.HttpHeaders{
		Headers: headers(":method", "GET", ":scheme", "https", ":authority", "api.shop.example", ":path", "/", "origin", origin),
	}}}
}

func response() *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: &extprocv3.HttpHeaders{
		Headers: headers(":status", "200"),
	}}}
}

func headers(namesAndValues ...string) *corev3.HeaderMap {
	m := &corev3.HeaderMap{}
	for i := 0; i < len(namesAndValues); i += 2 {
		m.Headers = append(m.Headers, &corev3.HeaderValue{Key: namesAndValues[i], RawValue: []byte(namesAndValues[i+1])})
	}
	return m
}

// allowOrigin is what a response is given to say who may read it.
func allowOrigin(m *extprocv3.ProcessingResponse) string {
	for _, h := range m.GetResponseHeaders().GetResponse().GetHeaderMutation().GetSetHeaders() {
		if h.GetHeader().GetKey() == "access-control-allow-origin" {
			return string(h.GetHeader().GetRawValue())
		}
	}
	return ""
}

// The origins of two pages, of which a policy lets one read.
const (
	oldPage = "https://old.shop.example"
	newPage = "https://new.shop.example"
)

// allowing is a policy for one page.
func allowing(origin string) string {
	return fmt.Sprintf(`apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: {name: shop}
spec:
  hosts: [api.shop.example]
  cors: {allowOrigins: ["%s"]}
`, origin)
}

// write puts a file where it is to be, in directories that it makes.
func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// policyFile is a file that allows oldPage.
func policyFile(t *testing.T) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "policy.yaml"), allowing(oldPage))
}

// journal keeps log lines.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// events is the log less the refusals, of which there are many.
func (j *journal) events() string {
	var b strings.Builder
	for line := range strings.Lines(j.String()) {
		if !strings.Contains(line, `"msg":"refused"`) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// entries gives the whole lines whose message is msg.
func (j *journal) entries(t *testing.T, msg string) []map[string]any {
	t.Helper()
	var entries []map[string]any
	for line := range strings.Lines(j.String()) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			if strings.HasSuffix(line, "\n") {
				t.Fatalf("log line %q: %v", line, err)
			}
			continue // still being written
		}
		if e["msg"] == msg {
			entries = append(entries, e)
		}
	}
	return entries
}
