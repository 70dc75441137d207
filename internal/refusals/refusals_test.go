package refusals

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/pkg/policy"
)

const (
	page = exchangetest.Page
	evil = exchangetest.Evil
)

// fixture is a service that logs refusals, and everything that it reports.
type fixture struct {
	exchangetest.Fixture
	service *exchange.Service
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{Fixture: exchangetest.Fixture{Engine: exchangetest.Engine(t)}}
	options := f.Options(New(slog.New(slog.NewJSONHandler(&f.Log, nil))))
	options.Logger = slog.New(slog.DiscardHandler)
	f.service = newService(t, options)
	return f
}

func newService(t *testing.T, o exchange.Options) *exchange.Service {
	t.Helper()
	s, err := exchange.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decide decides on a request with the header lines. url is a host and a path.
func decide(s *exchange.Service, p exchange.Profile, selector, method, url string, lines ...string) {
	var x exchange.Exchange
	x.Begin(context.Background(), s)
	for _, line := range slices.Concat(exchangetest.Pseudo(method, url), lines) {
		name, value := exchangetest.Field(line)
		x.AddHeader([]byte(name), []byte(value))
	}
	x.Request.Selector = selector
	x.Decide(p)
	x.End()
}

func (f *fixture) get(url string, lines ...string) {
	decide(f.service, exchange.RequestResponse, "", "GET", url, lines...)
}

func (f *fixture) preflight(url, method string, lines ...string) {
	decide(f.service, exchange.RequestResponse, "", "OPTIONS", url, append(lines, "access-control-request-method: "+method)...)
}

// TestRefusals is the whole log line of a refusal.
func TestRefusals(t *testing.T) {
	secrets := []string{"cookie: session=s3cret", "authorization: Bearer s3cret", "referer: https://x/?s3cret", "proxy-authorization: Basic s3cret"}
	rows := []struct {
		name string
		send func(*fixture)
		want map[string]any // nil if nothing is refused
	}{
		{
			"an actual request",
			func(f *fixture) {
				f.get("api.shop.example/cart?token=s3cret", append(secrets, evil)...)
			},
			map[string]any{
				"class": "actual", "reason": "origin_not_allowed", "policy": "shop", "rule": "", "enforcement": "Enforce", "profile": "request_response",
				"method": "GET", "host": "api.shop.example", "path": "/cart", "origin": "https://evil.example",
			},
		},
		{
			"an authority may have a password in it",
			func(f *fixture) {
				decide(f.service, exchange.RequestResponse, "shop", "GET", "user:s3cret@api.shop.example/cart", evil)
			},
			map[string]any{
				"class": "actual", "reason": "origin_not_allowed", "policy": "shop", "rule": "", "enforcement": "Enforce", "profile": "request_response",
				"method": "GET", "host": "api.shop.example", "path": "/cart", "origin": "https://evil.example",
			},
		},
		{
			"a preflight, with its request headers",
			func(f *fixture) {
				f.preflight("api.shop.example/cart?s3cret", "PATCH", append(secrets, page, "access-control-request-headers: a", "access-control-request-headers: b")...)
			},
			map[string]any{
				"class": "preflight", "reason": "method_not_allowed", "policy": "shop", "rule": "", "enforcement": "Enforce", "profile": "request_response",
				"method": "OPTIONS", "host": "api.shop.example", "path": "/cart", "origin": "https://www.shop.example",
				"requestMethod": "PATCH", "requestHeaders": "a, b",
			},
		},
		{
			"a response that came first",
			func(f *fixture) {
				decide(f.service, exchange.ResponseOnly, "", "GET", "block.shop.example/?s3cret", evil)
			},
			map[string]any{
				"class": "actual", "reason": "origin_not_allowed", "policy": "block", "rule": "", "enforcement": "Block", "profile": "response_only",
				"method": "GET", "host": "block.shop.example", "path": "/", "origin": "https://evil.example",
			},
		},
		{
			"a check",
			func(f *fixture) {
				decide(f.service, exchange.ExtAuthz, "", "GET", "strict.shop.example/?s3cret", append(secrets, page)...)
			},
			map[string]any{
				"class": "actual", "reason": "no_rule", "policy": "strict", "rule": "", "enforcement": "Enforce", "profile": "ext_authz",
				"method": "GET", "host": "strict.shop.example", "path": "/", "origin": "https://www.shop.example",
			},
		},
		{
			"Shadow is logged as if enforced",
			func(f *fixture) { f.get("shadow.shop.example/", evil) },
			map[string]any{
				"class": "actual", "reason": "origin_not_allowed", "policy": "shadow", "rule": "", "enforcement": "Shadow", "profile": "request_response",
				"method": "GET", "host": "shadow.shop.example", "path": "/", "origin": "https://evil.example",
			},
		},
		{"an allowed request is not logged", func(f *fixture) { f.get("api.shop.example/cart", page) }, nil},
		{"a disabled policy is not logged", func(f *fixture) { f.get("off.shop.example/", evil) }, nil},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			f := newFixture(t)
			r.send(f)
			var got map[string]any
			for _, e := range f.Log.Entries(t, "refused") {
				if got != nil || e["level"] != "INFO" {
					t.Errorf("logged too: %v", e)
				}
				delete(e, "time")
				delete(e, "level")
				delete(e, "msg")
				got = e
			}
			if diff := cmp.Diff(r.want, got); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
			if strings.Contains(f.Log.String(), "s3cret") {
				t.Errorf("a secret was logged:\n%s", &f.Log)
			}
		})
	}
}

// TestRefusalsWithoutSecrets: other parts of a request that may hold a secret are not logged either.
func TestRefusalsWithoutSecrets(t *testing.T) {
	tests := []struct {
		name, path, origin   string
		wantPath, wantOrigin string
	}{
		{"a path parameter", "/a;jsessionid=s3cret/b", "https://evil.example", "/a;…", "https://evil.example"},
		{"a path parameter before the query", "/a;b?s3cret", "https://evil.example", "/a;…", "https://evil.example"},
		{"user info of an origin", "/", "https://me:s3cret@evil.example", "/", "https://…@evil.example"},
		{"user info with delimiters", "/", "https://me:s3cret/?#@evil.example", "/", "https://…@evil.example"},
		{"the path of an origin", "/", "https://evil.example/s3cret", "/", "https://evil.example…"},
		{"the query of an origin", "/", "https://evil.example?s3cret", "/", "https://evil.example…"},
		{"an origin without a scheme", "/", "me:s3cret@evil.example", "/", "…@evil.example"},
		{"a custom scheme", "/", "app://.", "/", "app://."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			f.get("block.shop.example"+test.path, "origin: "+test.origin)
			logged := f.Log.Entries(t, "refused")
			if len(logged) != 1 || logged[0]["path"] != test.wantPath || logged[0]["origin"] != test.wantOrigin {
				t.Errorf("logged %v", logged)
			}
			if strings.Contains(f.Log.String(), "s3cret") {
				t.Errorf("a secret was logged:\n%s", &f.Log)
			}
		})
	}
}

// TestRefusalsAreBounded: a client can write neither long values nor control bytes to a log.
func TestRefusalsAreBounded(t *testing.T) {
	const most = 256 // bytes of one value
	for _, n := range []int{most, most + 1, 8000} {
		f := newFixture(t)
		long := strings.Repeat("x", n)
		decide(f.service, exchange.RequestResponse, "", "M"+long[1:], "strict.shop.example/"+long[1:], "origin: "+long)
		f.preflight("block.shop.example/", long, evil, "access-control-request-headers: "+long)
		logged := f.Log.Entries(t, "refused")
		if len(logged) != 2 {
			t.Fatalf("logged %v", logged)
		}
		clipped := n > most
		for i, names := range [][]string{{"method", "path", "origin"}, {"requestMethod", "requestHeaders"}} {
			for _, name := range names {
				value, _ := logged[i][name].(string)
				if text, cut := strings.CutSuffix(value, "…"); cut != clipped || len(text) != min(n, most) {
					t.Errorf("%s of %d bytes: %d are logged, clipped: %v", name, n, len(text), cut)
				}
			}
		}
	}

	f := newFixture(t)
	f.get("strict.shop.example/\x1b[2J\r\n{\"msg\":\"forged\"}", "origin: https://\xff\x00\n\x7f")
	text := f.Log.String()
	if strings.Count(text, "\n") != 1 || strings.ContainsAny(text, "\x00\x1b\r") || !utf8.ValidString(text) {
		t.Errorf("control bytes reached the log: %q", text)
	}
	if len(f.Log.Entries(t, "refused")) != 1 {
		t.Errorf("logged: %s", text)
	}

	var text2 exchangetest.Log
	refusals := New(slog.New(slog.NewTextHandler(&text2, nil)))
	service := newService(t, exchange.Options{
		Engine: func() *policy.Engine { return f.Engine }, Logger: slog.New(slog.DiscardHandler), Observers: []exchange.Observer{refusals},
	})
	decide(service, exchange.RequestResponse, "", "GET", "strict.shop.example/ level=ERROR\nmsg=forged\x1b[2J", evil)
	if got := text2.String(); strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b\r") || !strings.Contains(got, `path="/ level=ERROR\nmsg=forged\x1b[2J"`) {
		t.Errorf("control bytes reached the text log: %q", got)
	}
}

// TestRefusalRate: a flood of refusals is logged in part, and the next line has the number of dropped
// lines.
func TestRefusalRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		flood := func(n int) {
			for range n {
				f.get("api.shop.example/cart", evil)
			}
		}
		lines := func() (n int, last any) {
			logged := f.Log.Entries(t, "refused")
			return len(logged), logged[len(logged)-1]["notLogged"]
		}
		flood(20)
		if n, left := lines(); n != 20 || left != nil {
			t.Fatalf("%d lines of the first 20, notLogged %v", n, left)
		}
		flood(500)
		if n, _ := lines(); n != 20 {
			t.Fatalf("%d lines at once, want 20", n)
		}
		time.Sleep(time.Second)
		flood(15)
		logged := f.Log.Entries(t, "refused")
		if len(logged) != 30 || logged[20]["notLogged"] != 500.0 || logged[21]["notLogged"] != nil {
			t.Fatalf("after a second: %d lines, notLogged %v, then %v", len(logged), logged[20]["notLogged"], logged[21]["notLogged"])
		}
		time.Sleep(time.Hour)
		flood(100)
		if n, _ := lines(); n != 50 {
			t.Fatalf("%d lines after an hour of quiet, want another 20", n)
		}
		if n := len(f.Observer.Decisions); n != 635 {
			t.Errorf("%d decisions were counted, want all 635", n)
		}
	})
}

// TestRefusalsByLevel: refusals are not logged at level Warn.
func TestRefusalsByLevel(t *testing.T) {
	var quiet exchangetest.Log
	f := newFixture(t)
	refusals := New(slog.New(slog.NewJSONHandler(&quiet, &slog.HandlerOptions{Level: slog.LevelWarn})))
	service := newService(t, exchange.Options{
		Engine: func() *policy.Engine { return f.Engine }, Logger: slog.New(slog.DiscardHandler), Observers: []exchange.Observer{refusals},
	})
	decide(service, exchange.RequestResponse, "", "GET", "api.shop.example/cart", evil)
	if quiet.String() != "" {
		t.Errorf("logged %q", quiet.String())
	}
}
