package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// fault is something that happens to an instance of corsd, and is mended.
type fault struct {
	name  string
	begin func(*mesh.Instance)
	end   func(context.Context, *mesh.Instance) error

	rounds   int
	requests int // how many requests end before the fault does
	better   int // how many times as many requests fail open without retries, at least
}

var faults = []fault{
	{
		name:   "killed",
		begin:  (*mesh.Instance).Kill,
		end:    func(ctx context.Context, i *mesh.Instance) error { return i.Start(ctx) },
		rounds: 3, requests: 40, better: 4,
	},
	{
		// Longer than the 0.5 s that Envoy waits for an answer.
		name:   "hanging",
		begin:  func(i *mesh.Instance) { i.Signal(syscall.SIGSTOP) },
		end:    func(_ context.Context, i *mesh.Instance) error { i.Signal(syscall.SIGCONT); return nil },
		rounds: 2, requests: 140, better: 2,
	},
}

// TestOneOfTwo takes one of two corsd away, again and again, under the shipped
// configuration and under one that does not ask the other. It compares the two,
// so that it does not depend on how fast the machine is.
func TestOneOfTwo(t *testing.T) {
	for _, p := range shipped {
		t.Run(p.name, func(t *testing.T) {
			with := startInstances(t, p, 2, func(*envoy.Config) error { return nil })
			without := startInstances(t, p, 2, withoutRetries)
			for _, f := range faults {
				t.Run(f.name, func(t *testing.T) { f.compare(t, with, without) })
			}
		})
	}
}

// withoutRetries removes what makes Envoy ask another instance.
func withoutRetries(c *envoy.Config) error {
	options := []string{
		"static_resources", "clusters", "corsd",
		"typed_extension_protocol_options", "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
	}
	keepalive := []string{"explicit_http_config", "http2_protocol_options", "connection_keepalive"}
	return errors.Join(
		c.Delete(slices.Concat(options, []string{"retry_policy"})...),
		c.Delete(slices.Concat(options, keepalive)...))
}

func (f fault) compare(t *testing.T, with, without *bench) {
	retried, lost := f.happen(t, with), f.happen(t, without)
	t.Logf("with retries %v, without %v", retried, lost)
	if lost.open*20 < lost.all {
		t.Errorf("without retries %v: the fault has no effect", lost)
	}
	if retried.open*lost.all*f.better > lost.open*retried.all {
		t.Errorf("with retries %v, without %v", retried, lost)
	}
}

// happen lets the fault happen to the instances in turn, and counts what the clients get.
func (f fault) happen(t *testing.T, b *bench) tally {
	t.Helper()
	toApp := b.toApplication(t)
	l := b.load(t.Context())
	for round := range f.rounds {
		instance := b.Instances[round%len(b.Instances)]
		l.await(t, l.tally().all+f.requests/4)
		f.begin(instance)
		l.await(t, l.tally().all+f.requests)
		if err := f.end(t.Context(), instance); err != nil {
			t.Fatal(err)
		}
		if err := b.AwaitCorsd(t.Context(), len(b.Instances)); err != nil {
			t.Fatal(err)
		}
	}
	seen := l.end()
	for answer, n := range seen.wrong {
		t.Errorf("%d times the client got %q", n, answer)
	}
	if got := b.toApplication(t) - toApp; got != seen.toApp {
		t.Errorf("the application got %d requests, want %d: each once, and none that was blocked", got, seen.toApp)
	}
	return seen
}

// toApplication is how many requests Envoy has sent to the application.
func (b *bench) toApplication(t *testing.T) int {
	t.Helper()
	const counter = "cluster.app.upstream_rq_total"
	stats, err := b.Envoy.Stats(t.Context(), "^"+counter+"$")
	if err != nil {
		t.Fatal(err)
	}
	return stats[counter]
}

// tally counts the responses of clients.
type tally struct {
	all, open int
	toApp     int            // how many the application answered
	wrong     map[string]int // what no client may get
}

func (s tally) String() string { return fmt.Sprintf("%d of %d fail open", s.open, s.all) }

// load makes requests at a steady rate, whether or not those before have ended:
// for the cart from an allowed page, and for a path with Block from an unknown one.
type load struct {
	stop    context.CancelFunc
	clients sync.WaitGroup
	mu      sync.Mutex
	seen    tally
}

func (b *bench) load(ctx context.Context) *load {
	l := &load{seen: tally{wrong: map[string]int{}}}
	until, stop := context.WithCancel(ctx)
	l.stop = stop
	l.clients.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-until.Done():
				return
			case <-tick.C:
				l.clients.Go(func() { l.ask(ctx, b.Envoy.Address, i%4 == 0) })
			}
		}
	})
	return l
}

func (l *load) ask(ctx context.Context, address string, blocked bool) {
	r, want := get("/cart").from(page), fmt.Sprint(200, slices.Sorted(slices.Values(readable)))
	if blocked {
		r, want = do("DELETE", "/blocked").from(evil), fmt.Sprint(403, []string{varyOrigin})
	}
	r.Close = true
	got, err := rawhttp.HTTP1.Do(ctx, address, rawhttp.Request(r))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen.all++
	if err != nil {
		l.seen.wrong[err.Error()]++
		return
	}
	if got.Status == 200 {
		l.seen.toApp++
	}
	switch answer := fmt.Sprint(got.Status, corsLines(got)); answer {
	case want:
	case fmt.Sprint(200, failOpen):
		l.seen.open++
	default:
		l.seen.wrong[answer]++
	}
}

func (l *load) tally() tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

// await waits until so many requests have ended.
func (l *load) await(t *testing.T, requests int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); l.tally().all < requests; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d requests have ended, not %d", l.tally().all, requests)
		}
	}
}

// end returns what the clients got once all have their answer.
func (l *load) end() tally {
	l.stop()
	l.clients.Wait()
	return l.seen
}
