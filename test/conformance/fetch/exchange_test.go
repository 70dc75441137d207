package fetch_test

import (
	"strings"
	"testing"

	"github.com/corsd/corsd/test/conformance/fetch"
)

// asking is a request of the page, without credentials or with.
func asking(method, credentials string) fetch.Request {
	return fetch.Request{Origin: page, URL: api + "/cart", Method: method, Mode: "cors", Credentials: credentials}
}

// What Chromium and Firefox were seen to do with odd answers.
func TestMayRead(t *testing.T) {
	const own, any, yes = "access-control-allow-origin: " + page, "access-control-allow-origin: *", "access-control-allow-credentials: true"
	for _, tt := range []struct {
		name                string
		answer              []string
		plain, credentialed bool
	}{
		{"nothing is said", nil, false, false},
		{"the page's origin is named", []string{own}, true, false},
		{"and credentials are allowed", []string{own, yes}, true, true},
		{"everyone is named", []string{any}, true, false},
		{"everyone is named, and credentials are allowed", []string{any, yes}, true, false},
		{"the origin stands there twice", []string{own, own}, false, false},
		{"the origin has a slash", []string{own + "/"}, false, false},
		{"the origin is in upper case", []string{"access-control-allow-origin: HTTPS://WWW.SHOP.EXAMPLE"}, false, false},
		{"credentials are allowed in upper case", []string{own, "access-control-allow-credentials: True"}, true, false},
		{"credentials are allowed twice", []string{own, yes, yes}, true, false},
		{"the origin is empty", []string{"access-control-allow-origin: "}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response := fetch.Response{Status: 200, Headers: lines(tt.answer...)}
			if got := asking("GET", "omit").MayRead(response); got != tt.plain {
				t.Errorf("without credentials %t, want %t", got, tt.plain)
			}
			if got := asking("GET", "include").MayRead(response); got != tt.credentialed {
				t.Errorf("with credentials %t, want %t", got, tt.credentialed)
			}
		})
	}
}

func TestMaySend(t *testing.T) {
	const methods, headers = "access-control-allow-methods: ", "access-control-allow-headers: "
	for _, tt := range []struct {
		name                string
		method, names       string
		status              int
		answer              []string
		plain, credentialed bool
	}{
		{"method and header are listed", "PUT", "x-trace", 204, []string{methods + "GET, PUT", headers + "X-Trace"}, true, true},
		{"in two lines, with empty elements", "PUT", "x-trace", 204, []string{methods + "GET,", methods + ",PUT", headers + "X-A,,X-Trace"}, true, true},
		{"the method is missing", "PUT", "x-trace", 204, []string{methods + "GET", headers + "X-Trace"}, false, false},
		{"the method is listed in lower case", "PUT", "x-trace", 204, []string{methods + "put", headers + "X-Trace"}, false, false},
		{"the header is missing", "PUT", "x-trace", 204, []string{methods + "PUT"}, false, false},
		{"stars are for those without credentials", "PUT", "x-trace", 204, []string{methods + "*", headers + "*"}, true, false},
		{"a star is not for Authorization", "GET", "authorization", 204, []string{headers + "*"}, false, false},
		{"GET need not be listed", "GET", "", 204, nil, true, true},
		{"one bad element spoils the list", "PUT", "x-trace", 204, []string{methods + "PUT, G@T", headers + "X-Trace"}, false, false},
		{"299 is an ok status", "PUT", "", 299, []string{methods + "PUT"}, true, true},
		{"304 is none", "PUT", "", 304, []string{methods + "PUT"}, false, false},
		{"403 is none", "PUT", "", 403, []string{methods + "PUT"}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			granted := append(tt.answer, "access-control-allow-origin: "+page, "access-control-allow-credentials: true")
			response := fetch.Response{Status: tt.status, Headers: lines(granted...)}
			if got := asking(tt.method, "omit").MaySend(strings.Fields(tt.names), response); got != tt.plain {
				t.Errorf("without credentials %t, want %t", got, tt.plain)
			}
			if got := asking(tt.method, "include").MaySend(strings.Fields(tt.names), response); got != tt.credentialed {
				t.Errorf("with credentials %t, want %t", got, tt.credentialed)
			}
		})
	}
}

func TestReads(t *testing.T) {
	for _, tt := range []struct{ name, exposed, plain, credentialed string }{
		{"what is safelisted", "", "content-type", "content-type"},
		{"what is exposed, in any case", "X-TOTAL", "content-type x-total", "content-type x-total"},
		{"a star is all, without credentials", "*", "content-type x-total access-control-expose-headers", "content-type"},
		{"one bad element, and nothing is exposed", "X-Total, b@d", "content-type", "content-type"},
		{"cookies never", "Set-Cookie", "content-type", "content-type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sent := lines("content-type: text/plain", "x-total: 120", "set-cookie: a=b", "access-control-expose-headers: "+tt.exposed)
			for credentials, want := range map[string]string{"omit": tt.plain, "include": tt.credentialed} {
				var names []string
				for _, h := range asking("GET", credentials).Reads(fetch.Response{Status: 200, Headers: sent}) {
					names = append(names, h.Name)
				}
				if got := strings.Join(names, " "); got != want {
					t.Errorf("%s: %s, want %s", credentials, got, want)
				}
			}
		})
	}
}

func TestIsReused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer []string
		want   bool
	}{
		{"one origin is named, and no cache is told", []string{"access-control-allow-origin: " + page}, true},
		{"nobody is named, and no cache is told", nil, true},
		{"caches are told", []string{"vary: Accept-Encoding, origin"}, false},
		{"everyone is named", []string{"access-control-allow-origin: *"}, false},
		{"nothing may be used again", []string{"vary: *"}, false},
	} {
		if got := (fetch.Response{Status: 200, Headers: lines(tt.answer...)}).IsReused(); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}
