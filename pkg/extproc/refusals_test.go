package extproc_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestRefusals is the whole log line of a refusal.
func TestRefusals(t *testing.T) {
	secrets := []string{"cookie: session=s3cret", "authorization: Bearer s3cret", "referer: https://x/?s3cret", "proxy-authorization: Basic s3cret"}
	rows := []struct {
		name string
		ask  func(*bench)
		want map[string]any // nil where nothing is refused
	}{
		{
			"an actual request",
			func(b *bench) {
				b.answers(t, nil, get("api.shop.example/cart?token=s3cret", append(secrets, evil)...), responds("200"))
			},
			map[string]any{
				"class": "actual", "reason": "origin_not_allowed", "policy": "shop", "rule": "", "enforcement": "Enforce", "profile": "two_phase",
				"method": "GET", "host": "api.shop.example", "path": "/cart", "origin": "https://evil.example",
			},
		},
		{
			"an authority may have a password in it",
			func(b *bench) {
				b.answers(t, []string{"corsd-policy: shop"}, get("user:s3cret@api.shop.example/cart", evil), responds("200"))
			},
			map[string]any{
				"class": "actual", "reason": "origin_not_allowed", "policy": "shop", "rule": "", "enforcement": "Enforce", "profile": "two_phase",
				"method": "GET", "host": "api.shop.example", "path": "/cart", "origin": "https://evil.example",
			},
		},
		{
			"a preflight says what it asked for",
			func(b *bench) {
				b.answers(t, nil, preflight("api.shop.example/cart?s3cret", "PATCH", append(secrets, page, "access-control-request-headers: a", "access-control-request-headers: b")...))
			},
			map[string]any{
				"class": "preflight", "reason": "method_not_allowed", "policy": "shop", "rule": "", "enforcement": "Enforce", "profile": "two_phase",
				"method": "OPTIONS", "host": "api.shop.example", "path": "/cart", "origin": "https://www.shop.example",
				"requestMethod": "PATCH", "requestHeaders": "a, b",
			},
		},
		{
			"a response that came first",
			func(b *bench) { b.answers(t, lean("GET", "block.shop.example/?s3cret", evil), responds("200")) },
			map[string]any{
				"class": "actual", "reason": "origin_not_allowed", "policy": "block", "rule": "", "enforcement": "Block", "profile": "lean",
				"method": "GET", "host": "block.shop.example", "path": "/", "origin": "https://evil.example",
			},
		},
		{
			"a check",
			func(b *bench) {
				b.asked(t, checkRequest("GET", "strict.shop.example/?s3cret", append(secrets, page)...))
			},
			map[string]any{
				"class": "actual", "reason": "no_rule", "policy": "strict", "rule": "", "enforcement": "Enforce", "profile": "ext_authz",
				"method": "GET", "host": "strict.shop.example", "path": "/", "origin": "https://www.shop.example",
			},
		},
		{
			"Shadow is logged as if enforced",
			func(b *bench) { b.answers(t, nil, get("shadow.shop.example/", evil)) },
			map[string]any{
				"class": "actual", "reason": "origin_not_allowed", "policy": "shadow", "rule": "", "enforcement": "Shadow", "profile": "two_phase",
				"method": "GET", "host": "shadow.shop.example", "path": "/", "origin": "https://evil.example",
			},
		},
		{"what is allowed is not logged", func(b *bench) { b.answers(t, nil, get("api.shop.example/cart", page)) }, nil},
		{"what is not decided is not logged", func(b *bench) { b.answers(t, nil, get("off.shop.example/", evil)) }, nil},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			b := newBench(t)
			r.ask(b)
			var got map[string]any
			for _, e := range b.log.entries(t, "refused") {
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
			if strings.Contains(b.log.String(), "s3cret") {
				t.Errorf("a secret was logged:\n%s", b.log)
			}
		})
	}
}

// TestRefusalsWithoutSecrets: what may hold a secret beside the query is not logged either.
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
			b := newBench(t)
			b.answers(t, nil, get("block.shop.example"+test.path, "origin: "+test.origin))
			logged := b.log.entries(t, "refused")
			if len(logged) != 1 || logged[0]["path"] != test.wantPath || logged[0]["origin"] != test.wantOrigin {
				t.Errorf("logged %v", logged)
			}
			if strings.Contains(b.log.String(), "s3cret") {
				t.Errorf("a secret was logged:\n%s", b.log)
			}
		})
	}
}

// TestRefusalsAreBounded: a client can put neither much nor control bytes into a log.
func TestRefusalsAreBounded(t *testing.T) {
	const most = 256 // bytes of one value
	for _, n := range []int{most, most + 1, 8000} {
		b := newBench(t)
		long := strings.Repeat("x", n)
		b.answers(t, nil, do("M"+long[1:], "strict.shop.example/"+long[1:], "origin: "+long))
		b.answers(t, nil, preflight("block.shop.example/", long, evil, "access-control-request-headers: "+long))
		logged := b.log.entries(t, "refused")
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

	b := newBench(t)
	b.answers(t, nil, get("strict.shop.example/\x1b[2J\r\n{\"msg\":\"forged\"}", "origin: https://\xff\x00\n\x7f"))
	text := b.log.String()
	if strings.Count(text, "\n") != 2 || strings.ContainsAny(text, "\x00\x1b\r") || !utf8.ValidString(text) {
		t.Errorf("control bytes reached the log: %q", text)
	}
	if len(b.log.entries(t, "refused")) != 1 {
		t.Errorf("logged: %s", text)
	}

	var text2 journal
	s := registered(extproc.Options{
		Engine: func() *policy.Engine { return b.engine }, Logger: slog.New(slog.NewTextHandler(&text2, nil)), Observer: &recorder{},
	})
	if err := s.process(&script{in: []sent{get("strict.shop.example/ level=ERROR\nmsg=forged\x1b[2J", evil)}}); err != nil {
		t.Fatal(err)
	}
	if got := text2.String(); strings.Count(got, "\n") != 2 || strings.ContainsAny(got, "\x1b\r") || !strings.Contains(got, `path="/ level=ERROR\nmsg=forged\x1b[2J"`) {
		t.Errorf("control bytes reached the text log: %q", got)
	}
}

// TestRefusalRate: a flood of refusals is logged a little, and the next line says
// how many were left out.
func TestRefusalRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		flood := func(n int) {
			for range n {
				b.answers(t, nil, get("api.shop.example/cart", evil))
			}
		}
		lines := func() (n int, last any) {
			logged := b.log.entries(t, "refused")
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
		logged := b.log.entries(t, "refused")
		if len(logged) != 30 || logged[20]["notLogged"] != 500.0 || logged[21]["notLogged"] != nil {
			t.Fatalf("after a second: %d lines, notLogged %v, then %v", len(logged), logged[20]["notLogged"], logged[21]["notLogged"])
		}
		time.Sleep(time.Hour)
		flood(100)
		if n, _ := lines(); n != 50 {
			t.Fatalf("%d lines after an hour of quiet, want another 20", n)
		}
		if n := len(b.observer.decisions); n != 635 {
			t.Errorf("%d decisions were counted, want all 635", n)
		}
	})
}

// TestRefusalsByLevel: a logger that is set to warnings gets no refusals.
func TestRefusalsByLevel(t *testing.T) {
	var quiet journal
	engine := load(t, "testdata/policy.yaml")
	s := registered(extproc.Options{
		Engine: func() *policy.Engine { return engine }, Observer: &recorder{},
		Logger: slog.New(slog.NewJSONHandler(&quiet, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err := s.process(&script{in: []sent{get("api.shop.example/cart", evil)}}); err != nil || quiet.String() != "" {
		t.Errorf("logged %q, %v", quiet.String(), err)
	}
}

// TestLeanWarningNamesFewPolicies: a thousand policies are not one log line.
func TestLeanWarningNamesFewPolicies(t *testing.T) {
	var cfg spec.Config
	for i := range 1000 {
		cfg.Policies = append(cfg.Policies, spec.Policy{
			Name: fmt.Sprintf("p%03d", i),
			Spec: spec.PolicySpec{
				Hosts: []string{fmt.Sprintf("h%d.example", i)}, Enforcement: new(spec.EnforcementBlock),
				CORS: &spec.CORS{AllowOrigins: []string{"https://a.example"}},
			},
		})
	}
	engine, _, err := policy.Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	b.engine = engine
	b.answers(t, lean("GET", "h1.example/", evil), responds("200"))
	logged := b.log.entries(t, lacking)
	if len(logged) != 1 {
		t.Fatalf("logged %v", logged)
	}
	names, _ := json.Marshal(logged[0]["policies"])
	if text := string(names); !strings.HasPrefix(text, `["p000","p001"`) || !strings.HasSuffix(text, `"p019","…"]`) {
		t.Errorf("names %s", text)
	}
}
