package conformance_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// gatewayPolicy corresponds to the HTTPRoutes of the conformance tests for CORS of release 1.7.0: one
// rule for each rule of a route. One route allows every origin with credentials, so the policy has
// the dangerous name for that.
const gatewayPolicy = `apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: {name: gateway-conformance-infra}
spec:
  hosts: ["*"]
  dangerouslyAllow: [AnyOriginWithCredentials]
  rules:
  - name: cors-multiple-origins-methods-headers
    match: {path: {value: /cors-1}}
    cors:
      allowOrigins: [https://www.foo.com, "https://*.bar.com"]
      allowMethods: [GET, OPTIONS]
      allowHeaders: [x-header-1, x-header-2]
      exposeHeaders: [x-header-3, x-header-4]
      allowCredentials: true
      maxAge: 3600
  - name: cors-wildcard-methods
    match: {path: {value: /cors-2}}
    cors: {allowOrigins: [https://www.foo.com], allowMethods: ["*"]}
  - name: cors-wildcard-origin
    match: {path: {value: /cors-wildcard-origin}}
    cors: {allowOrigins: ["*"], allowMethods: [PUT], allowCredentials: false}
  - name: cors-wildcard-methods-headers
    match: {path: {value: /cors-wildcard-methods-headers}}
    cors: {allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], allowCredentials: true}
  - name: cors-wildcard-methods-headers-unauth
    match: {path: {value: /cors-wildcard-methods-headers-unauth}}
    cors: {allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], allowCredentials: false}
  - name: cors-behavior-creds-false
    match: {path: {value: /cors-behavior-creds-false}}
    cors: {allowOrigins: [https://app.example], allowCredentials: false}
  - name: cors-behavior-creds-true
    match: {path: {value: /cors-behavior-creds-true}}
    cors: {allowOrigins: [https://app.example], allowCredentials: true}
`

// expected is a case of the conformance tests.
type expected struct {
	test    string
	request request // whose name is the case's
	status  []int
	one     map[string][]string // of these values, without blanks, each header has one
	absent  []string
}

// Short names for headers.
const (
	acao = "Access-Control-Allow-Origin"
	acac = "Access-Control-Allow-Credentials"
	acam = "Access-Control-Allow-Methods"
	acah = "Access-Control-Allow-Headers"
	aceh = "Access-Control-Expose-Headers"
	acma = "Access-Control-Max-Age"
)

// inAnyOrder returns both orders of a list of two.
func inAnyOrder(a, b string) []string { return []string{a + "," + b, b + "," + a} }

func gatewayCases() []expected {
	const foo, foobar, port, other = "https://www.foo.com", "https://foobar.com", "https://foobar.com:12345", "https://other.foo.com"
	const two = "x-header-1, x-header-2"
	granted := func(origin string) map[string][]string {
		return map[string][]string{
			acao: {origin}, acam: inAnyOrder("GET", "OPTIONS"), acah: inAnyOrder("x-header-1", "x-header-2"),
			aceh: inAnyOrder("x-header-3", "x-header-4"), acma: {"3600"}, acac: {"true"},
		}
	}
	// Some of the original tests send headers of preflights with a GET, too. They must not matter.
	asking := func(r request) request {
		return r.with("Access-Control-Request-Method", "GET").with("Access-Control-Request-Headers", two)
	}
	row := func(r request, status []int, one map[string][]string, absent ...string) expected {
		return expected{"HTTPRouteCORS", r, status, one, absent}
	}
	ok, noContent := []int{200}, []int{200, 204}
	rows := []expected{
		row(preflight("CORS preflight request from an exact matching origin should be allowed", "/cors-1", foo, "GET", two), noContent, granted(foo)),
		row(preflight("CORS preflight request from a wildcard matching origin should be allowed", "/cors-1", "https://www.bar.com", "GET", two),
			noContent, granted("https://www.bar.com")),
		row(preflight("CORS preflight request from a wildcard matching any number of periods left to '*' should be allowed", "/cors-1", "https://xpto.www.bar.com", "GET", two),
			noContent, granted("https://xpto.www.bar.com")),
		row(preflight("CORS preflight request from a non-matching origin should not be allowed", "/cors-1", foobar, "GET", ""), []int{200, 204, 403}, nil, acao),
		row(asking(actual("Simple request from an exact matching origin should be allowed", "GET", "/cors-1", foo)), ok, map[string][]string{acao: {foo}}),
		row(asking(actual("Simple request from a wildcard matching origin should be allowed", "GET", "/cors-1", "https://www.bar.com")),
			ok, map[string][]string{acao: {"https://www.bar.com"}}),
		row(actual("Simple request from a non-matching origin should not be allowed", "GET", "/cors-1", foobar).with("Access-Control-Request-Method", "GET"), ok, nil, acao),
		row(preflight("CORS preflight request with POST method should be allowed by allowMethods with wildcard", "/cors-2", foo, "POST", ""),
			noContent, map[string][]string{acao: {foo}, acam: {"POST", "*"}}, acac),
		row(preflight("CORS preflight request should not receive access-control-allow-credentials header without access-control-allow-credentials set to true", "/cors-2", foo, "POST", ""),
			noContent, nil, acac),
		row(preflight("CORS preflight request from a wildcard origin should return header with '*' or with the requested Origin", "/cors-wildcard-origin", foobar, "PUT", ""),
			noContent, map[string][]string{acao: {foobar, "*"}, acam: {"PUT"}}, acac),
		row(preflight("CORS preflight request from a wildcard origin containing a port should return header with '*' or with the requested Origin", "/cors-wildcard-origin", port, "PUT", ""),
			noContent, map[string][]string{acao: {port, "*"}, acam: {"PUT"}}, acac),
		row(actual("Request from a wildcard origin containing a port should return header with '*' or with the requested Origin", "PUT", "/cors-wildcard-origin", port),
			ok, map[string][]string{acao: {port, "*"}}),
		row(actual("Simple request from a wildcard origin should return header with '*' or with the requested Origin", "PUT", "/cors-wildcard-origin", foobar),
			ok, map[string][]string{acao: {foobar, "*"}}, acac),
		row(preflight("CORS preflight request requesting specific method and headers should be allowed and always echo the origin with allowCredentials set to true", "/cors-wildcard-methods-headers", other, "PUT", two),
			noContent, map[string][]string{acao: {other}, acam: {"PUT"}, acah: inAnyOrder("x-header-1", "x-header-2"), acac: {"true"}}),
		row(preflight("CORS preflight request requesting specific method and headers should hide access-control-allow-credentials headers with allowCredentials set to false", "/cors-wildcard-methods-headers-unauth", other, "PUT", two),
			noContent, map[string][]string{acao: {other, "*"}, acam: {"PUT", "*"}, acah: append(inAnyOrder("x-header-1", "x-header-2"), "*")}, acac),
		row(actual("CORS request should receive access-control-allow-credentials header with allowCredentials set to true", "GET", "/cors-wildcard-methods-headers", other),
			ok, map[string][]string{acao: {other}, acac: {"true"}}),
		row(actual("CORS request should not receive access-control-allow-credentials header without allowCredentials set to true", "GET", "/cors-wildcard-methods-headers-unauth", other),
			ok, map[string][]string{acao: {other, "*"}}, acac),
	}
	return append(rows, earlierCases()...)
}

// earlierCases are those of a test that stands in 1.4 and 1.5 and not any more.
// They have no names but those that the suite makes for them.
func earlierCases() []expected {
	row := func(n int, path, origin string, one map[string][]string, absent ...string) expected {
		name := fmt.Sprintf("%d request to '%s' with headers should receive one of [200]", n, path)
		r := actual(name, "GET", path, origin).with("Cookie", "sid=abc123").with("Authorization", "Bearer test")
		return expected{"HTTPRouteCORSAllowCredentialsBehavior", r, []int{200}, one, absent}
	}
	const app = "https://app.example"
	return []expected{
		row(0, "/cors-behavior-creds-false", app, nil, acac),
		row(1, "/cors-behavior-creds-true", "http://not-app.example", nil, acac),
		row(2, "/cors-behavior-creds-true", app, map[string][]string{acac: {"true"}, acao: {app}}),
	}
}

// check compares as the conformance tests do: blanks mean nothing.
func (e expected) check(a answer) (faults []string) {
	if !slices.Contains(e.status, a.status) {
		faults = append(faults, fmt.Sprintf("status %d, want one of %v", a.status, e.status))
	}
	for name, values := range e.one {
		got := strings.ReplaceAll(strings.Join(a.header[name], ","), " ", "")
		if !slices.Contains(values, got) {
			faults = append(faults, fmt.Sprintf("%s: %q, want one of %q", name, got, values))
		}
	}
	for _, name := range e.absent {
		if lines := a.header[name]; lines != nil {
			faults = append(faults, fmt.Sprintf("%s: %q, want none", name, lines))
		}
	}
	return faults
}

// The cases of the Gateway API's conformance tests that are about CORS, in all
// profiles.
func TestGatewayAPI(t *testing.T) {
	profiles := []string{"envoy.yaml", "envoy-lean.yaml", "envoy-ext-authz.yaml"}
	var answers [][]answer
	for _, shipped := range profiles {
		t.Run(shipped, func(t *testing.T) {
			m := start(t, shipped, gatewayHost, map[string]string{"policy": gatewayPolicy}, nil)
			c := newClient(t, m)
			var requests []request
			for _, e := range gatewayCases() {
				requests = append(requests, e.request)
			}
			got := c.sendAll(t, "gateway.test", requests)
			for i, e := range gatewayCases() {
				t.Run(e.test+"/"+e.request.name, func(t *testing.T) {
					for _, fault := range e.check(got[i]) {
						t.Error(fault)
					}
				})
			}
			answers = append(answers, got)
		})
	}
	if len(answers) == len(profiles) && !t.Failed() {
		publishGatewayAPI(t, profiles, answers)
	}
}

// gatewayHost is the shop's virtual host with the routes of the conformance tests.
const gatewayHost = `
virtual_hosts:
- name: conformance
  like: shop
  domains: [gateway.test]
  routes:
  - { match: { prefix: /cors- }, route: { cluster: app, regex_rewrite: { pattern: { regex: ".*" }, substitution: /article } } }
`

// publishGatewayAPI writes the table of docs/conformance.md. What the profiles
// answer to a client is the same.
func publishGatewayAPI(t *testing.T, profiles []string, answers [][]answer) {
	t.Helper()
	var b strings.Builder
	b.WriteString("| test | case | corsd answers |\n|---|---|---|\n")
	for i, e := range gatewayCases() {
		said := corsText(answers[0][i])
		for p, other := range answers {
			if text := corsText(other[i]); text != said {
				t.Errorf("%s: %s answers\n%s\nand %s\n%s", e.request.name, profiles[0], said, profiles[p], text)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", e.test, e.request.name, said)
	}
	publishPart(t, "docs/conformance.md", "gateway-api", b.String())
}

// corsText is an answer in one cell of a table, without Vary.
func corsText(a answer) string {
	text := strconv.Itoa(a.status)
	for _, name := range compared {
		for _, line := range a.header[name] {
			if name != "Vary" {
				text += "<br>`" + strings.ToLower(name) + ": " + line + "`"
			}
		}
	}
	return text
}
