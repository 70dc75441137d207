package fetch_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/fetch"
)

const (
	page = "https://www.shop.example"
	api  = "https://api.shop.example"
)

// lines makes headers of lines.
func lines(all ...string) []fetch.Header {
	var headers []fetch.Header
	for _, line := range all {
		name, value, _ := strings.Cut(line, ": ")
		headers = append(headers, fetch.Header{Name: name, Value: value})
	}
	return headers
}

func TestDo(t *testing.T) {
	from := "access-control-allow-origin: " + page
	for _, tt := range []struct {
		name      string
		ask       string   // method, mode and credentials
		headers   []string // that the page sets
		preflight string   // its status and header lines, separated by "; "
		actual    []string // header lines, beside etag, x-cost and set-cookie
		want      string   // the outcome, and the headers that the page sees
		sent      []string // methods
	}{
		{name: "the page's origin: readable", ask: "GET cors omit", actual: []string{from}, want: "readable", sent: []string{"GET"}},
		{name: "no header: refused", ask: "GET cors omit", want: "refused", sent: []string{"GET"}},
		{name: "another origin: refused", ask: "GET cors omit", actual: []string{from + ".evil"}, want: "refused", sent: []string{"GET"}},
		{name: "the same twice: refused", ask: "GET cors omit", actual: []string{from, from}, want: "refused", sent: []string{"GET"}},
		{name: "any: readable", ask: "GET cors same-origin", actual: []string{"access-control-allow-origin: *"}, want: "readable", sent: []string{"GET"}},
		{name: "any, with credentials: refused", ask: "GET cors include", actual: []string{"access-control-allow-origin: *", "access-control-allow-credentials: true"}, want: "refused", sent: []string{"GET"}},
		{name: "with credentials that are not allowed: refused", ask: "GET cors include", actual: []string{from}, want: "refused", sent: []string{"GET"}},
		{name: "with credentials that are allowed in another case: refused", ask: "GET cors include", actual: []string{from, "access-control-allow-credentials: True"}, want: "refused", sent: []string{"GET"}},
		{name: "with credentials that are allowed: readable", ask: "GET cors include", actual: []string{from, "access-control-allow-credentials: true"}, want: "readable", sent: []string{"GET"}},
		{name: "exposed headers are seen", ask: "GET cors omit", actual: []string{from, "access-control-expose-headers: X-Cost,,ETag"}, want: "readable etag x-cost", sent: []string{"GET"}},
		{name: "all are, but cookies", ask: "GET cors omit", actual: []string{from, "access-control-expose-headers: *"}, want: "readable access-control-allow-origin access-control-expose-headers etag x-cost", sent: []string{"GET"}},
		{name: "with credentials * is a name", ask: "GET cors include", actual: []string{from, "access-control-allow-credentials: true", "access-control-expose-headers: *"}, want: "readable", sent: []string{"GET"}},
		{name: "one bad name and the list counts for nothing", ask: "GET cors omit", actual: []string{from, "access-control-expose-headers: ETag, b@d"}, want: "readable", sent: []string{"GET"}},
		{name: "a preflight that grants the method", ask: "PUT cors omit", preflight: "204; " + from + "; access-control-allow-methods: GET, PUT", actual: []string{from}, want: "readable", sent: []string{"OPTIONS", "PUT"}},
		{name: "in another case the standard corrects", ask: "put cors omit", preflight: "204; " + from + "; access-control-allow-methods: PUT", actual: []string{from}, want: "readable", sent: []string{"OPTIONS", "PUT"}},
		{name: "in another case it does not correct", ask: "patch cors omit", preflight: "204; " + from + "; access-control-allow-methods: PATCH", want: "refused", sent: []string{"OPTIONS"}},
		{name: "a preflight that does not name it", ask: "PATCH cors omit", preflight: "204; " + from + "; access-control-allow-methods: PUT", want: "refused", sent: []string{"OPTIONS"}},
		{name: "a preflight with a status that is no success", ask: "PUT cors omit", preflight: "403; " + from + "; access-control-allow-methods: PUT", want: "refused", sent: []string{"OPTIONS"}},
		{name: "a preflight for nobody", ask: "PUT cors omit", preflight: "204; access-control-allow-methods: PUT", want: "refused", sent: []string{"OPTIONS"}},
		{name: "any method", ask: "PATCH cors omit", preflight: "204; " + from + "; access-control-allow-methods: *", actual: []string{from}, want: "readable", sent: []string{"OPTIONS", "PATCH"}},
		{name: "any method, with credentials", ask: "PATCH cors include", preflight: "204; " + from + "; access-control-allow-credentials: true; access-control-allow-methods: *", want: "refused", sent: []string{"OPTIONS"}},
		{name: "a header that is granted", ask: "GET cors omit", headers: []string{"X-Trace: 1"}, preflight: "200; " + from + "; access-control-allow-headers: x-TRACE", actual: []string{from}, want: "readable", sent: []string{"OPTIONS", "GET"}},
		{name: "one of two that is not", ask: "GET cors omit", headers: []string{"X-Trace: 1", "X-B: 1"}, preflight: "200; " + from + "; access-control-allow-headers: x-trace", want: "refused", sent: []string{"OPTIONS"}},
		{name: "a form's type needs no preflight", ask: "POST cors omit", headers: []string{"Content-Type: text/plain;charset=utf-8", "Accept: a/b"}, actual: []string{from}, want: "readable", sent: []string{"POST"}},
		{name: "JSON does", ask: "POST cors omit", headers: []string{"Content-Type: application/json"}, preflight: "200; " + from, want: "refused", sent: []string{"OPTIONS"}},
		{name: "a malformed list of methods", ask: "PUT cors omit", preflight: "200; " + from + "; access-control-allow-methods: PUT, b@d", want: "refused", sent: []string{"OPTIONS"}},
		{name: "without CORS: opaque", ask: "POST no-cors omit", want: "opaque", sent: []string{"POST"}},
		{name: "without CORS no method that would need it", ask: "PUT no-cors omit", want: "refused"},
		{name: "for the page's own origin only: refused, and not sent", ask: "GET same-origin omit", want: "refused"},
		{name: "a method that no page may use", ask: "trace cors omit", want: "refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent []string
			words := strings.Fields(tt.ask)
			r := fetch.Request{Origin: page, Target: api, Method: words[0], Mode: words[1], Credentials: words[2], Headers: lines(tt.headers...)}
			got := fetch.Do(r, func(s fetch.Sent) fetch.Response {
				sent = append(sent, s.Method)
				if s.Method != "OPTIONS" {
					return fetch.Response{Status: 200, Headers: lines(append(tt.actual, "etag: 1", "x-cost: 7", "set-cookie: a=b")...)}
				}
				parts := strings.Split(tt.preflight, "; ")
				return fetch.Response{Status: map[string]int{"200": 200, "204": 204, "403": 403}[parts[0]], Headers: lines(parts[1:]...)}
			})
			want := strings.Fields(tt.want)
			var names []string
			for _, h := range got.Headers {
				names = append(names, h.Name)
			}
			slices.Sort(names)
			if diff := cmp.Diff(want, append([]string{got.Outcome}, names...)); diff != "" {
				t.Errorf("outcome and headers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.sent, sent); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwnOriginSeesAll(t *testing.T) {
	got := fetch.Do(fetch.Request{Origin: page, Target: page, Method: "PUT", Mode: "cors"}, func(fetch.Sent) fetch.Response {
		return fetch.Response{Status: 201, Headers: lines("x-cost: 7", "set-cookie: a=b")}
	})
	want := fetch.Result{Outcome: fetch.Readable, Status: 201, Headers: lines("x-cost: 7")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a preflight asks for is sorted, in lower case, and without blanks.
func TestPreflightAsks(t *testing.T) {
	r := fetch.Request{Origin: page, Target: api, Method: "PUT", Mode: "cors", Headers: lines("X-Trace: 1", "Authorization: a", "Accept: b")}
	fetch.Do(r, func(s fetch.Sent) fetch.Response {
		want := lines("origin: "+page, "access-control-request-method: PUT", "access-control-request-headers: authorization,x-trace")
		if diff := cmp.Diff(want, s.Headers); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return fetch.Response{}
	})
}
