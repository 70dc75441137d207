package e2e_test

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/rawhttp"
)

// The answers that a client may get to a request of an allowed page to the cart.
var (
	readable = and(granted, varyBoth)
	failOpen = []string{varyBoth} // the application's answer, without its CORS headers
)

// TestOutage stops corsd and starts it again. Meanwhile responses have no CORS headers, not even the
// application's own, but no response is lost.
func TestOutage(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			b := start(t, p)
			b.expect(t, "before", get("/cart").from(page), 200, readable)
			t.Run("killed", b.killed)
			t.Run("started again", b.restarted)
			t.Run("frozen", b.frozen)
		})
	}
}

func (b *bench) killed(t *testing.T) {
	watch := b.watch(t)
	b.Corsd.Kill()
	if err := b.AwaitCorsd(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	watch.end(t)

	b.expect(t, "an allowed page", get("/cart").from(page), 200, failOpen)
	b.expect(t, "an unknown page", get("/cart").from(evil), 200, failOpen)
	b.expect(t, "a preflight is the application's", preflight("/cart", "PUT").from(page), 200, failOpen)
	b.expect(t, "a preflight behind authentication is refused", preflight("/admin", "PUT").from(page), 401, []string{varyOrigin})
	b.expect(t, "authentication still stands", get("/admin").from(page), 401, []string{varyOrigin})
	b.expect(t, "a path with Block is open", get("/blocked").from(evil), 200, failOpen)
	b.expect(t, "a WebSocket is connected unchecked", webSocket("/socket").from(evil), 101, []string{varyOrigin})
	b.expectClosed(t)
	b.expect(t, "a host in Shadow is as ever", get("/cart").at("legacy.shop.example").from(evil), 200, and(upstreams, vary("Accept-Encoding")))
}

func (b *bench) restarted(t *testing.T) {
	watch := b.watch(t)
	if err := b.StartCorsd(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.await(t, get("/cart").from(page), failOpen, readable)
	watch.end(t)
	b.expect(t, "an allowed page", get("/cart").from(page), 200, readable)
	b.expect(t, "a preflight", preflight("/cart", "PUT").from(page), 204, allGranted)
	b.expect(t, "the host that fails closed", get("/cart").at("office.shop.example").from(page), 200, readable)
	if b.profile != responseOnly { // which comes too late for Block
		b.expect(t, "it blocks", get("/cart").at("office.shop.example").from(evil), 403, []string{varyOrigin})
	}
}

// expectClosed makes requests to the virtual host that fails closed in all profiles but ext_authz.
func (b *bench) expectClosed(t *testing.T) {
	t.Helper()
	const office = "office.shop.example"
	if b.profile == extAuthz {
		b.expect(t, "ext_authz: nothing is blocked", get("/cart").at(office).from(evil), 200, failOpen)
		return
	}
	for _, from := range []string{page, evil} {
		b.expect(t, "a host that fails closed, "+from, get("/cart").at(office).from(from), 500, []string{varyOrigin})
		b.expect(t, "its preflight, "+from, preflight("/cart", "PUT").at(office).from(from), 500, []string{varyOrigin})
		b.expect(t, "its WebSocket, "+from, webSocket("/chat").at(office).from(from), 500, []string{varyOrigin})
	}
	b.expect(t, "a request without Origin", get("/cart").at(office), 200, failOpen)
}

// frozen stops corsd without ending it: connections stay, nothing answers. Envoy
// waits for half a second, and goes on without.
func (b *bench) frozen(t *testing.T) {
	b.Corsd.Signal(syscall.SIGSTOP)
	defer b.Corsd.Signal(syscall.SIGCONT)
	begin := time.Now()
	got := b.exchange(t, rawhttp.HTTP1, get("/cart").from(page))
	for !got.gaveUp && time.Since(begin) < time.Second { // the kernel stops it after a moment
		got = b.exchange(t, rawhttp.HTTP1, get("/cart").from(page))
	}
	if took := time.Since(begin); !got.gaveUp || took > 3*time.Second {
		t.Errorf("Envoy gave up: %v, after %v", got.gaveUp, took)
	}
	if diff := cmp.Diff(failOpen, corsLines(got.Response)); diff != "" {
		t.Errorf("CORS headers and Vary (-want +got):\n%s", diff)
	}
	// 504 while Envoy waits for an answer, and 500 once the health check has failed.
	closed := b.exchange(t, rawhttp.HTTP1, get("/cart").at("office.shop.example").from(page))
	if closed.Status != 504 && closed.Status != 500 && b.profile != extAuthz {
		t.Errorf("the host that fails closed: status %d, want 504", closed.Status)
	}
}

// expect makes a request over both protocols, and holds status and CORS headers.
func (b *bench) expect(t *testing.T, name string, r request, status int, cors []string) {
	t.Helper()
	for _, p := range []rawhttp.Protocol{rawhttp.HTTP1, rawhttp.HTTP2} {
		got := b.patiently(t, p, r)
		if got.Status != onProtocol(status, p) {
			t.Errorf("%s over %s: status %d, want %d", name, p, got.Status, status)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(cors)), corsLines(got.Response)); diff != "" {
			t.Errorf("%s over %s: CORS headers and Vary (-want +got):\n%s", name, p, diff)
		}
	}
}

// watch requests the cart as an allowed page, again and again, until its end.
type watch struct {
	stop chan struct{}
	seen chan map[string]int
}

func (b *bench) watch(t *testing.T) watch {
	w := watch{make(chan struct{}), make(chan map[string]int)}
	go func() {
		seen := map[string]int{}
		for {
			select {
			case <-w.stop:
				w.seen <- seen
				return
			case <-t.Context().Done(): // the test failed before the end
				return
			case <-time.After(20 * time.Millisecond):
			}
			got, err := rawhttp.HTTP1.Do(t.Context(), b.Envoy.Address, rawhttp.Request(get("/cart").from(page)))
			if err != nil {
				seen[err.Error()]++
			} else {
				seen[strings.Join(corsLines(got), "\n")]++
			}
		}
	}()
	return w
}

// end fails the test if the client ever got anything but the two answers that it
// may get.
func (w watch) end(t *testing.T) {
	t.Helper()
	close(w.stop)
	for answer, n := range <-w.seen {
		switch answer {
		case strings.Join(slices.Sorted(slices.Values(readable)), "\n"), strings.Join(failOpen, "\n"):
		default:
			t.Errorf("%d times the client got %q", n, answer)
		}
	}
}

// TestReload changes the policy under a running mesh.
func TestReload(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			b := start(t, p)
			b.expect(t, "before", get("/cart").from(page), 200, readable)
			b.expect(t, "before", get("/cart").from(evil), 200, failOpen)

			b.writePolicy(t, func(policy string) string { return strings.ReplaceAll(policy, page, evil) })
			b.await(t, get("/cart").from(page), readable, failOpen)
			theirs := slices.Clone(readable)
			theirs[slices.Index(theirs, acao)] = "access-control-allow-origin: " + evil
			b.expect(t, "after", get("/cart").from(evil), 200, theirs)

			// A policy that is refused changes nothing.
			b.writePolicy(t, func(string) string { return "kind: CORSPolicy\n" })
			b.awaitCorsdSays(t, "missing_field")
			b.expect(t, "after a bad policy", get("/cart").from(evil), 200, theirs)
		})
	}
}

// writePolicy replaces the policy as editors and Kubernetes do: all at once.
func (b *bench) writePolicy(t *testing.T, change func(string) string) {
	t.Helper()
	old, err := os.ReadFile(b.policy)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.policy+".new", []byte(change(string(old))), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b.policy+".new", b.policy); err != nil {
		t.Fatal(err)
	}
}

// await repeats a request whose CORS headers are the old ones until they are the
// new ones. There is nothing between.
func (b *bench) await(t *testing.T, r request, old, new []string) {
	t.Helper()
	old, new = slices.Sorted(slices.Values(old)), slices.Sorted(slices.Values(new))
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		lines := corsLines(b.patiently(t, rawhttp.HTTP1, r).Response)
		if slices.Equal(lines, new) {
			return
		}
		if diff := cmp.Diff(old, lines); diff != "" {
			t.Fatalf("CORS headers and Vary are neither the old ones nor the new ones (-old +got):\n%s", diff)
		}
	}
	t.Fatalf("CORS headers and Vary never became %q", new)
}

func (b *bench) awaitCorsdSays(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if strings.Contains(b.Corsd.Output(), text) {
			return
		}
	}
	t.Fatalf("corsd never said %q", text)
}
