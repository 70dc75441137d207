package page_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/browser"
	"github.com/corsd/corsd/test/harness/envoy"
)

// Two origins of one site share the browser's HTTP cache. If Vary of a response does not name
// Origin, the browser reuses the response for the first origin and refuses it for the second. Envoy's own cors filter has this fault.
func TestNativeFilterPoisonsTheCache(t *testing.T) {
	inEach(t, func(t *testing.T, b browser.Browser) {
		m := &mirror{}
		startNative(t, m)
		profile := newProfile(t, b)
		first, second := tab(t, profile, "https://"+app1), tab(t, profile, "https://"+app2)
		url := "https://" + api + "/mirror/cached"
		readable(200, "kept").check(t, b.Kind(), first, get(url).from(t, first))
		refused(words{
			browser.Chromium: "The 'Access-Control-Allow-Origin' header has a value 'https://app1.shop.example' that is not equal to the supplied origin.",
			browser.Firefox:  "CORS header ‘Access-Control-Allow-Origin’ does not match ‘https://app1.shop.example’",
		}).check(t, b.Kind(), second, get(url).from(t, second))
		if diff := cmp.Diff([]string{"GET /mirror/cached"}, m.lines()); diff != "" {
			t.Errorf("the application was asked once, and the second answer came from the cache (-want +got):\n%s", diff)
		}
	})
}

// startNative runs Envoy's own cors filter for the length of a test.
func startNative(t *testing.T, m *mirror) {
	t.Helper()
	config, err := envoy.LoadConfig(filepath.Join("testdata", "native-cors.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	withTLS(t, config, http2)
	if err := config.Resolve(map[string]string{"127.0.0.1:8082": serve(t, m)}); err != nil {
		t.Fatal(err)
	}
	e, err := binary.Start(t.Context(), config, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	lead(http2, e.Address)
}

// With corsd each origin gets an answer of its own, of which the browser keeps one.
func TestCacheIsNotPoisoned(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			g := through(t, p, http2)
			inEach(t, func(t *testing.T, b browser.Browser) {
				t.Run("kept for one origin, asked for again by the other", func(t *testing.T) { g.checkKept(t, b, api) })
				t.Run("a 304 for the other origin lets that read what is kept", func(t *testing.T) { g.checkRevalidated(t, b, api) })
				t.Run("what an image has left in the cache is no answer to a page's fetch", func(t *testing.T) { g.checkAfterImage(t, b) })
				if p == extAuthz {
					return // which leaves Vary to virtual hosts
				}
				const bare = "bare.shop.example"
				t.Run("also where no virtual host adds Vary", func(t *testing.T) { g.checkKept(t, b, bare) })
				t.Run("and on its 304", func(t *testing.T) { g.checkRevalidated(t, b, bare) })
			})
		})
	}
}

func (g *gateway) checkKept(t *testing.T, b browser.Browser, host string) {
	profile := newProfile(t, b)
	first, second := tab(t, profile, "https://"+app1), tab(t, profile, "https://"+app2)
	url := "https://" + host + "/mirror/cached"
	g.mirror.take()
	for _, page := range []browser.Page{first, first, second, second} {
		readable(200, "kept").check(t, b.Kind(), page, get(url).from(t, page))
	}
	if diff := cmp.Diff([]string{"GET /mirror/cached", "GET /mirror/cached"}, g.mirror.lines()); diff != "" {
		t.Errorf("the application was asked once for each origin (-want +got):\n%s", diff)
	}
}

func (g *gateway) checkRevalidated(t *testing.T, b browser.Browser, host string) {
	profile := newProfile(t, b)
	first, second := tab(t, profile, "https://"+app1), tab(t, profile, "https://"+app2)
	url := "https://" + host + "/mirror/checked"
	g.mirror.take()
	for _, page := range []browser.Page{first, first, second, first} {
		readable(200, "checked", "etag").check(t, b.Kind(), page, get(url).from(t, page))
	}
	requests := g.mirror.take()
	if len(requests) != 4 {
		t.Fatalf("the application was asked %d times, want 4: it is to be asked each time", len(requests))
	}
	if requests[1].Header.Get("If-None-Match") == "" {
		t.Error("the second request asks for the whole again, so no 304 was tried")
	}
}

// An image is asked for without an Origin, and corsd is not asked about that. Its
// answer has to vary by Origin all the same.
func (g *gateway) checkAfterImage(t *testing.T, b browser.Browser) {
	page := tab(t, newProfile(t, b), "https://"+app1)
	url := "https://" + api + "/mirror/cached"
	g.mirror.take()
	const load = `(url) => new Promise((resolve) => {
		const image = new Image();
		image.onload = image.onerror = () => resolve("asked");
		image.src = url;
	})`
	var asked string
	if err := browser.Call(t.Context(), page, load, url, &asked); err != nil {
		t.Fatal(err)
	}
	readable(200, "kept").check(t, b.Kind(), page, get(url).from(t, page))
	if diff := cmp.Diff([]string{"GET /mirror/cached", "GET /mirror/cached"}, g.mirror.lines()); diff != "" {
		t.Errorf("the application was asked once for each (-want +got):\n%s", diff)
	}
}
