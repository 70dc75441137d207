package e2e_test

import "github.com/corsd/corsd/test/harness/rawhttp"

var actualRequests = []row{
	// Granted.
	{
		name:    "an answer that says nothing of CORS is made readable",
		request: get("/plain").from(page),
		want:    want{status: 200, cors: and(granted, varyOrigin), asked: 2, reason: "allowed", body: "{\"plain\": true}\n"},
	},
	{
		name:    "the application's own CORS headers are replaced, its Vary is kept",
		request: get("/cart").from(page),
		want:    want{status: 200, cors: and(granted, varyBoth), asked: 2, reason: "allowed", also: []string{"x-cost: 7"}},
	},
	{
		name:    "of the application's two Access-Control-Allow-Origin none is left",
		request: get("/catalogue").from(page),
		want:    want{status: 200, cors: and(granted, varyOrigin), asked: 2, reason: "allowed"},
	},
	{
		name:    "an application that varies by Origin is not made to do so by corsd again",
		request: get("/varied").from(page),
		want:    want{status: 200, cors: and(granted, vary("Origin", "Origin")), asked: 2, reason: "allowed"}, // one is the virtual host's
	},
	{
		name:    "HEAD is answered as GET is",
		request: do("HEAD", "/cart").from(page),
		want:    want{status: 200, cors: and(granted, varyBoth), asked: 2, reason: "allowed"},
	},
	{
		name:    "a 304 carries the headers too, else the browser keeps those of another origin",
		request: get("/catalogue").from(page).with("If-None-Match", `"v7"`),
		want:    want{status: 304, cors: and(granted, varyOrigin), asked: 2, reason: "allowed", also: []string{`etag: "v7"`}},
	},
	{
		name:    "a redirect of the application carries the headers",
		request: get("/moved").from(page),
		want:    want{status: 302, cors: and(granted, varyOrigin), asked: 2, reason: "allowed", also: []string{"location: /catalogue"}},
	},
	{
		name:    "an error of the application carries the headers",
		request: get("/cart/none").from(page),
		want:    want{status: 404, cors: and(granted, varyOrigin), asked: 2, reason: "allowed"},
	},
	{
		name:    "a gRPC failure without a message stays one, and carries the headers",
		request: do("POST", "/inventory.Stock/Get").with("Content-Type", "application/grpc").from(page),
		want:    want{status: 200, cors: and(granted, varyOrigin), asked: 2, reason: "allowed", also: []string{"grpc-status: 5"}},
	},
	{
		name:    "an API of someone else is made readable for our pages",
		request: get("/today").at("weather.third-party.example").from(page),
		want:    want{status: 200, cors: []string{acao, varyOrigin}, asked: 2, reason: "allowed", body: "{\"weather\": \"rain\"}\n"},
	},
	{
		name:    "the client's path and host decide, whatever the route makes of them",
		request: get("/rewritten/cart").from(page),
		want:    want{status: 200, cors: and(granted, varyBoth), asked: 2, reason: "allowed", also: []string{"x-cost: 7"}},
	},
	{
		name:    "the port in Host does not matter",
		request: get("/plain").at("API.shop.example:8443").from(page),
		want:    want{status: 200, cors: and(granted, varyOrigin), asked: 2, reason: "allowed"},
	},
	{
		name:    "a public policy lets everyone read, even what is no origin",
		request: get("/public").from("what is this"),
		want:    want{status: 200, cors: []string{"access-control-allow-origin: *", varyBoth}, asked: 2, reason: "allowed"},
	},

	// Refused.
	{
		name:    "an unknown origin gets the application's answer without CORS headers",
		request: get("/cart").from(evil),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "origin_not_allowed", also: []string{"x-cost: 7"}},
	},
	{
		name:    "a sandboxed page gets no CORS headers",
		request: get("/cart").from("null"),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "origin_null"},
	},
	{
		name:    "two origins get no CORS headers",
		request: get("/cart").from(page).from(evil),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "origin_malformed"},
	},
	{
		name:    "an origin that is not UTF-8 gets no CORS headers",
		request: get("/cart").from(bytes),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "origin_malformed"},
	},
	{
		name:    "HTTP/2 keeps the blanks around an origin of an actual request, too",
		request: get("/cart").from(" " + page),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "origin_malformed"},
		only:    rawhttp.HTTP2,
	},

	// Not CORS.
	{
		name:    "a request without an Origin costs no message, and loses the application's CORS headers all the same",
		request: get("/cart"),
		want:    want{status: 200, cors: []string{varyBoth}, reason: "-", also: []string{"x-cost: 7"}},
	},
	{
		name:    "an empty Origin is none",
		request: get("/cart").from(""),
		want:    want{status: 200, cors: []string{varyBoth}, reason: "-"},
	},
	{
		name:    "a page's request to its own host is told by Sec-Fetch-Site",
		request: do("POST", "/cart").from("https://api.shop.example").with("Sec-Fetch-Site", "same-origin"),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "same_origin"},
	},
	{
		name:    "a page's request to its own host is told by scheme and host, behind TLS termination too",
		request: do("POST", "/cart").from("https://api.shop.example").behindTLS(),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "same_origin"},
	},
	{
		name:    "the https page is not the http host's own",
		request: do("POST", "/cart").from("https://api.shop.example"),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "origin_not_allowed"},
	},
}

// localReplies are answers that no application ever saw.
var localReplies = []row{
	{
		name:    "a 401 of jwt_authn is readable",
		request: get("/admin").from(page),
		want:    want{status: 401, cors: and(granted, varyOrigin), asked: 2, reason: "allowed", body: "Jwt is missing"},
	},
	{
		name:    "a 403 of rbac is readable",
		request: get("/forbidden").from(page),
		want:    want{status: 403, cors: and(granted, varyOrigin), asked: 2, reason: "allowed", body: "RBAC: access denied"},
	},
	{
		name:    "a filter's own CORS headers are replaced for a page that may read",
		request: get("/opinionated").from(page),
		want:    want{status: 401, cors: and(granted, varyOrigin), asked: 2, reason: "allowed", body: "who are you?"},
		unlike: unlike{"lean": want{
			status: 401, cors: []string{acao + ",*", acac, aceh, varyOrigin}, asked: 1, reason: "allowed",
			why: "the virtual host sets before the filter does, and corsd has claimed to be done; no page can read this",
		}},
	},
	{
		// docs/envoy.md: the CORS headers that Envoy itself sends.
		name:    "and removed for any other, unless the virtual host claims to strip, which the router does before",
		request: get("/opinionated").from(evil),
		want:    want{status: 401, cors: []string{"access-control-allow-origin: *", varyOrigin}, asked: 1, reason: "origin_not_allowed"},
		unlike: unlike{
			"response_only": {status: 401, cors: []string{varyOrigin}, asked: 1, reason: "origin_not_allowed", why: "it always sees the response"},
			"module":        {status: 401, cors: []string{varyOrigin}, asked: 1, reason: "origin_not_allowed", why: "it always sees the response"},
		},
	},
	{
		name:    "with corsd-static: vary, corsd removes them",
		request: get("/opinionated").at("search.shop.example").from(evil),
		late:    hostLeaves,
		want:    want{status: 401, cors: []string{varyOrigin}, asked: 2, reason: "origin_not_allowed"},
		unlike: unlike{"ext_authz": want{
			status: 401, cors: []string{"access-control-allow-origin: *", varyOrigin}, asked: 1, reason: "origin_not_allowed",
			why: "ext_authz can remove nothing",
		}},
	},
	{
		name:    "a 429 of a fault is readable",
		request: get("/limited").from(page),
		want:    want{status: 429, cors: and(granted, varyOrigin), asked: 2, reason: "allowed", body: "fault filter abort"},
	},
	{
		name:    "a 503 without an application is readable",
		request: get("/unreachable").from(page),
		want:    want{status: 503, cors: and(granted, varyOrigin), asked: 2, reason: "allowed", body: "no healthy upstream"},
	},
	{
		name:    "a direct response is readable",
		request: get("/direct").from(page),
		want:    want{status: 200, cors: and(granted, varyOrigin), asked: 2, reason: "allowed", body: "from Envoy\n"},
	},
	{
		name:    "a redirect of Envoy is readable",
		request: get("/redirected").from(page),
		want:    want{status: 301, cors: and(granted, varyOrigin), asked: 2, reason: "allowed"},
	},
	{
		name:    "a 404 without a route is readable",
		request: get("/nowhere").from(page),
		late:    noHost,
		want:    want{status: 404, cors: and(granted, varyOrigin), asked: 2, reason: "allowed"},
		unlike:  unlike{"ext_authz": {status: 404, reason: "-", why: notRouted}},
	},
	{
		name:    "a 401 is not readable for an unknown origin",
		request: get("/admin").from(evil),
		want:    want{status: 401, cors: []string{varyOrigin}, asked: 1, reason: "origin_not_allowed"},
	},
	{
		name:    "a 404 without a route varies by Origin for an unknown one, although no virtual host says so",
		request: get("/nowhere").from(evil),
		late:    noHost,
		want:    want{status: 404, cors: []string{varyOrigin}, asked: 2, reason: "origin_not_allowed"},
		unlike:  unlike{"ext_authz": {status: 404, reason: "-", why: notRouted}},
	},
	{
		name:    "a 404 without a route and without an Origin is Envoy's alone",
		request: get("/nowhere"),
		want:    want{status: 404, reason: "-"},
	},
	{
		name:    "an escaped slash is refused before any filter",
		request: get("/cart%2fadmin").from(page),
		want:    want{status: 400, reason: "-"},
		unlike:  unlike{"response_only": {status: 400, asked: 1, reason: "-", why: "the composite filter asks about Envoy's own 400, and corsd leaves it alone"}},
	},
}
