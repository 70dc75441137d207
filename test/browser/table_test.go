package page_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/browser"
)

// row is a request of a page, and the part of the response that it can see.
type row struct {
	name   string // a sentence
	page   string // its host, www unless set; with a path if it is not a page of the shop
	ask    ask
	want   want
	unlike map[string]want // where a profile, by its name, does something else
}

// want has the headers that the page sees. It must not see others.
type want struct {
	outcome string // readable, opaque or refused
	status  int
	sees    []string // of the headers that the table is about, those that it sees
	body    string   // a part of it
	says    words    // the browser's own, of a refusal
	why     string   // a profile is unlike the others
}

// subjects are the response headers that the table is about: the application's own.
// X-Cost it exposes itself, which counts for nothing.
var subjects = []string{"etag", "x-cost"}

// words are the messages on the browsers' consoles.
type words map[browser.Kind]string

var (
	noOrigin = words{
		browser.Chromium: "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
		browser.Firefox:  "CORS header ‘Access-Control-Allow-Origin’ missing",
	}
	noOriginOnPreflight = words{
		browser.Chromium: "Response to preflight request doesn't pass access control check: No 'Access-Control-Allow-Origin' header is present on the requested resource.",
		browser.Firefox:  "CORS header ‘Access-Control-Allow-Origin’ missing). Status code: 403",
	}
	anyWithCookies = words{
		browser.Chromium: "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.",
		browser.Firefox:  "Credential is not supported if the CORS header ‘Access-Control-Allow-Origin’ is ‘*’",
	}
)

func methodRefused(method string) words {
	return words{
		browser.Chromium: "Method " + method + " is not allowed by Access-Control-Allow-Methods in preflight response.",
		browser.Firefox:  "Did not find method in CORS header ‘Access-Control-Allow-Methods’",
	}
}

func headerRefused(name string) words {
	return words{
		browser.Chromium: "Request header field " + name + " is not allowed by Access-Control-Allow-Headers in preflight response.",
		browser.Firefox:  "header ‘" + name + "’ is not allowed according to header ‘Access-Control-Allow-Headers’ from CORS preflight response",
	}
}

func readable(status int, body string, sees ...string) want {
	return want{outcome: "readable", status: status, sees: sees, body: body}
}

func refused(says words) want { return want{outcome: "refused", says: says} }

var opaque = want{outcome: "opaque"}

// because adds the reason why a profile differs from the others.
func (w want) because(why string) want { w.why = why; return w }

const (
	notRouted = "Envoy does not ask ext_authz where no route matches"
	neverSees = "ext_authz never sees the response, so the virtual host strips it and corsd overrides"
)

func TestTable(t *testing.T) {
	rows := slices.Concat(simple, preflighted, gatewaysOwn, redirected, nullOrigins, upstreamsOwn)
	for _, p := range profiles {
		for _, tr := range transports {
			t.Run(p.name+" by "+tr.name, func(t *testing.T) {
				g := through(t, p, tr)
				inEach(t, func(t *testing.T, b browser.Browser) { g.check(t, b, rows) })
				g.checkTransport(t)
			})
		}
	}
}

// check asks all rows in one profile of a browser, each from a page that has been
// opened for its first row.
func (g *gateway) check(t *testing.T, b browser.Browser, rows []row) {
	profile, pages := newProfile(t, b), map[string]browser.Page{}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			host := cmp.Or(r.page, www)
			page := pages[host]
			if page == nil {
				page = tab(t, profile, g.transport.url(host))
				pages[host] = page
			}
			w := r.wantFor(g.profile)
			ask := r.ask
			ask.URL = g.transport.url(ask.URL)
			w.check(t, b.Kind(), page, ask.from(t, page))
			if t.Failed() && w.why != "" {
				t.Logf("this profile differs: %s", w.why)
			}
		})
	}
}

func (r row) wantFor(p *profile) want {
	if w, ok := r.unlike[p.name]; ok {
		return w
	}
	return r.want
}

func (w want) check(t *testing.T, k browser.Kind, p browser.Page, got seen) {
	t.Helper()
	if got.Outcome != w.outcome || got.Status != w.status {
		t.Errorf("%s %d, want %s %d", got.Outcome, got.Status, w.outcome, w.status)
	}
	if !strings.Contains(got.Body, w.body) {
		t.Errorf("body %q, want %q in it", got.Body, w.body)
	}
	sees := got.names()
	for _, name := range subjects {
		if slices.Contains(sees, name) != slices.Contains(w.sees, name) {
			t.Errorf("sees %s: %v, want %v", name, slices.Contains(sees, name), slices.Contains(w.sees, name))
		}
	}
	if w.says == nil {
		return
	}
	if said, ok := console(p, w.says[k]); !ok {
		t.Errorf("the console does not say %q, but:\n%s", w.says[k], said)
	}
}

// checkTransport: all went by the transport that the test is about.
func (g *gateway) checkTransport(t *testing.T) {
	stats, err := g.Envoy.Stats(t.Context(), `^http\.ingress\.downstream_cx_(http1|http2|ssl)_total$`)
	if err != nil {
		t.Fatal(err)
	}
	for name, used := range map[string]bool{"http1": len(g.transport.alpn) < 2, "http2": len(g.transport.alpn) == 2, "ssl": g.transport.alpn != nil} {
		if n := stats["http.ingress.downstream_cx_"+name+"_total"]; n > 0 != used {
			t.Errorf("%d connections of %s", n, name)
		}
	}
}
