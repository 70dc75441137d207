package fetch_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/conformance/fetch"
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
			r := fetch.Request{Origin: page, URL: api + "/cart", Method: words[0], Mode: words[1], Credentials: words[2], Headers: lines(tt.headers...)}
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
	got := fetch.Do(fetch.Request{Origin: page, URL: page + "/cart", Method: "PUT", Mode: "cors"}, func(fetch.Sent) fetch.Response {
		return fetch.Response{Status: 201, Headers: lines("x-cost: 7", "set-cookie: a=b")}
	})
	want := fetch.Result{Outcome: fetch.Readable, URL: page + "/cart", Status: 201, Headers: lines("x-cost: 7")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A preflight names the requested headers sorted, in lower case, and without blanks.
func TestPreflightAsks(t *testing.T) {
	r := fetch.Request{Origin: page, URL: api + "/cart", Method: "PUT", Mode: "cors", Headers: lines("X-Trace: 1", "Authorization: a", "Accept: b")}
	fetch.Do(r, func(s fetch.Sent) fetch.Response {
		want := lines("origin: "+page, "access-control-request-method: PUT", "access-control-request-headers: authorization,x-trace")
		if diff := cmp.Diff(want, s.Headers); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return fetch.Response{}
	})
}

// Chains of redirects: the requests with their origins, and the result.
func TestRedirects(t *testing.T) {
	const other, own = "https://other.example", page
	all := lines("access-control-allow-origin: *", "access-control-allow-methods: *", "access-control-allow-headers: *")
	type hop struct {
		status  int
		to      string
		headers []fetch.Header // of the answer there
	}
	for _, tt := range []struct {
		name string
		ask  string         // method, mode, and the URL
		hops map[string]hop // by the URL
		want string
		sent []string // method, URL, and origin
	}{
		{
			name: "to another path of the host: the origin stays", ask: "GET cors " + api + "/a",
			hops: map[string]hop{api + "/a": {302, api + "/b", all}, api + "/b": {200, "", all}},
			want: "readable " + api + "/b", sent: []string{"GET " + api + "/a " + page, "GET " + api + "/b " + page},
		},
		{
			name: "to a third origin: it is null", ask: "GET cors " + api + "/a",
			hops: map[string]hop{api + "/a": {302, other + "/b", all}, other + "/b": {200, "", all}},
			want: "readable " + other + "/b", sent: []string{"GET " + api + "/a " + page, "GET " + other + "/b null"},
		},
		{
			name: "and stays null on the way back", ask: "GET cors " + api + "/a",
			hops: map[string]hop{api + "/a": {302, other + "/b", all}, other + "/b": {307, api + "/c", all}, api + "/c": {200, "", lines("access-control-allow-origin: " + page)}},
			want: "refused", sent: []string{"GET " + api + "/a " + page, "GET " + other + "/b null", "GET " + api + "/c null"},
		},
		{
			name: "from the page's own origin: it stays", ask: "GET cors " + own + "/a",
			hops: map[string]hop{own + "/a": {302, api + "/b", nil}, api + "/b": {200, "", all}},
			want: "readable " + api + "/b", sent: []string{"GET " + own + "/a", "GET " + api + "/b " + page},
		},
		{
			name: "back to the page's own origin: that has to grant it", ask: "GET cors " + api + "/a",
			hops: map[string]hop{api + "/a": {302, own + "/b", all}, own + "/b": {200, "", nil}},
			want: "refused", sent: []string{"GET " + api + "/a " + page, "GET " + own + "/b null"},
		},
		{
			name: "a redirect that is not granted is not followed", ask: "GET cors " + api + "/a",
			hops: map[string]hop{api + "/a": {302, api + "/b", nil}},
			want: "refused", sent: []string{"GET " + api + "/a " + page},
		},
		{
			name: "without CORS it is", ask: "GET no-cors " + api + "/a",
			hops: map[string]hop{api + "/a": {302, other + "/b", nil}, other + "/b": {200, "", nil}},
			want: "opaque", sent: []string{"GET " + api + "/a", "GET " + other + "/b"},
		},
		{
			name: "a page that may go to its own origin only goes nowhere else", ask: "GET same-origin " + own + "/a",
			hops: map[string]hop{own + "/a": {302, api + "/b", nil}},
			want: "refused", sent: []string{"GET " + own + "/a"},
		},
		{
			name: "a preflight that is redirected grants nothing", ask: "PUT cors " + api + "/a",
			hops: map[string]hop{api + "/a": {303, api + "/b", all}, api + "/b": {200, "", all}},
			want: "refused", sent: []string{"OPTIONS " + api + "/a " + page},
		},
		{
			name: "302 makes of POST a GET", ask: "POST cors " + api + "/a",
			hops: map[string]hop{api + "/a": {302, api + "/b", all}, api + "/b": {200, "", all}},
			want: "readable " + api + "/b", sent: []string{"POST " + api + "/a " + page, "GET " + api + "/b " + page},
		},
		{
			name: "307 leaves it", ask: "POST cors " + api + "/a",
			hops: map[string]hop{api + "/a": {307, api + "/b", all}, api + "/b": {200, "", all}},
			want: "readable " + api + "/b", sent: []string{"POST " + api + "/a " + page, "POST " + api + "/b " + page},
		},
		{
			name: "a name and a password are not followed", ask: "GET cors " + api + "/a",
			hops: map[string]hop{api + "/a": {302, "https://u:p@other.example/b", all}},
			want: "refused", sent: []string{"GET " + api + "/a " + page},
		},
		{
			name: "without a Location it is an answer", ask: "GET cors " + api + "/a",
			hops: map[string]hop{api + "/a": {302, "", all}},
			want: "readable " + api + "/a", sent: []string{"GET " + api + "/a " + page},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent []string
			words := strings.Fields(tt.ask)
			r := fetch.Request{Origin: page, Method: words[0], Mode: words[1], URL: words[2]}
			got := fetch.Do(r, func(s fetch.Sent) fetch.Response {
				line := s.Method + " " + s.URL
				for _, h := range s.Headers {
					if h.Name == "origin" {
						line += " " + h.Value
					}
				}
				sent = append(sent, line)
				hop := tt.hops[s.URL]
				answer := fetch.Response{Status: hop.status, Headers: slices.Clone(hop.headers)}
				if hop.to != "" {
					answer.Headers = append(answer.Headers, fetch.Header{Name: "location", Value: hop.to})
				}
				return answer
			})
			if outcome := strings.TrimSpace(got.Outcome + " " + got.URL); outcome != tt.want {
				t.Errorf("%s, want %s", outcome, tt.want)
			}
			if diff := cmp.Diff(tt.sent, sent); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

// What a redirect leaves out of the request that follows it.
func TestRedirectsLeaveHeadersOut(t *testing.T) {
	granted := lines("access-control-allow-origin: *", "access-control-allow-methods: *", "access-control-allow-headers: *, authorization")
	for _, tt := range []struct {
		method string
		status int
		to     string
		want   []string // method and names
	}{
		{"PUT", 307, api + "/b", []string{"PUT", "authorization", "content-type", "x-trace"}},
		{"PUT", 303, api + "/b", []string{"GET", "authorization", "x-trace"}},
		{"PUT", 302, api + "/b", []string{"PUT", "authorization", "content-type", "x-trace"}},
		{"POST", 302, api + "/b", []string{"GET", "authorization", "x-trace"}},
		{"PUT", 307, "https://other.example/b", []string{"PUT", "content-type", "x-trace"}},
	} {
		r := fetch.Request{Origin: page, URL: api + "/a", Method: tt.method, Mode: "cors", Headers: lines("Authorization: a", "Content-Type: a/b", "X-Trace: 1")}
		var last []string
		fetch.Do(r, func(s fetch.Sent) fetch.Response {
			if s.Method != "OPTIONS" {
				last = []string{s.Method}
				for _, h := range s.Headers[1:] {
					last = append(last, strings.ToLower(h.Name))
				}
				if s.URL == r.URL {
					return fetch.Response{Status: tt.status, Headers: append(lines("location: "+tt.to), granted...)}
				}
			}
			return fetch.Response{Status: 200, Headers: granted}
		})
		if diff := cmp.Diff(tt.want, last); diff != "" {
			t.Errorf("%s, %d to %s (-want +got):\n%s", tt.method, tt.status, tt.to, diff)
		}
	}
}

// After a redirect to a third origin a preflight names the page in Firefox, and nobody
// else; and there it is sent, too, when the request is a GET by now.
func TestFirefoxAfterRedirects(t *testing.T) {
	const other = "https://other.example"
	all := lines("access-control-allow-origin: *", "access-control-allow-methods: *")
	for _, tt := range []struct {
		firefox bool
		status  int
		want    string
	}{
		{false, 307, "OPTIONS null, PUT null"},
		{true, 307, "OPTIONS " + page + ", PUT null"},
		{false, 303, "GET null"},
		{true, 303, "OPTIONS " + page + ", GET null"},
	} {
		var sent []string
		fetch.Do(fetch.Request{Origin: page, URL: api, Method: "PUT", Mode: "cors", Firefox: tt.firefox}, func(s fetch.Sent) fetch.Response {
			switch {
			case s.URL == other:
				sent = append(sent, s.Method+" "+s.Headers[0].Value)
			case s.Method == "PUT":
				return fetch.Response{Status: tt.status, Headers: append(lines("location: "+other), all...)}
			}
			return fetch.Response{Status: 200, Headers: all}
		})
		if got := strings.Join(sent, ", "); got != tt.want {
			t.Errorf("Firefox %t, %d: %s, want %s", tt.firefox, tt.status, got, tt.want)
		}
	}
}

func TestRedirectsEnd(t *testing.T) {
	n := 0
	got := fetch.Do(fetch.Request{Origin: page, URL: api, Method: "GET", Mode: "cors"}, func(fetch.Sent) fetch.Response {
		n++
		return fetch.Response{Status: 302, Headers: lines("access-control-allow-origin: *", "location: "+api)}
	})
	if got.Outcome != fetch.Refused || n != 21 {
		t.Errorf("%s after %d requests, want refused after 21", got.Outcome, n)
	}
}
