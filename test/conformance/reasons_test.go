package conformance_test

import (
	"fmt"
	"slices"
	"strings"
)

// Aspects that go together.
var (
	both      = []aspect{passes, passesCredentials}
	wire      = append(slices.Clone(both), append(slices.Clone(corsLines), reads, status)...) // all but what caches look at
	grants    = []aspect{"Access-Control-Allow-Methods", "Access-Control-Allow-Headers"}
	corsLines = []aspect{
		"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
		"Access-Control-Allow-Private-Network", "Access-Control-Expose-Headers", "Access-Control-Max-Age",
	}
)

// theyPass and wePass: at least without credentials.
func (d difference) theyPass() bool { return d.request.verdict(d.their).passes[0] }
func (d difference) wePass() bool   { return d.request.verdict(d.our).passes[0] }

// refused: by both.
func (d difference) refused() bool { return !d.theyPass() && !d.wePass() }

// granted: by both.
func (d difference) granted() bool { return d.theyPass() && d.wePass() }

// stricter and moreOpen: in what the difference is about.
func (d difference) stricter() bool { return d.theirs == "true" && d.ours == "false" }
func (d difference) moreOpen() bool { return d.theirs == "false" && d.ours == "true" }

// public: the policy, or a rule of it, lets everyone read.
func (d difference) public() bool { return strings.Contains(d.config.spec, `allowOrigins: ["*"]`) }

// byGateway: Envoy answers, no application does.
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

// common are reasons that hold beside more than one of the others, in the order in
// which they are tried.
func common() []reason { return slices.Concat(oddRequests(), gatewayAndCaches(), refusalsAndGrants()) }

// oddRequests are about requests that few browsers send, or none.
func oddRequests() []reason {
	return []reason{
		{
			name: "only preflights",
			why: "An OPTIONS without `Origin` or without `Access-Control-Request-Method` is no preflight but a request as any other, which a page can make by " +
				"`fetch`: the application answers it, and corsd sets the headers of that answer.",
			when: func(d difference) bool { return d.request.method == "OPTIONS" && !d.request.isPreflight() },
		},
		{
			name: "the application's own headers",
			why: "The application says something of CORS itself. corsd removes that, whoever asks, so that only the policy counts " +
				"(`upstreamHeaders: Override`). There it reaches the browser: pages read what they should not, and a `*` keeps those out that send credentials.",
			aspects: wire,
			when:    func(d difference) bool { return d.request.path == "/careless" },
		},
		{
			name:    "no origin",
			why:     "No browser sends an origin in upper case, with a path, or two of them. corsd refuses that before it looks at any list.",
			aspects: wire,
			when: func(d difference) bool {
				return d.is("in upper case", "that has a path", "two origins in one line", "two lines of `Origin`") && !d.wePass()
			},
		},
		{
			name:    "not looked at",
			why:     "Where everyone may read, without credentials, corsd does not look at the origin, whatever it is.",
			aspects: both,
			when:    func(d difference) bool { return d.is("two lines of `Origin`") && d.moreOpen() },
		},
		{
			name:    "credentials beside a star",
			why:     "Credentials are said to be allowed beside a `*`, which no browser believes. corsd refuses the pair at load.",
			aspects: []aspect{"Access-Control-Allow-Credentials"},
			when:    func(d difference) bool { return d.ours == "" && d.public() },
		},
		{
			name: "the list's form",
			why: "Browsers ask for headers in lower case, sorted and without blanks, and the library takes nothing else. corsd takes any list of names: what stands " +
				"between browser and gateway may rewrite it.",
			aspects: both,
			when:    func(d difference) bool { return d.is("in upper case, with blanks") && d.moreOpen() },
		},
		{
			name:    "default port",
			why:     "No browser writes out the default port. corsd compares origins without it.",
			aspects: both,
			when: func(d difference) bool {
				return d.is("that has the default port") && d.moreOpen()
			},
		},
		{
			name:    "many headers",
			why:     "corsd reads 128 names and 8,192 bytes of `Access-Control-Request-Headers`, and refuses more: what comes from outside is bounded.",
			aspects: wire,
			when:    func(d difference) bool { return d.is("200 headers") && !d.wePass() },
		},
		{
			name:    "malformed wishes",
			why:     "No browser asks for two methods, or for a header that is none. corsd refuses both, and never sends back what is not a name.",
			aspects: wire,
			when:    func(d difference) bool { return d.is("two methods", "a header that is none") && !d.wePass() },
		},
	}
}

// gatewayAndCaches are about answers of the gateway, and about Vary.
func gatewayAndCaches() []reason {
	return []reason{
		{
			name: "gateway's answers",
			why: "No application saw these requests: the gateway itself has answered. corsd sets the CORS headers of such answers too, so that a page " +
				"can read that it has to log in, or that a service is down.",
			aspects: both,
			when:    func(d difference) bool { return d.byGateway() && !d.request.isPreflight() && d.moreOpen() },
		},
		{
			name: "preflights first",
			why: "corsd answers preflights before any route is taken, so none of them depends on whether a service is up or a token is there. The request " +
				"that follows gets the real answer, and the page can read it.",
			aspects: append(slices.Clone(both), corsLines...),
			when:    func(d difference) bool { return d.byGateway() && d.request.isPreflight() && !d.theyPass() },
		},
		{
			name: "`Vary` of a preflight",
			why: "corsd names all three request headers that its answer to a preflight depends on, for caches that keep answers to OPTIONS, which " +
				"RFC 9110 does not let them.",
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
			why: "Under a public `*` nothing depends on the origin. Envoy's virtual host adds `Vary: Origin` to everything all the same, so that answers are " +
				"safe while corsd is down.",
			aspects: []aspect{"Vary"},
			when: func(d difference) bool {
				return d.ours == "origin" && d.public() && !d.request.isPreflight()
			},
		},
		{
			name: "`Vary: Origin`",
			why: "corsd says `Vary: Origin` on every answer that depends on the origin: refusals, answers to requests without `Origin`, and the gateway's " +
				"own among them. Without it a browser gives a stored answer to a page that it is not for, and refuses one that was allowed.",
			aspects: []aspect{reused, "Vary"},
			when: func(d difference) bool {
				return d.aspect == reused && d.stricter() || d.aspect == "Vary" && d.theirs == "" && d.ours == "origin"
			},
		},
	}
}

// refusalsAndGrants are about what the headers say.
func refusalsAndGrants() []reason {
	return []reason{
		{
			name: "status of a refusal",
			why: "A browser sends nothing after a preflight that is not granted, whatever its status. corsd's is 403 (`preflight.denyStatus`), and where the " +
				"origin is allowed 204, since the console says more then.",
			aspects: []aspect{status},
			when:    func(d difference) bool { return d.request.isPreflight() && d.refused() },
		},
		{
			name:    "silence",
			why:     "To a page that may not read, corsd says nothing of CORS: not whom it would let, nor what.",
			aspects: corsLines,
			when:    func(d difference) bool { return d.refused() && d.ours == "" },
		},
		{
			name: "what is missing",
			why: "Where the origin is allowed and the method or a header is not, corsd's refusal says what is allowed: the console of the browser then names " +
				"what is missing (`preflight.detail`). It grants nothing.",
			aspects: corsLines,
			when: func(d difference) bool {
				allowed := value(d.our.header, "Access-Control-Allow-Origin") != ""
				return d.request.isPreflight() && d.refused() && d.theirs == "" && allowed
			},
		},
		{
			name:    "whole lists",
			why:     "corsd sends the whole lists of a policy, as the conformance tests of the Gateway API want it; there only what is asked for is said.",
			aspects: grants,
			when:    func(d difference) bool { return d.granted() && (d.theirs == "" || isPart(d.theirs, d.ours)) },
		},
		{
			name:    "names for a star",
			why:     "For a `*` corsd sends the names that are asked for: a literal `*` means nothing where credentials are involved.",
			aspects: grants,
			when:    func(d difference) bool { return d.granted() && strings.HasPrefix(d.theirs, "*") },
		},
		{
			name:    "a star for everyone",
			why:     "Where everyone may read, without credentials, corsd answers `*` and not the origin: a cache needs only one answer.",
			aspects: []aspect{"Access-Control-Allow-Origin"},
			when:    func(d difference) bool { return d.ours == "*" },
		},
		{
			name:    "exposed headers of a preflight",
			why:     "corsd names the exposed headers on preflights too, since the conformance tests of the Gateway API ask for them there. Browsers do not look.",
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
