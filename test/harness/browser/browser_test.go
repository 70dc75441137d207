package browser_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/browser"
)

// serve starts a TLS server that answers every request with a page. The page shows the request's cookies.
func serve(t *testing.T, c *browser.Certificate) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{
		ReadHeaderTimeout: time.Second,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{c.TLS}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes"})
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, "<!doctype html><title>%s</title><p>%s %s", r.Host, r.Proto, r.Header.Get("Cookie"))
		}),
	}
	go func() { _ = s.ServeTLS(l, "", "") }()
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// start runs a browser for which every https URL leads to that server.
func start(t *testing.T, k browser.Kind) browser.Browser {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short: needs a real browser")
	}
	c, err := browser.NewCertificate(t.TempDir(), "*.shop.example")
	if err != nil {
		t.Fatal(err)
	}
	names, err := browser.NewNames()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { names.Close() })
	names.Lead("*.shop.example:443", serve(t, c))
	b, err := k.Start(t.Context(), browser.Options{Names: names, Certificate: c})
	if errors.Is(err, browser.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func open(t *testing.T, p browser.Profile, url string) browser.Page {
	t.Helper()
	page, err := p.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func newProfile(t *testing.T, b browser.Browser) browser.Profile {
	t.Helper()
	p, err := b.NewProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func call(t *testing.T, p browser.Page, function string, argument any) (result string) {
	t.Helper()
	if err := browser.Call(t.Context(), p, function, argument, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

func TestBrowsers(t *testing.T) {
	const text = `async () => document.title + ": " + document.body.textContent`
	for _, k := range browser.Kinds() {
		t.Run(string(k), func(t *testing.T) {
			b := start(t, k)
			one := newProfile(t, b)
			page := open(t, one, "https://www.shop.example/")
			if got := call(t, page, text, nil); got != "www.shop.example: HTTP/2.0 " {
				t.Errorf("a name leads to a server, over TLS and HTTP/2: got %q", got)
			}
			if got := call(t, open(t, one, "https://www.shop.example/"), text, nil); got != "www.shop.example: HTTP/2.0 seen=yes" {
				t.Errorf("pages of a profile share cookies: got %q", got)
			}
			if got := call(t, open(t, newProfile(t, b), "https://www.shop.example/"), text, nil); got != "www.shop.example: HTTP/2.0 " {
				t.Errorf("another profile has none: got %q", got)
			}
			if got := call(t, page, `async (argument) => argument + 1`, "one"); got != "one1" {
				t.Errorf("an argument and a result: got %q", got)
			}
			if err := browser.Call(t.Context(), page, `async () => { throw new Error("thrown") }`, nil, nil); err == nil || !strings.Contains(err.Error(), "thrown") {
				t.Errorf("what a page throws is an error: got %v", err)
			}
			if _, err := one.Open(t.Context(), "http://www.shop.example/"); err == nil {
				t.Error("a name that leads nowhere opens no page")
			}
		})
	}
}

// The browser writes to its console why it refuses a request to another origin.
func TestConsole(t *testing.T) {
	for _, k := range browser.Kinds() {
		t.Run(string(k), func(t *testing.T) {
			page := open(t, newProfile(t, start(t, k)), "https://www.shop.example/")
			call(t, page, `async (url) => { try { await fetch(url); return "read" } catch { return "refused" } }`, "https://api.shop.example/")
			var all []string
			for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline) && len(all) == 0; time.Sleep(10 * time.Millisecond) {
				all = page.Console()
			}
			if text := strings.Join(all, "\n"); !strings.Contains(text, "Access-Control-Allow-Origin") {
				t.Errorf("console: %q", text)
			}
		})
	}
}

func TestFind(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, tt := range []struct {
		name     string
		chromium string
		required string
		want     string // in the error
		missing  bool
	}{
		{name: "nowhere: it is missing", want: "Chromium is not on PATH", missing: true},
		{name: "nowhere, and it is required: a fault", required: "1", want: "CORSD_TEST_COMPLETE is set"},
		{name: "the variable names nothing that there is: a fault", chromium: "/nowhere/chromium", want: "CHROMIUM=/nowhere/chromium"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("CHROMIUM", tt.chromium)
			t.Setenv("CORSD_TEST_COMPLETE", tt.required)
			_, err := browser.Chromium.Find()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
			if errors.Is(err, browser.ErrMissing) != tt.missing {
				t.Errorf("ErrMissing: %v, want %v", !tt.missing, tt.missing)
			}
		})
	}
}
