package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy/policyfile"
)

const policies = `apiVersion: corsd.dev/v1alpha1
kind: CORSDefaults
metadata: { name: default }
spec: { cors: { allowMethods: [GET] } }
---
apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: { name: other }
spec: { hosts: [other.example], cors: { allowOrigins: ["https://other.example"] } }
---
apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata:
  name: shop
spec:
  hosts: [api.shop.example]
  cors:
    allowOrigins:
    - https://www.shop.example
    - https://partner.example
    allowHeaders: [X-Trace]
  rules:
  - match: { path: { value: /embed } }
    cors:
      allowNullOrigin: true
  - name: change
    match: { path: { value: /change } }
    cors:
      allowMethods: [PUT]
  - name: socket
    match: { path: { value: /socket } }
    webSocket: { originCheck: Enforce }
  - name: paid
    match: { path: { value: /paid } }
    cors: { allowCredentials: true, exposeHeaders: [X-Total], presets: [trace] }
  - name: gone
    match: { path: { value: /off } }
    enforcement: Disabled
`

// follow returns the live policy of a text.
func follow(t *testing.T, text string) *livePolicy {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	f := &follower{paths: []string{path}}
	if err := f.keep(policyfile.Hash(f.paths), []byte(text)); err != nil {
		t.Fatal(err)
	}
	return f.live
}

func TestTheLinesThatDecided(t *testing.T) {
	const page = "https://www.shop.example"
	live := follow(t, policies)
	for _, tt := range []struct {
		name    string
		request string // method, path and origin, then the method and headers of a preflight
		reason  string
		lines   string // the text of the lines, "" for none
	}{
		{"the entry that takes the origin", "GET /a " + page, "allowed", "- https://www.shop.example"},
		{"another entry", "GET /a https://partner.example", "allowed", "- https://partner.example"},
		{"the list that does not", "GET /a https://evil.example", "origin_not_allowed", "- https://www.shop.example"},
		{"what a rule allows", "GET /embed null", "allowed", "allowNullOrigin: true"},
		{"what a rule does not", "GET /embed " + page, "origin_not_allowed", "allowNullOrigin: true"},
		{"a rule's methods", "OPTIONS /change " + page + " PATCH", "method_not_allowed", "allowMethods: [PUT]"},
		{"the defaults' methods", "OPTIONS /a " + page + " PATCH", "method_not_allowed", "spec: { cors: { allowMethods: [GET] } }"},
		{"what a preflight asks for", "OPTIONS /change " + page + " PUT x-trace", "allowed", "- https://www.shop.example; allowMethods: [PUT]; allowHeaders: [X-Trace]"},
		{"a method that needs no list", "OPTIONS /change " + page + " POST x-trace", "allowed", "- https://www.shop.example; allowHeaders: [X-Trace]"},
		{"the check of a WebSocket", "GET /socket https://evil.example websocket", "origin_not_allowed", "- https://www.shop.example; webSocket: { originCheck: Enforce }"},
		{"a cookie, and a header that is exposed", "GET /paid " + page + " cookie", "allowed", "- https://www.shop.example; cors: { allowCredentials: true, exposeHeaders: [X-Total], presets: [trace] }"},
		{"the policy's headers, in a rule", "OPTIONS /change " + page + " PUT x-b", "header_not_allowed", "allowHeaders: [X-Trace]"},
		{"nothing, where nothing is decided", "GET /off " + page, "disabled", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := live.decide(exchangeOf(tt.request))
			if d.Reason != tt.reason {
				t.Errorf("reason %s, want %s", d.Reason, tt.reason)
			}
			var lines []string
			for _, place := range d.Places {
				lines = append(lines, place.Text)
				if got := strings.TrimSpace(strings.Split(policies, "\n")[place.Line-1]); got != place.Text {
					t.Errorf("line %d is %q, not %q", place.Line, got, place.Text)
				}
			}
			if got := strings.Join(lines, "; "); got != tt.lines {
				t.Errorf("the lines are %q, want %q", got, tt.lines)
			}
		})
	}
}

func exchangeOf(request string) *Exchange {
	words := strings.Fields(request)
	x := &Exchange{Method: words[0], Scheme: "https", Authority: "api.shop.example", Path: words[1], Request: []Field{{"origin", words[2]}}}
	switch {
	case strings.HasSuffix(request, " websocket"):
		x.Request = append(x.Request, Field{"upgrade", "websocket"})
	case strings.HasSuffix(request, " cookie"):
		x.Request, x.Response = append(x.Request, Field{"cookie", "a=b"}), []Field{{"x-total", "3"}}
	default:
		for i, name := range []string{"access-control-request-method", "access-control-request-headers"} {
			if len(words) > 3+i {
				x.Request = append(x.Request, Field{name, words[3+i]})
			}
		}
	}
	return x
}

func TestMissingIsNamed(t *testing.T) {
	d := follow(t, policies).decide(exchangeOf("OPTIONS /change https://www.shop.example PUT x-b,x-trace"))
	if len(d.Missing) != 1 || d.Missing[0] != "x-b" || d.Rule != "change" || d.Policy != "shop" {
		t.Errorf("%+v", d)
	}
}

// A file whose only policy stands in another file that corsd was given has no line.
func TestAPolicyOfAnotherFileHasNoLine(t *testing.T) {
	live := follow(t, policies)
	live.documents = live.documents[:2]
	if d := live.decide(exchangeOf("GET /a https://www.shop.example")); len(d.Places) > 0 || d.Reason != "allowed" {
		t.Errorf("%+v", d)
	}
}
