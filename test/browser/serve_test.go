package page_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/browser"
)

// Who asks. These are the hosts of pages, which no Envoy serves.
const (
	www   = "www.shop.example"  // allowed
	app1  = "app1.shop.example" // allowed, and of one site with
	app2  = "app2.shop.example" // which is allowed, too
	evil  = "www.evil.example"  // not allowed
	admin = "admin.shop.example"
)

// servePages serves an empty page for each host of pages, over http and https, until
// the program ends.
func servePages() error {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	secure, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate.TLS}})
	if err != nil {
		return err
	}
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(page)}
	for _, l := range []net.Listener{plain, secure} {
		go func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				fmt.Fprintln(os.Stderr, "pages:", err)
			}
		}()
	}
	pages = map[string]string{"http": plain.Addr().String(), "https": secure.Addr().String()}
	for _, host := range []string{www, app1, app2, evil, admin} {
		leadPage("http", host)
		leadPage("https", host)
	}
	return nil
}

// pages are the addresses of pages, by scheme.
var pages map[string]string

// leadPage lets a host, with or without a port, be one of pages.
func leadPage(scheme, host string) {
	if !strings.Contains(host, ":") {
		host += ":" + ports[scheme]
	}
	names.Lead(host, pages[scheme])
}

var ports = map[string]string{"http": "80", "https": "443"}

// page answers with an empty page, or redirects to the URL that stands behind /to/.
func page(w http.ResponseWriter, r *http.Request) {
	if to, ok := strings.CutPrefix(r.URL.Path, "/to/"); ok {
		w.Header().Set("Location", strings.Replace(to, ":/", "://", 1))
		w.WriteHeader(http.StatusFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!doctype html><title>%s</title><link rel=icon href=data:,>\n", r.Host)
}

// lead leads all test names that are not pages' to an address.
func lead(tr transport, address string) {
	names.Lead("*.example:"+ports[tr.scheme], address)
}

// serve serves a handler for the length of a test.
func serve(t *testing.T, h http.Handler) (address string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// mirror is an application that keeps the requests that it received.
//
//	/mirror/cookies   answers with the cookies that it got; sets one
//	/mirror/cached    may be cached for ten minutes, and has no Vary
//	/mirror/picture   is one
//	/mirror/checked   may be cached, but must be revalidated: 304 for its ETag
//	/stock            answers preflights itself, as an application that judges each
//	                  method but names all: DELETE is not for www.shop.example
//
// The last three allow the requesting page by their own headers.
type mirror struct {
	mu   sync.Mutex
	seen []*http.Request
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.seen = append(m.seen, r)
	m.mu.Unlock()
	switch r.URL.Path {
	case "/mirror/cookies":
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s3cret", Path: "/"})
		fmt.Fprintf(w, "cookies: %s", r.Header.Get("Cookie"))
	case "/mirror/cached":
		w.Header().Set("Cache-Control", "max-age=600")
		fmt.Fprint(w, "kept")
	case "/mirror/picture":
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`)
	case "/mirror/checked":
		checked(w, r)
	case "/stock":
		stock(w, r)
	}
}

func checked(w http.ResponseWriter, r *http.Request) {
	const tag = `"v1"`
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	fmt.Fprint(w, "checked")
}

func stock(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	w.Header().Set("Access-Control-Allow-Origin", origin)
	if r.Method != http.MethodOptions {
		return
	}
	if r.Header.Get("Access-Control-Request-Method") == http.MethodDelete && strings.HasSuffix(origin, www) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	w.Header().Set("Access-Control-Allow-Methods", "PUT, DELETE")
	w.Header().Set("Access-Control-Max-Age", "600")
}

// take returns the requests that have come since the last call.
func (m *mirror) take() []*http.Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := m.seen
	m.seen = nil
	return seen
}

// lines returns methods and paths of the requests since the last call.
func (m *mirror) lines() []string {
	var lines []string
	for _, r := range m.take() {
		lines = append(lines, r.Method+" "+r.URL.Path)
	}
	return lines
}

// tab opens a page for the length of a test's profile.
func tab(t *testing.T, p browser.Profile, url string) browser.Page {
	t.Helper()
	page, err := p.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// newProfile returns a profile that is closed at the end of the test.
func newProfile(t *testing.T, b browser.Browser) browser.Profile {
	t.Helper()
	p, end := openProfile(t, b)
	t.Cleanup(end)
	return p
}

// openProfile returns a profile that is closed when end is called.
func openProfile(t *testing.T, b browser.Browser) (p browser.Profile, end func()) {
	t.Helper()
	p, err := b.NewProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p, func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}
