package gateways

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/app/upstream"
	"github.com/corsd/corsd/test/harness/cluster"
	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/manifest"
	"github.com/corsd/corsd/test/harness/process"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// suite is a gateway with an API server that has the manifests, with corsd and the applications.
type suite struct {
	api   *cluster.Cluster
	corsd *process.Process
	flags []string     // of corsd, for TLS
	envoy *envoy.Envoy // Process is that which prints the access log

	returned int // lines of the access log that have been returned
}

// Where the programs listen in place of pods, as in testdata.
const (
	corsdAddress   = "10.244.0.5:9002"
	leanAddress    = "10.244.0.5:9003"
	shopAddress    = "10.244.0.6:8300"
	weatherAddress = "10.244.0.6:8301"
)

// newSuite starts everything but the gateway. The API server gets the definitions, and deploy/k8s in the namespace
// corsd.
func newSuite(t *testing.T, definitions []string, namespaces ...string) *suite {
	t.Helper()
	need(t)
	api, err := cluster.Start(t.Context(), run.kubernetes)
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{api: api}
	t.Cleanup(func() {
		if err := api.Stop(); err != nil {
			t.Error(err)
		}
	})
	for _, file := range definitions {
		s.kubectl(t, "", "apply", "--server-side", "--filename", file)
	}
	s.kubectl(t, "", "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
	for _, n := range append(namespaces, "corsd") {
		s.kubectl(t, "", "create", "namespace", n)
	}
	s.kubectl(t, "", "apply", "--kustomize", overlay(t, corsdOverlay))
	s.apply(t, "testdata/corsd.yaml")
	s.startCorsd(t)
	t.Cleanup(func() { s.corsd.Kill() }) // also one that a test has started again
	serve(t, shopAddress, upstream.Shop())
	serve(t, weatherAddress, upstream.Weather())
	return s
}

// corsdOverlay is deploy/k8s with the second listener of deploy/envoy-gateway.
const corsdOverlay = `namespace: corsd
resources: [../k8s]
components:
- ../envoy-gateway/listener
`

// overlay returns the folder of a kustomization beside the folders of deploy/.
func overlay(t *testing.T, text string) string {
	t.Helper()
	folder, err := manifest.Overlay(run.Root, t.TempDir(), text)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// kubectl runs a command that must succeed.
func (s *suite) kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := s.api.Kubectl(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// apply applies files of this package's directory, or of deploy/.
func (s *suite) apply(t *testing.T, files ...string) {
	t.Helper()
	for _, file := range files {
		s.kubectl(t, "", "apply", "--filename", path(file))
	}
}

func path(file string) string {
	if strings.HasPrefix(file, "deploy/") {
		return filepath.Join(run.Root, file)
	}
	return file
}

// startCorsd starts corsd, for the first time or again.
func (s *suite) startCorsd(t *testing.T) {
	t.Helper()
	args := append([]string{
		"serve", "--policy", "testdata/policy.yaml", "--policy", "testdata/lean.yaml",
		"--listen", corsdAddress, "--listen", leanAddress + ",static=strip+vary+set", "--drain", "100ms",
	}, s.flags...)
	var err error
	s.corsd, err = process.Start(context.WithoutCancel(t.Context()), run.Corsd, args...)
	if err != nil {
		t.Fatal(err)
	}
	corsd := s.corsd
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = corsd.Await(ctx, func(context.Context) error {
		conn, err := net.Dial("tcp", leanAddress)
		if err == nil {
			conn.Close()
		}
		return err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, corsd.Output())
	}
}

func serve(t *testing.T, address string, h http.Handler) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = upstream.Serve(ctx, l, h) // if it fails, so does every request of the test
	}()
	t.Cleanup(func() { stop(); <-ended })
}

// start starts a program for the length of the test. Its output is logged if the test fails.
func start(t *testing.T, binary string, args ...string) *process.Process {
	t.Helper()
	p, err := process.Start(context.WithoutCancel(t.Context()), binary, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("--- %s\n%s", filepath.Base(binary), tail(p.Output()))
		}
	})
	return p
}

// tail returns the end of a program's output.
func tail(output string) string { return output[max(0, len(output)-20000):] }

// await repeats a request until the response is as wanted. Gateways change their configuration some time after kubectl
// has returned.
func (s *suite) await(t *testing.T, what string, r request, good func(*rawhttp.Response) bool) {
	t.Helper()
	var last string
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		got, err := rawhttp.HTTP1.Do(t.Context(), s.envoy.Address, rawhttp.Request(r))
		if err == nil && good(got) {
			time.Sleep(100 * time.Millisecond) // of the access log
			s.returned = len(s.lines())
			return
		}
		last = fmt.Sprint(err)
		if err == nil {
			last = got.Head
		}
	}
	t.Fatalf("%s: never; the last response:\n%s", what, last)
}

// accessLog matches a line. ext_authz has metadata of another name than ext_proc.
var accessLog = regexp.MustCompile(`^[A-Z]+ \S+ \d+ \S+ .*\breason=(\S+)(?: authz=(\S+))? .*origin=`)

// lines returns corsd's reasons in the access log, "-" if corsd was not called.
func (s *suite) lines() []string {
	var reasons []string
	for _, line := range s.envoy.Lines() {
		if m := accessLog.FindStringSubmatch(line); m != nil {
			reason := m[1]
			if reason == "-" {
				reason = cmp.Or(m[2], reason)
			}
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

// reason returns the reason in the next line of the access log.
func (s *suite) reason(t *testing.T) string {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if all := s.lines(); len(all) > s.returned {
			s.returned++
			return all[s.returned-1]
		}
	}
	t.Fatalf("no line %d in the access log:\n%s", s.returned+1, tail(s.envoy.Output()))
	return ""
}

// messages returns how many messages Envoy has sent to corsd.
func (s *suite) messages(t *testing.T) (n int) {
	t.Helper()
	stats, err := s.envoy.Stats(t.Context(), `^http\..*(ext_proc\.(.*\.)?stream_msgs_sent|ext_authz\.(.*\.)?(ok|denied|error))$`)
	if err != nil {
		t.Fatal(err)
	}
	for _, count := range stats {
		n += count
	}
	return n
}
