package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// The programs of the tests.
var (
	options  Options
	noModule error // the reason why there is no dynamic module
	lacking  error // the reason to skip tests, if programs are missing and may be
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(mesh.RunTests(m, func(dir string) error {
		parts, err := mesh.FindParts(dir, testing.Short())
		options.Root, options.Envoy, options.Corsd, lacking = parts.Root, parts.Envoy, parts.Corsd, parts.Lacking
		options.Module, noModule = parts.Module, parts.NoModule
		return err
	}))
}

// start runs a lab for the length of a test, with a copy of the policy that the
// test may change.
func start(t *testing.T, p Profile, transport Transport) *Lab {
	t.Helper()
	if lacking != nil {
		t.Skip(lacking)
	}
	if options.Envoy.Version.Before(p.Since) {
		t.Skipf("%s needs Envoy %v or later; this is %v", p.Config, p.Since, options.Envoy.Version)
	}
	if p.InEnvoy && noModule != nil {
		t.Skip(noModule)
	}
	o := options
	o.Profile, o.Transport = p, transport
	text, err := os.ReadFile("policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	o.Policy = filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(o.Policy, text, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(l.Logs())
		}
	})
	return l
}

// ask makes one request of the lab's Envoy, over HTTP/1.1 without TLS.
func (l *Lab) ask(t *testing.T, method, url string, header ...rawhttp.Field) *rawhttp.Response {
	t.Helper()
	authority, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	response, err := rawhttp.HTTP1.Do(t.Context(), l.Envoy.Address, rawhttp.Request{Method: method, Authority: authority, Path: "/" + path, Header: header})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// In every profile the lab's API is governed by corsd, and the one beside it is not.
func TestWithAndWithoutCorsd(t *testing.T) {
	for _, p := range Profiles {
		t.Run(p.Name, func(t *testing.T) {
			l := start(t, p, HTTP)
			o := l.Origins
			for _, tt := range []struct {
				name, method, url, origin string
				status                    int
				allow                     string // Access-Control-Allow-Origin
				reason                    string // corsd's, "" if corsd must not be called
			}{
				{"the page may read the API", "GET", o.API + "/articles/7", o.Page, 200, o.Page, "allowed"},
				{"a stranger may not", "GET", o.API + "/articles/7", o.Stranger, 200, "", "origin_not_allowed"},
				{"what the application opens is closed again", "GET", o.API + "/invoices", o.Stranger, 200, "", "origin_not_allowed"},
				{"without corsd it is open", "GET", o.Bare + "/invoices", o.Stranger, 200, "*", ""},
				{"without corsd nobody may read the API", "GET", o.Bare + "/articles/7", o.Page, 200, "", ""},
				{"a 401 is readable", "GET", o.API + "/admin", o.Page, 401, o.Page, "allowed"},
				{"a 429 is readable", "GET", o.API + "/limited", o.Page, 429, o.Page, "allowed"},
				{"a 503 is readable", "GET", o.API + "/unreachable", o.Page, 503, o.Page, "allowed"},
				{"a 401 is not readable without corsd", "GET", o.Bare + "/admin", o.Page, 401, "", ""},
				{"a frame without origin may read what is for it", "GET", o.API + "/embed/7", "null", 200, "null", "allowed"},
				{"and nothing else", "GET", o.API + "/articles/7", "null", 200, "", "origin_null"},
				{"the weather is made readable", "GET", o.Weather + "/today", o.Page, 200, o.Page, "allowed"},
				{"and is not by itself", "GET", o.BareWeather + "/today", o.Page, 200, "", ""},
			} {
				t.Run(tt.name, func(t *testing.T) {
					run := strings.ReplaceAll(t.Name(), "/", "-")
					got := l.ask(t, tt.method, tt.url+"?run="+run, rawhttp.Field{Name: "Origin", Value: tt.origin})
					if allow := strings.Join(got.Get("access-control-allow-origin"), " and "); got.Status != tt.status || allow != tt.allow {
						t.Errorf("status %d, allows %q; want %d, %q", got.Status, allow, tt.status, tt.allow)
					}
					seen := l.Exchanges(t.Context(), run)
					if len(seen) != 1 || seen[0].Reason != tt.reason || seen[0].Status != tt.status {
						t.Errorf("Envoy's record: %+v; want the reason %q", seen, tt.reason)
					}
				})
			}
		})
	}
}

// Over TLS the origins are https, and Envoy speaks the transport's version of HTTP.
func TestTransports(t *testing.T) {
	for transport, want := range map[Transport]string{TLS: "HTTP/1.1", TLSHTTP2: "HTTP/2.0"} {
		t.Run(string(transport), func(t *testing.T) {
			l := start(t, RequestResponse, transport)
			client := l.client(t)
			for _, origin := range []string{l.Origins.Page, l.Origins.API, l.Origins.Bare, l.Origins.Weather, l.Origins.BareWeather} {
				answer, err := client.Get(origin + "/")
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				if answer.Proto != want || !strings.HasPrefix(origin, "https://") {
					t.Errorf("%s over %s", origin, answer.Proto)
				}
			}
			r, err := http.NewRequest("GET", l.Origins.API+"/articles/7", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Origin", l.Origins.Page)
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if got := answer.Header.Get("Access-Control-Allow-Origin"); got != l.Origins.Page {
				t.Errorf("allows %q", got)
			}
		})
	}
}

// client trusts the lab's certificate, and finds all names at its Envoy.
func (l *Lab) client(t *testing.T) *http.Client {
	t.Helper()
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM([]byte(l.Certificate)) {
		t.Fatalf("no certificate: %q", l.Certificate)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: true}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, l.Envoy.Address)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestPageIsServed(t *testing.T) {
	l := start(t, RequestResponse, HTTP)
	for _, path := range Assets() {
		if got := l.ask(t, "GET", l.Origins.Page+path); got.Status != 200 || len(got.Body) == 0 {
			t.Errorf("%s: status %d, %d bytes", path, got.Status, len(got.Body))
		}
	}
	cookie := l.ask(t, "GET", l.Origins.Page+"/").Get("set-cookie")
	if len(cookie) != 1 || !strings.HasPrefix(cookie[0], "session=ada; ") {
		t.Errorf("cookies: %q", cookie)
	}
	for path, want := range map[string]int{"/frame.html": 200, "/attempts.js": 200, "/": 404, "/exchanges": 404, "/policy": 404} {
		if got := l.ask(t, "GET", l.Origins.Stranger+path); got.Status != want {
			t.Errorf("a stranger's %s: status %d, want %d", path, got.Status, want)
		}
	}
}

// The page receives the exchanges that Envoy saw, with corsd's decision and the lines of the policy.
func TestExchangesAreExplained(t *testing.T) {
	l := start(t, RequestResponse, HTTP)
	l.ask(t, "OPTIONS", l.Origins.API+"/articles/7?run=1",
		rawhttp.Field{Name: "Origin", Value: l.Origins.Page}, rawhttp.Field{Name: "Access-Control-Request-Method", Value: "PATCH"})
	var all []explained
	answer := l.ask(t, "GET", l.Origins.Page+"/exchanges?of=1")
	if err := json.Unmarshal(answer.Body, &all); err != nil || len(all) != 1 {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	if d := all[0].Decision; d == nil || d.Reason != all[0].Reason || len(d.Places) == 0 || !strings.HasPrefix(d.Places[0].Text, "allowMethods: [GET, PUT, DELETE]") {
		t.Errorf("%+v: %+v", all[0], d)
	}
	explained := string(l.ask(t, "GET", l.Origins.Page+"/explanation?of=1&n=0").Body)
	if !strings.Contains(explained, "method_not_allowed: the method is not in allowMethods; add it.") {
		t.Errorf("corsd explains: %s", explained)
	}
	if got := l.ask(t, "GET", l.Origins.Page+"/explanation?of=1&n=1"); got.Status != 404 {
		t.Errorf("an exchange that there is not: status %d", got.Status)
	}
}

func TestPolicyIsFollowed(t *testing.T) {
	l := start(t, RequestResponse, HTTP)
	text, err := os.ReadFile(l.Policy)
	if err != nil {
		t.Fatal(err)
	}
	first := l.policy(t, "")
	if first.State != "live" || first.Text != string(text) || first.File != l.Policy {
		t.Fatalf("%+v", first)
	}
	broken := strings.Replace(string(text), "allowCredentials: true", "allowCredentials: perhaps", 1)
	refused := l.change(t, broken, first.Version)
	if refused.State != "refused" || len(refused.Faults) != 1 || !strings.Contains(refused.Faults[0], "wrong_type") {
		t.Errorf("%+v", refused)
	}
	preflight := []rawhttp.Field{{Name: "Origin", Value: l.Origins.Page}, {Name: "Access-Control-Request-Method", Value: "PATCH"}}
	if got := l.ask(t, "OPTIONS", l.Origins.API+"/articles/7", preflight...).Get("access-control-allow-methods"); !slices.Equal(got, []string{"GET, PUT, DELETE"}) {
		t.Errorf("while a policy is refused the methods are %q", got)
	}
	live := l.change(t, strings.Replace(string(text), "[GET, PUT, DELETE]", "[GET, PUT, DELETE, PATCH]", 1), refused.Version)
	if live.State != "live" || len(live.Faults) != 0 {
		t.Errorf("%+v", live)
	}
	if got := l.ask(t, "OPTIONS", l.Origins.API+"/articles/7", preflight...).Get("access-control-allow-methods"); !slices.Equal(got, []string{"GET, PUT, DELETE, PATCH"}) {
		t.Errorf("the methods are %q", got)
	}
}

// policy asks as the page does, and waits for another version than after.
func (l *Lab) policy(t *testing.T, after string) (state PolicyState) {
	t.Helper()
	answer := l.ask(t, "GET", l.Origins.Page+"/policy?after="+after)
	if err := json.Unmarshal(answer.Body, &state); err != nil {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	return state
}

// change writes the policy and returns the state after corsd has read it.
func (l *Lab) change(t *testing.T, text, after string) PolicyState {
	t.Helper()
	if err := os.WriteFile(l.Policy, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	state := l.policy(t, after)
	for state.State == "pending" {
		state = l.policy(t, state.Version)
	}
	return state
}
