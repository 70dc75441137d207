package gateways

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/rawhttp"
)

// kind is a way to call corsd: a column of docs/gateways.md.
type kind string

const (
	istio    kind = "Istio"
	extAuthz kind = "Istio, ext_authz"
	eg       kind = "Envoy Gateway"
)

// row is a request and the client's response.
type row struct {
	name    string
	request request
	want    want
	unlike  map[kind]want
	only    []kind // nil for all
}

// want is a response. CORS headers that it does not list must be absent.
type want struct {
	status   int
	cors     []string
	messages int    // to corsd, or uncounted
	reason   string // in the access log, "-" if corsd is not called
}

// uncounted are messages while corsd is dead: Envoy counts some that it could not send.
const uncounted = -1

// request is a request in the words of a row.
type request rawhttp.Request

func do(method, path string) request {
	return request{Method: method, Authority: "api.shop.example", Path: path, Close: true}
}

func get(path string) request { return do("GET", path) }

func preflight(path, method string) request {
	return do("OPTIONS", path).with("Access-Control-Request-Method", method)
}

func (r request) at(host string) request { r.Authority = host; return r }

func (r request) from(origin string) request { return r.with("Origin", origin) }

func (r request) with(name, value string) request {
	r.Header = append(slices.Clone(r.Header), rawhttp.Field{Name: name, Value: value})
	return r
}

func webSocket(path string) request {
	r := get(path)
	r.Text, r.Close = "ping", false
	return r
}

// Who asks.
const (
	page = "https://www.shop.example" // allowed
	evil = "https://evil.example"     // not allowed
)

// Header lines of testdata/policy.yaml, and those of the application itself.
var (
	acao       = "access-control-allow-origin: " + page
	acac       = "access-control-allow-credentials: true"
	acam       = "access-control-allow-methods: GET, PUT, DELETE"
	acah       = "access-control-allow-headers: Content-Type"
	aceh       = "access-control-expose-headers: ETag"
	acma       = "access-control-max-age: 600"
	granted    = []string{acao, acac, aceh}
	allGranted = []string{acao, acac, acam, acah, acma, aceh, varyPreflight}
	upstreams  = []string{"access-control-allow-origin: *", acac, "access-control-expose-headers: X-Cost"}

	varyOrigin    = "vary: Origin"
	varyCart      = "vary: Accept-Encoding, Origin"
	varyPreflight = "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
)

func and(lines []string, more ...string) []string { return append(slices.Clone(lines), more...) }

func (r row) wantFor(k kind) want {
	if w, ok := r.unlike[k]; ok {
		return w
	}
	w := r.want
	if k.isModule() {
		w.messages = 0
	}
	if k == extAuthz { // which has no second message
		w.messages = min(w.messages, 1)
	}
	return w
}

// play makes the requests of the rows, and returns a cell of the page for each; "" for a row of other kinds.
func (s *suite) play(t *testing.T, k kind, rows []row) []string {
	t.Helper()
	cells := make([]string, len(rows))
	for i, r := range rows {
		if r.only != nil && !slices.Contains(r.only, k) {
			continue
		}
		t.Run(r.name, func(t *testing.T) { cells[i] = s.check(t, r.request, r.wantFor(k)) })
	}
	return cells
}

// check makes a request and compares the response. It returns a description of the response.
func (s *suite) check(t *testing.T, r request, w want) string {
	before := s.messages(t)
	got, err := rawhttp.HTTP1.Do(t.Context(), s.envoy.Address, rawhttp.Request(r))
	if err != nil {
		t.Fatal(err)
	}
	reason, messages := s.reason(t), s.messages(t)-before
	if got.Status != w.status {
		t.Errorf("status %d, want %d", got.Status, w.status)
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(w.cors)), corsLines(got)); diff != "" {
		t.Errorf("CORS headers and Vary (-want +got):\n%s", diff)
	}
	if w.messages == uncounted {
		messages = uncounted
	}
	if messages != w.messages {
		t.Errorf("Envoy sent corsd %d messages, want %d", messages, w.messages)
	}
	if reason != w.reason {
		t.Errorf("reason %s, want %s", reason, w.reason)
	}
	return describe(got, messages)
}

// corsLines returns all CORS headers and Vary, sorted. Envoy chooses how the list in Vary is spaced.
func corsLines(r *rawhttp.Response) []string {
	var lines []string
	for _, line := range r.CORS() {
		if list, ok := strings.CutPrefix(line, "vary: "); ok {
			names := strings.Split(list, ",")
			for i := range names {
				names[i] = strings.TrimSpace(names[i])
			}
			line = "vary: " + strings.Join(names, ", ")
		}
		lines = append(lines, line)
	}
	return lines
}

// describe is a response in a cell of the page.
func describe(r *rawhttp.Response, messages int) string {
	whose := "no CORS headers"
	switch origins := r.Get("access-control-allow-origin"); {
	case slices.Equal(origins, []string{page}):
		whose = "granted"
	case len(origins) > 0:
		whose = "the application's headers"
	}
	if messages == uncounted {
		return fmt.Sprintf("%d, %s", r.Status, whose)
	}
	return fmt.Sprintf("%d, %s; %d", r.Status, whose, messages)
}
