package kube

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/internal/kube/kubetest"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/pkg/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// replica is a reloader of resources.
type replica struct {
	*reload.Reloader
	log  *servetest.Log
	stop func()
}

// start starts a replica that ends with the test.
func start(
	t *testing.T, s *kubetest.Server, change func(*Options), snapshot string, made ...func(*Reader),
) *replica {
	t.Helper()
	log := &servetest.Log{}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	m := telemetry.New(telemetry.Build{})
	o := Options{Config: s.Config(), HostGrants: false, Metrics: m, Logger: logger}
	if change != nil {
		change(&o)
	}
	reader, err := NewReader(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range made {
		f(reader)
	}
	r := &replica{Reloader: reload.New(reader, nil, m, logger), log: log}
	if snapshot != "" {
		r.UseSnapshot(reload.Snapshot{Path: snapshot, Version: "test"})
	}
	if !r.Start() {
		t.Fatalf("not started: %s", log)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	r.stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(r.stop)
	return r
}

// put creates or replaces the object of a YAML text.
func put(t *testing.T, s *kubetest.Server, kind, name, spec string) {
	t.Helper()
	namespace, name, namespaced := strings.Cut(name, "/")
	if !namespaced {
		namespace, name = "", namespace
	}
	var value any
	if err := yaml.Unmarshal([]byte(spec), &value); err != nil {
		t.Fatal(err)
	}
	version := "corsd.dev/v1alpha1"
	if kind == gatewayKind.name || kind == httpRouteKind.name || kind == grpcRouteKind.name {
		version = gatewayVersion.String()
	}
	meta := map[string]any{"namespace": namespace, "name": name}
	if namespace == "" {
		delete(meta, "namespace")
	}
	s.Put(map[string]any{"apiVersion": version, "kind": kind, "metadata": meta, "spec": value})
}

func putNamespace(s *kubetest.Server, name, hosts string) {
	s.Put(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{
		"name": name, "annotations": map[string]any{"corsd.dev/hosts": hosts},
	}})
}

// allows reports whether a page of an origin may read a host.
func (r *replica) allows(host, origin string) bool {
	engine := r.Engine()
	if engine == nil {
		return false
	}
	d := engine.Decide(&policy.Request{Authority: host, Method: "GET", Path: "/", Origin: []string{origin}})
	return d.Verdict == policy.VerdictAllow
}

func (r *replica) knows(host string) bool {
	engine := r.Engine()
	return engine != nil && engine.Decide(&policy.Request{
		Authority: host, Method: "GET", Path: "/", Origin: []string{"https://p.example"},
	}).Reason != policy.ReasonNoPolicy
}

// eventually fails the test if a condition does not hold within a minute.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func condition(s *kubetest.Server, kind, name, of string) string {
	namespace, name, _ := strings.Cut(name, "/")
	conditions, _ := s.Status(kind, namespace, name)["conditions"].([]any)
	for _, c := range conditions {
		if c := c.(map[string]any); c["type"] == of {
			return fmt.Sprintf("%v/%v", c["status"], c["reason"])
		}
	}
	return ""
}

// TestReader: from no objects to a policy that is made, changed, broken, mended and deleted.
func TestReader(t *testing.T) {
	s := kubetest.Start(t)
	r := start(t, s, nil, "")
	eventually(t, "no policies are live", func() bool { return r.Engine() != nil })
	if r.knows("a.example") {
		t.Error("a host is known without a policy")
	}

	put(t, s, "CORSPolicy", "n/a", aGood)
	eventually(t, "a policy is live", func() bool { return r.allows("a.example", "https://p.example") })
	eventually(t, "its status is written", func() bool { return condition(s, "CORSPolicy", "n/a", "Accepted") == "True/Accepted" })
	if got := condition(s, "CORSPolicy", "n/a", "Programmed"); got != "True/Programmed" {
		t.Errorf("Programmed is %s", got)
	}

	put(t, s, "CORSPolicy", "n/a", aBad)
	eventually(t, "the fault is in the status", func() bool { return condition(s, "CORSPolicy", "n/a", "Accepted") == "False/Invalid" })
	if !r.allows("a.example", "https://p.example") {
		t.Error("the last good version is not live any more")
	}
	if got := condition(s, "CORSPolicy", "n/a", "Programmed"); got != "True/LastGood" {
		t.Errorf("Programmed is %s", got)
	}
	status := s.Status("CORSPolicy", "n", "a")
	first := status["diagnostics"].([]any)[0].(map[string]any)
	if first["code"] != "origin_invalid" || first["path"] != "spec.cors.allowOrigins[0]" || first["hint"] == nil {
		t.Errorf("diagnostics are %v", first)
	}
	if fmt.Sprint(status["lastAccepted"].(map[string]any)["generation"]) != "1" {
		t.Errorf("lastAccepted is %v", status["lastAccepted"])
	}

	put(t, s, "CORSPolicy", "n/a", strings.ReplaceAll(aGood, "p.example", "q.example"))
	eventually(t, "the mended one is live", func() bool { return r.allows("a.example", "https://q.example") })
	eventually(t, "the old version leaves the status", func() bool { return s.Status("CORSPolicy", "n", "a")["lastAccepted"] == nil })

	s.Delete("CORSPolicy", "n", "a")
	eventually(t, "it is gone", func() bool { return !r.knows("a.example") })
}

// TestRestartBesideABadVersion: another process, started after the bad version came, decides as the first one does.
func TestRestartBesideABadVersion(t *testing.T) {
	s := kubetest.Start(t)
	first := start(t, s, nil, "")
	put(t, s, "CORSPolicy", "n/a", aGood)
	eventually(t, "a policy is live", func() bool { return first.allows("a.example", "https://p.example") })
	put(t, s, "CORSPolicy", "n/a", aBad)
	eventually(t, "the status has it", func() bool { return s.Status("CORSPolicy", "n", "a")["lastAccepted"] != nil })
	second := start(t, s, nil, "")
	eventually(t, "the second is ready", func() bool { return second.Engine() != nil })
	if !second.allows("a.example", "https://p.example") {
		t.Error("the second process does not allow what the first one does")
	}
}

// TestReplicasWriteOnce: three replicas write each status about once, and not for each other's sake.
func TestReplicasWriteOnce(t *testing.T) {
	s := kubetest.Start(t)
	for i := range 5 {
		put(t, s, "CORSPolicy", fmt.Sprintf("n/p%d", i),
			fmt.Sprintf(`{hosts: [h%d.example], cors: {allowOrigins: ["https://p.example"]}}`, i))
	}
	var replicas []*replica
	for range 3 {
		replicas = append(replicas, start(t, s, nil, ""))
	}
	eventually(t, "all statuses are written", func() bool {
		for i := range 5 {
			if condition(s, "CORSPolicy", fmt.Sprintf("n/p%d", i), "Accepted") == "" {
				return false
			}
		}
		return true
	})
	time.Sleep(statusJitter + 3*quietTime)
	if n := s.Writes(); n > 15 {
		t.Errorf("%d statuses were written for 5 objects", n)
	}
	before := s.Writes()
	time.Sleep(statusRetry)
	if n := s.Writes(); n != before {
		t.Errorf("%d more were written although nothing changed", n-before)
	}
	for _, r := range replicas {
		if n := len(r.log.Entries(t, "policy is live")); n != 1 {
			t.Errorf("a status made a reload: %d policies went live", n)
		}
	}
}

// counting counts how often policies are built.
type counting struct {
	Metrics
	builds atomic.Int64
}

func (c *counting) Objects(kind string, current, lastGood, none int) {
	if kind == policyKind.name {
		c.builds.Add(1)
	}
	c.Metrics.Objects(kind, current, lastGood, none)
}

// TestOnlySpecsCompile: a status that is written, and a change of an object that leaves its spec, compile nothing.
func TestOnlySpecsCompile(t *testing.T) {
	s := kubetest.Start(t)
	put(t, s, "CORSPolicy", "n/a", aGood)
	m := &counting{}
	r := start(t, s, func(o *Options) {
		m.Metrics = o.Metrics
		o.Metrics = m
	}, "")
	eventually(t, "the policy is live", func() bool { return r.allows("a.example", "https://p.example") })
	time.Sleep(3 * quietTime)
	before := m.builds.Load()
	eventually(t, "its status is written", func() bool { return s.Writes() > 0 })
	put(t, s, "CORSPolicy", "n/a", aGood)
	time.Sleep(5 * quietTime)
	if n := m.builds.Load() - before; n > 0 {
		t.Errorf("policies were built %d times more", n)
	}
}

// TestOutage: while the API server is away, what was live stays live. Changes are live soon after it is back.
func TestOutage(t *testing.T) {
	s := kubetest.Start(t)
	put(t, s, "CORSPolicy", "n/a", aGood)
	r := start(t, s, nil, "")
	eventually(t, "a policy is live", func() bool { return r.allows("a.example", "https://p.example") })
	s.Refuse(http.StatusInternalServerError)
	eventually(t, "the outage is logged", func() bool {
		return len(r.log.Entries(t, "the API server cannot be read; the live policy stays as it is")) > 0
	})
	if !r.allows("a.example", "https://p.example") {
		t.Error("the policy is not live any more")
	}
	if pending := r.State().Pending; !strings.Contains(pending, "refused by the test") {
		t.Errorf("pending is %q", pending)
	}
	put(t, s, "CORSPolicy", "n/b", bGood)
	s.Refuse(0)
	eventually(t, "the change is live", func() bool { return r.allows("b.example", "https://p.example") })
	eventually(t, "nothing is pending", func() bool { return r.State().Pending == "" })
}

// TestExpiredWatch: if the API server does not know any more what has changed since, all is listed again. Changes that
// were missed are made live, deletions too.
func TestExpiredWatch(t *testing.T) {
	s := kubetest.Start(t)
	put(t, s, "CORSPolicy", "n/a", aGood)
	put(t, s, "CORSPolicy", "n/b", bGood)
	r := start(t, s, nil, "")
	eventually(t, "the policies are live", func() bool {
		return r.allows("a.example", "https://p.example") && r.allows("b.example", "https://p.example")
	})
	s.RefuseWatches(http.StatusInternalServerError)
	s.Delete("CORSPolicy", "n", "b")
	put(t, s, "CORSPolicy", "n/a", strings.ReplaceAll(aGood, "p.example", "q.example"))
	s.RefuseWatches(0)
	eventually(t, "the change is live", func() bool { return r.allows("a.example", "https://q.example") })
	eventually(t, "the deletion is", func() bool { return !r.knows("b.example") })
	s.Expire()
	put(t, s, "CORSPolicy", "n/b", bGood)
	eventually(t, "so is a change after an error on the stream", func() bool { return r.allows("b.example", "https://p.example") })
}

// TestOlderAPIServer: lists that are not streamed come in parts. That is not a failure.
func TestOlderAPIServer(t *testing.T) {
	s := kubetest.Start(t)
	s.Older()
	const n = 1100
	for i := range n {
		put(t, s, "OriginSet", fmt.Sprintf("n/s%d", i), partners)
	}
	put(t, s, "CORSPolicy", "n/a", fmt.Sprintf(`{hosts: [a.example], cors: {allowOriginSets: [s0, s%d]}}`, n-1))
	r := start(t, s, nil, "")
	eventually(t, "the policy is live", func() bool { return r.allows("a.example", "https://p.example") })
	put(t, s, "CORSPolicy", "n/a", strings.ReplaceAll(aGood, "p.example", "q.example"))
	eventually(t, "a change is", func() bool { return r.allows("a.example", "https://q.example") })
	if n := s.Requests()["GET /apis/corsd.dev/v1alpha1/originsets"]; n < 4 {
		t.Errorf("%d requests, so the list was not in parts", n)
	}
	if failures := r.log.Entries(t, "the API server cannot be read; the live policy stays as it is"); len(failures) > 0 {
		t.Errorf("logged %v", failures)
	}
}

// TestListWithoutWatch: what can be listed and not watched is one failure, logged once, however often it is tried.
func TestListWithoutWatch(t *testing.T) {
	s := kubetest.Start(t)
	s.RefuseWatches(http.StatusForbidden)
	put(t, s, "CORSPolicy", "n/a", aGood)
	r := start(t, s, nil, "")
	eventually(t, "what is listed is live", func() bool { return r.allows("a.example", "https://p.example") })
	for _, plural := range []string{"corspolicies", "originsets", "corsdefaults"} {
		path := "GET /apis/corsd.dev/v1alpha1/" + plural
		eventually(t, plural+" are tried again", func() bool { return s.Requests()[path] >= 6 })
	}
	if pending := r.State().Pending; !strings.Contains(pending, "grant the ServiceAccount list and watch on corspolicies") {
		t.Errorf("pending is %q", pending)
	}
	for message, want := range map[string]int{
		"the API server cannot be read; the live policy stays as it is": 3, "the API server can be read again": 0, // three kinds
	} {
		if entries := r.log.Entries(t, message); len(entries) != want {
			t.Errorf("%q is logged %d times, want %d", message, len(entries), want)
		}
	}
	s.RefuseWatches(0)
	eventually(t, "nothing is pending", func() bool { return r.State().Pending == "" })
}

// TestNoConnection: an API server that refuses connections is logged once for each kind, although the address of each
// request is another one.
func TestNoConnection(t *testing.T) {
	s := kubetest.Start(t)
	s.Close()
	r := start(t, s, nil, "")
	message := "the API server cannot be read; the live policy stays as it is"
	eventually(t, "it is logged", func() bool { return len(r.log.Entries(t, message)) >= 3 })
	time.Sleep(time.Second) // some attempts
	if entries := r.log.Entries(t, message); len(entries) != 3 {
		t.Errorf("logged %d times: %v", len(entries), entries)
	}
}

// TestNotReadyBeforeAllIsListed: without a snapshot no policy is live until all kinds are listed, and what is missing
// is reported with what to do.
func TestNotReadyBeforeAllIsListed(t *testing.T) {
	s := kubetest.Start(t)
	put(t, s, "CORSPolicy", "n/a", aGood)
	s.Refuse(http.StatusForbidden)
	r := start(t, s, nil, "")
	eventually(t, "the refusal is reported", func() bool {
		return strings.Contains(r.State().Pending, "grant the ServiceAccount list and watch on corspolicies")
	})
	select {
	case <-r.Ready():
		t.Error("ready without any policy")
	default:
	}
	s.Refuse(http.StatusNotFound)
	eventually(t, "the missing definition is reported", func() bool {
		return strings.Contains(r.State().Pending, "install the CustomResourceDefinitions")
	})
	s.Refuse(0)
	<-r.Ready()
	if !r.allows("a.example", "https://p.example") {
		t.Error("the policy is not live")
	}
}

// TestSnapshotWithoutAPIServer: with a snapshot a process starts without the API server, and follows it once it is
// there.
func TestSnapshotWithoutAPIServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snapshot.yaml")
	s := kubetest.Start(t)
	put(t, s, "CORSPolicy", "n/a", aGood)
	first := start(t, s, nil, file)
	eventually(t, "a policy is live", func() bool { return first.allows("a.example", "https://p.example") })
	first.stop()

	s.Refuse(http.StatusInternalServerError)
	second := start(t, s, nil, file)
	if !second.allows("a.example", "https://p.example") || second.State().Snapshot == "" {
		t.Fatalf("the snapshot is not live: %s", second.log)
	}
	put(t, s, "CORSPolicy", "n/a", strings.ReplaceAll(aGood, "p.example", "q.example"))
	s.Refuse(0)
	eventually(t, "the resources are live", func() bool { return second.allows("a.example", "https://q.example") })
	if second.State().Snapshot != "" {
		t.Error("the state still names the snapshot")
	}
}

// TestHostGrants: a policy of a namespace goes live when the namespace is granted its hosts, and leaves when it is
// not any more. One in a namespace that is granted nothing governs nothing.
func TestHostGrants(t *testing.T) {
	s := kubetest.Start(t)
	putNamespace(s, "n", "")
	put(t, s, "CORSPolicy", "n/a", aGood)
	r := start(t, s, func(o *Options) { o.HostGrants = true }, "")
	eventually(t, "it is refused", func() bool { return condition(s, "CORSPolicy", "n/a", "Accepted") == "False/HostNotGranted" })
	if r.knows("a.example") {
		t.Error("the host is governed")
	}
	putNamespace(s, "n", "*.shop.example, a.example")
	eventually(t, "it is granted", func() bool { return r.allows("a.example", "https://p.example") })
	putNamespace(s, "n", "b.example")
	eventually(t, "it is not any more", func() bool { return !r.knows("a.example") })
}

// TestGrantsOfAStandIn: what stands in for a policy without a good version governs the hosts that are granted at the
// moment.
func TestGrantsOfAStandIn(t *testing.T) {
	s := kubetest.Start(t)
	putNamespace(s, "n", "a.example")
	put(t, s, "CORSPolicy", "n/p", `{hosts: [a.example, b.example], cors: {allowOrigins: ["p.example"]}}`)
	r := start(t, s, func(o *Options) { o.HostGrants = true }, "")
	eventually(t, "one host is governed", func() bool { return r.knows("a.example") && !r.knows("b.example") })
	putNamespace(s, "n", "b.example")
	eventually(t, "the other one is", func() bool { return !r.knows("a.example") && r.knows("b.example") })
}

// TestOneNamespace: only the objects of the namespace are asked for, and no kind that a Role cannot grant.
func TestOneNamespace(t *testing.T) {
	s := kubetest.Start(t)
	put(t, s, "CORSPolicy", "n/a", aGood)
	put(t, s, "CORSPolicy", "m/b", bGood)
	r := start(t, s, func(o *Options) { o.Namespace, o.HostGrants = "n", true }, "")
	eventually(t, "the policy is live", func() bool { return r.allows("a.example", "https://p.example") })
	if r.knows("b.example") {
		t.Error("a policy of another namespace is live")
	}
	for request := range s.Requests() {
		if !strings.Contains(request, "/namespaces/n/") {
			t.Errorf("requested %s", request)
		}
	}
}

// TestManyObjects: 5,000 policies, one of them bad.
func TestManyObjects(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	s := kubetest.Start(t)
	const n = 5000
	for i := range n {
		spec := fmt.Sprintf(`{"hosts": ["h%d.example"], "cors": {"allowOrigins": ["https://p.example"]}}`, i)
		if i == 2500 {
			spec = strings.ReplaceAll(spec, "https://", "")
		}
		put(t, s, "CORSPolicy", fmt.Sprintf("n%d/p", i), spec)
	}
	r := start(t, s, nil, "")
	eventually(t, "they are live", func() bool { return r.allows("h4999.example", "https://p.example") })
	if !r.knows("h2500.example") || r.allows("h2500.example", "https://p.example") {
		t.Error("the host of the bad policy is not governed, or allows someone")
	}
	put(t, s, "CORSPolicy", "n1/p", `{hosts: [h1.example], cors: {allowOrigins: ["https://q.example"]}}`)
	eventually(t, "a change is live", func() bool { return r.allows("h1.example", "https://q.example") })
}
