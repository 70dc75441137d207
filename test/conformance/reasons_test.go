package conformance_test

import (
	"fmt"
	"slices"
	"strings"
)

// Aspects that go together.
var (
	both      = []aspect{passes, passesCredentials}
	wire      = append(slices.Clone(both), append(slices.Clone(corsLines), reads, status)...) // all except those for caches
	grants    = []aspect{"Access-Control-Allow-Methods", "Access-Control-Allow-Headers"}
	corsLines = []aspect{
		"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
		"Access-Control-Allow-Private-Network", "Access-Control-Expose-Headers", "Access-Control-Max-Age",
	}
)

// theyPass and wePass report whether the request passes, at least without credentials.
func (d difference) theyPass() bool { return d.request.verdict(d.their).passes[0] }
func (d difference) wePass() bool   { return d.request.verdict(d.our).passes[0] }

// refused reports whether both refuse.
func (d difference) refused() bool { return !d.theyPass() && !d.wePass() }

// granted reports whether both grant.
func (d difference) granted() bool { return d.theyPass() && d.wePass() }

// stricter and moreOpen compare the aspect of the difference.
func (d difference) stricter() bool { return d.theirs == "true" && d.ours == "false" }
func (d difference) moreOpen() bool { return d.theirs == "false" && d.ours == "true" }

// public reports whether the policy, or a rule of it, lets everyone read.
func (d difference) public() bool { return strings.Contains(d.config.spec, `allowOrigins: ["*"]`) }

// byGateway reports whether Envoy itself answers.
func (d difference) byGateway() bool { return d.request.path == "/down" || d.request.path == "/login" }

// is reports whether the request is one of these, by the ends of their names.
func (d difference) is(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(d.request.name, name) })
}

// isPart reports whether every element of a list is in another.
func isPart(list, of string) bool {
	whole := strings.Split(of, ", ")
	return !slices.ContainsFunc(strings.Split(list, ", "), func(e string) bool { return !slices.Contains(whole, e) })
}

// common returns the reasons for differences from more than one of the others, in the order in which they are tried.
func common() []reason { return slices.Concat(oddRequests(), gatewayAndCaches(), refusalsAndGrants()) }

// oddRequests returns reasons about requests that few browsers send, or none.
func oddRequests() []reason {
	return []reason{
		{
			name: "only preflights",
			why: "An OPTIONS without `Origin` or without `Access-Control-Request-Method` is not a preflight. A " +
				"page can send it by `fetch`, so the application answers it, and corsd sets the headers of the " +
				"response.",
			when: func(d difference) bool { return d.request.method == "OPTIONS" && !d.request.isPreflight() },
		},
		{
			name: "the application's own headers",
			why: "The application sets CORS headers itself. corsd removes them from every response, so that only " +
				"the policy applies (`upstreamHeaders: Override`). There they reach the browser: pages can read " +
				"too much, and a `*` refuses pages that send credentials.",
			aspects: wire,
			when:    func(d difference) bool { return d.request.path == "/careless" },
		},
		{
			name: "no origin",
			why: "No browser sends an origin in upper case, with a path, or two origins. corsd refuses such a " +
				"request before it reads any list.",
			aspects: wire,
			when: func(d difference) bool {
				return d.is("in upper case", "that has a path", "two origins in one line", "two lines of `Origin`") && !d.wePass()
			},
		},
		{
			name:    "not looked at",
			why:     "If everyone may read, without credentials, corsd does not read the origin.",
			aspects: both,
			when:    func(d difference) bool { return d.is("two lines of `Origin`") && d.moreOpen() },
		},
		{
			name: "credentials beside a star",
			why: "The response allows credentials beside a `*`, which browsers ignore. corsd refuses the pair at " +
				"load.",
			aspects: []aspect{"Access-Control-Allow-Credentials"},
			when:    func(d difference) bool { return d.ours == "" && d.public() },
		},
		{
			name: "the list's form",
			why: "Browsers send header names in lower case, sorted and without spaces, and the library accepts " +
				"nothing else. corsd accepts any list of names, because a proxy between browser and gateway may " +
				"rewrite it.",
			aspects: both,
			when:    func(d difference) bool { return d.is("in upper case, with blanks") && d.moreOpen() },
		},
		{
			name:    "default port",
			why:     "No browser writes the default port. corsd compares origins without it.",
			aspects: both,
			when: func(d difference) bool {
				return d.is("that has the default port") && d.moreOpen()
			},
		},
		{
			name: "many headers",
			why: "corsd reads 128 names and 8,192 bytes of `Access-Control-Request-Headers` and refuses more, " +
				"because input from outside is bounded.",
			aspects: wire,
			when:    func(d difference) bool { return d.is("200 headers") && !d.wePass() },
		},
		{
			name: "malformed wishes",
			why: "No browser requests two methods, or a header name that is not valid. corsd refuses both, and " +
				"never echoes an invalid name.",
			aspects: wire,
			when:    func(d difference) bool { return d.is("two methods", "a header that is none") && !d.wePass() },
		},
	}
}

// gatewayAndCaches returns reasons about responses of the gateway, and about Vary.
func gatewayAndCaches() []reason {
	return []reason{
		{
			name: "gateway's answers",
			why: "No application saw these requests: the gateway itself answered. corsd sets the CORS headers of " +
				"such responses too, so that a page can read that it has to log in, or that a service is down.",
			aspects: both,
			when:    func(d difference) bool { return d.byGateway() && !d.request.isPreflight() && d.moreOpen() },
		},
		{
			name: "preflights first",
			why: "corsd answers preflights before Envoy routes them, so they do not depend on whether a service " +
				"is up or a token is present. The request that follows gets the real response, and the page can " +
				"read it.",
			aspects: append(slices.Clone(both), corsLines...),
			when:    func(d difference) bool { return d.byGateway() && d.request.isPreflight() && !d.theyPass() },
		},
		{
			name: "`Vary` of a preflight",
			why: "corsd names all three request headers on which its response to a preflight depends, for caches " +
				"that store responses to OPTIONS although RFC 9110 forbids it.",
			aspects: []aspect{"Vary"},
			when: func(d difference) bool {
				want := "access-control-request-headers, access-control-request-method"
				if !d.public() {
					want += ", origin"
				}
				return d.request.isPreflight() && isPart(want, d.ours)
			},
		},
		{
			name: "`Vary` for everyone",
			why: "Under a public `*` nothing depends on the origin. Envoy's virtual host still adds `Vary: " +
				"Origin` to every response, so that responses are safe while corsd is down.",
			aspects: []aspect{"Vary"},
			when: func(d difference) bool {
				return d.ours == "origin" && d.public() && !d.request.isPreflight()
			},
		},
		{
			name: "`Vary: Origin`",
			why: "corsd sends `Vary: Origin` on every response that depends on the origin, including refusals, " +
				"responses to requests without `Origin`, and the gateway's own. Without it, a browser may serve " +
				"a stored response to a page of another origin, and refuse a page that was allowed.",
			aspects: []aspect{reused, "Vary"},
			when: func(d difference) bool {
				return d.aspect == reused && d.stricter() || d.aspect == "Vary" && d.theirs == "" && d.ours == "origin"
			},
		},
	}
}

// refusalsAndGrants returns reasons about the contents of headers.
func refusalsAndGrants() []reason {
	return []reason{
		{
			name: "status of a refusal",
			why: "After a preflight that is not granted, a browser sends nothing, regardless of the status. " +
				"corsd's status is 403 (`preflight.denyStatus`). For an allowed origin it is 204, because the " +
				"console then shows more.",
			aspects: []aspect{status},
			when:    func(d difference) bool { return d.request.isPreflight() && d.refused() },
		},
		{
			name: "silence",
			why: "corsd sends no CORS headers to a page that may not read, so the page learns nothing about the " +
				"policy.",
			aspects: corsLines,
			when:    func(d difference) bool { return d.refused() && d.ours == "" },
		},
		{
			name: "what is missing",
			why: "If the origin is allowed but the method or a header is not, corsd's refusal contains the " +
				"allowed ones. The browser's console then names the missing one (`preflight.detail`). That " +
				"grants nothing.",
			aspects: corsLines,
			when: func(d difference) bool {
				allowed := value(d.our.header, "Access-Control-Allow-Origin") != ""
				return d.request.isPreflight() && d.refused() && d.theirs == "" && allowed
			},
		},
		{
			name: "whole lists",
			why: "corsd sends the whole lists of a policy, as the conformance tests of the Gateway API require. " +
				"There the response contains only the requested names.",
			aspects: grants,
			when:    func(d difference) bool { return d.granted() && (d.theirs == "" || isPart(d.theirs, d.ours)) },
		},
		{
			name: "names for a star",
			why: "For a `*` corsd sends the requested names, because a literal `*` is not a wildcard for " +
				"requests with credentials.",
			aspects: grants,
			when:    func(d difference) bool { return d.granted() && strings.HasPrefix(d.theirs, "*") },
		},
		{
			name: "a star for everyone",
			why: "If everyone may read, without credentials, corsd sends `*` and not the origin, so a cache " +
				"needs only one response.",
			aspects: []aspect{"Access-Control-Allow-Origin"},
			when:    func(d difference) bool { return d.ours == "*" },
		},
		{
			name: "exposed headers of a preflight",
			why: "corsd sends the exposed headers on preflights too, because the conformance tests of the " +
				"Gateway API require it. Browsers ignore them there.",
			aspects: []aspect{"Access-Control-Expose-Headers"},
			when:    func(d difference) bool { return d.request.isPreflight() && d.granted() && d.theirs == "" },
		},
	}
}

// because picks common reasons by their names.
func because(names ...string) []reason {
	var all []reason
	for _, r := range common() {
		if slices.Contains(names, r.name) {
			r.common = true
			all = append(all, r)
		}
	}
	if len(all) != len(names) {
		panic(fmt.Sprintf("not all of these are reasons: %q", names))
	}
	return all
}
