package modulehost

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsd/corsd/internal/dynmoduletest"
	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/pkg/policy"
)

// newHost returns a host, and its log.
func newHost() (*Host, *servetest.Log) {
	log := &servetest.Log{}
	return New(slog.New(slog.NewJSONHandler(log, nil)), "test"), log
}

// reason returns the reason of a decision about a page.
func (p *Policies) reason(t *testing.T, origin string) string {
	t.Helper()
	var request []policy.Field
	for name, value := range map[string]string{":method": "GET", ":authority": "api.shop.example", ":path": "/", "origin": origin} {
		request = append(request, policy.Field{Name: name, Value: []byte(value)})
	}
	x, err := dynmoduletest.Run(p.Module, "", request, 200, nil)
	if err != nil {
		t.Fatal(err)
	}
	return x.Facts["reason"]
}

func eventually(t *testing.T, want string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after 30 s: %s", want)
		}
	}
}

// TestOpen: filters with the same source share one engine, which is followed until the last has ended.
func TestOpen(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	h, log := newHost()
	open := func(c Config) *Policies {
		p, err := h.Open(c, false)
		if err != nil {
			t.Fatalf("%v: %s", err, log)
		}
		return p
	}
	first := open(Config{Policy: []string{file}})
	if second := open(Config{Policy: []string{file}, Requests: All}); second != first {
		t.Error("two filters with one source do not share it")
	}
	other := open(Config{Policy: []string{file}, Snapshot: filepath.Join(t.TempDir(), "snapshot")})
	if other == first {
		t.Error("a source with another snapshot is the same")
	}
	other.Close()
	first.Close()
	if got := first.reason(t, servetest.OldPage); got != "allowed" {
		t.Errorf("the page that is allowed: %s", got)
	}
	var changes atomic.Int32
	stop := first.OnChange(func() { changes.Add(1) })
	servetest.Write(t, file, servetest.Allowing(servetest.NewPage))
	eventually(t, "the new policy is live", func() bool { return first.reason(t, servetest.OldPage) == "origin_not_allowed" })
	eventually(t, "the figures follow", func() bool { return first.Stats().Generation == 2 && changes.Load() > 0 })
	if s := first.Stats(); s.Reloads != 2 || s.IsRefused || time.Since(s.Live) > time.Minute {
		t.Errorf("after a reload: %+v", s)
	}
	servetest.Write(t, file, "what is this")
	eventually(t, "the next policy is refused", func() bool { return first.Stats().IsRefused })
	if got := first.reason(t, servetest.NewPage); got != "allowed" || first.Stats().Refused != 1 {
		t.Errorf("after a refused policy: %s, %+v", got, first.Stats())
	}
	stop()
	seen := changes.Load()
	servetest.Write(t, file, servetest.Allowing(servetest.OldPage))
	eventually(t, "a third policy is live", func() bool { return first.Stats().Generation == 3 })
	if changes.Load() != seen {
		t.Error("changes are reported after the end")
	}
	first.Close()
	if again := open(Config{Policy: []string{file}}); again == first {
		t.Error("policies that nobody used any more are still there")
	} else {
		again.Close()
	}
}

// TestOpenRefuses: policies with faults are an error, and the log has the faults.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	h, log := newHost()
	file := servetest.Write(t, filepath.Join(t.TempDir(), "p.yaml"), strings.Replace(servetest.Allowing("x"), "hosts:", "host:", 1))
	p, err := h.Open(Config{Policy: []string{file}}, false)
	if p != nil || err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("%v, %v", p, err)
	}
	faults := log.Entries(t, "policy fault")
	if len(faults) == 0 || !strings.Contains(faults[0]["diagnostic"].(string), "did you mean hosts?") {
		t.Errorf("the log has %v: %s", faults, log)
	}
	servetest.Write(t, file, servetest.Allowing(servetest.OldPage))
	if p, err = h.Open(Config{Policy: []string{file}}, false); err != nil {
		t.Fatal(err)
	}
	p.Close()
}

// TestSnapshot: beside a refused policy, the snapshot is served, and the figures say so.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	c := Config{Policy: []string{file}, Snapshot: filepath.Join(t.TempDir(), "snapshot")}
	h, log := newHost()
	p, err := h.Open(c, false)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the snapshot is written", func() bool { m, _ := filepath.Glob(c.Snapshot); return len(m) > 0 })
	p.Close()
	servetest.Write(t, file, "what is this")
	if _, err := h.Open(c, true); err == nil {
		t.Error("beside a snapshot, policies with faults are valid")
	}
	if p, err = h.Open(c, false); err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	defer p.Close()
	if got, s := p.reason(t, servetest.OldPage), p.Stats(); got != "allowed" || !s.FromSnapshot || !s.IsRefused || s.Generation != 1 {
		t.Errorf("%s, %+v", got, s)
	}
}

// TestExpiredIsAChange: an origin set that expires ends what was remembered, although the engine stays.
func TestExpiredIsAChange(t *testing.T) {
	var s stats
	n := 0
	stop := s.OnChange(func() { n++ })
	s.Expired()
	stop()
	if s.Expired(); n != 1 {
		t.Errorf("%d changes", n)
	}
}

// TestAdmin: the probes are about the policies that were opened last, and end with the last.
func TestAdmin(t *testing.T) {
	t.Parallel()
	h, log := newHost()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if _, err := h.Open(Config{Policy: []string{servetest.PolicyFile(t)}, Admin: address}, false); err == nil {
		t.Error("an address that is in use is served")
	}
	free.Close()
	open := func() *Policies {
		p, err := h.Open(Config{Policy: []string{servetest.PolicyFile(t)}, Admin: address}, false)
		if err != nil {
			t.Fatalf("%v: %s", err, log)
		}
		return p
	}
	get := func(path string) string {
		answer, err := http.Get("http://" + address + path)
		if err != nil {
			return err.Error()
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.Status + " " + string(text)
	}
	first := open()
	if got := get("/livez"); got != "200 OK ok\n" {
		t.Errorf("/livez: %s", got)
	}
	second := open()
	want := "live policy: " + second.State().Hash
	if got := get("/readyz?verbose"); !strings.Contains(got, want) || !strings.HasPrefix(got, "200 OK ok\n") {
		t.Errorf("/readyz: %s, want %s", got, want)
	}
	if got := get("/metrics"); !strings.HasPrefix(got, "404") {
		t.Errorf("/metrics: %s", got)
	}
	if first.Close(); !strings.HasPrefix(get("/readyz"), "200") {
		t.Error("the end of the older policies ends the probes")
	}
	if second.Close(); !strings.Contains(get("/readyz"), "refused") {
		t.Errorf("the probes do not end: %s", get("/readyz"))
	}
}

// TestValidates: a validation reads the policies, and leaves alone what a running Envoy has.
func TestValidates(t *testing.T) {
	t.Parallel()
	h, log := newHost()
	file := servetest.PolicyFile(t)
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	snapshot := filepath.Join(t.TempDir(), "snapshot")
	p, err := h.Open(Config{Policy: []string{file}, Snapshot: snapshot, Admin: used.Addr().String()}, true)
	if err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	p.Close()
	if _, err := os.Stat(snapshot); !os.IsNotExist(err) {
		t.Errorf("there is a snapshot: %v", err)
	}
	servetest.Write(t, file, "what is this")
	if _, err := h.Open(Config{Policy: []string{file}}, true); err == nil {
		t.Error("policies with faults are valid")
	}
}

// TestLittleGarbage: the garbage that corsd serve lets accumulate would be a third of an Envoy's memory.
func TestLittleGarbage(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	h, log := newHost()
	p, err := h.Open(Config{Policy: []string{servetest.PolicyFile(t)}}, true)
	if err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	defer p.Close()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	// Negative while a collection runs.
	if garbage := int64(m.NextGC) - int64(m.HeapAlloc); garbage > 5<<20 { // Go lets every heap grow to some 4 MB
		t.Errorf("%d bytes of garbage may accumulate beside %d", garbage, m.HeapAlloc)
	}
}
