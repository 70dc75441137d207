package e2e_test

// upstreamsOwn are hosts on which the application's own CORS headers matter: the
// virtual hosts without a strip.
var upstreamsOwn = []row{
	{
		name:    "Merge: what the application exposes is exposed beside ours",
		request: get("/cart").at("search.shop.example").from(page),
		late:    hostLeaves,
		want: want{
			status: 200, cors: []string{acao, acac, "access-control-expose-headers: ETag, X-Cost", varyBoth},
			asked: 2, reason: "allowed",
		},
		unlike: unlike{"ext_authz": {
			status: 200, cors: []string{acao, acac, "access-control-expose-headers: ETag", varyBoth},
			asked: 1, reason: "allowed", why: neverSees,
		}},
	},
	{
		name:    "Merge: an unknown origin does not get the application's CORS headers",
		request: get("/cart").at("search.shop.example").from(evil),
		late:    hostLeaves,
		want:    want{status: 200, cors: []string{varyBoth}, asked: 2, reason: "origin_not_allowed"},
	},
	{
		name:    "Merge: without an Origin nobody asks corsd, and the application's CORS headers stay, under Vary: Origin",
		request: get("/cart").at("search.shop.example"),
		want:    want{status: 200, cors: and(upstreams, varyBoth), reason: "-"},
		unlike:  unlike{"ext_authz": {status: 200, cors: []string{varyBoth}, reason: "-", why: neverSees}},
	},
	{
		name:    "Preserve: the application's CORS headers stay",
		request: get("/preserved").at("search.shop.example").from(page),
		late:    hostLeaves,
		want:    want{status: 200, cors: and(upstreams, varyBoth), asked: 2, reason: "allowed"},
		unlike: unlike{"ext_authz": {
			status: 200, cors: []string{acao, acac, "access-control-expose-headers: ETag", varyBoth},
			asked: 1, reason: "allowed", why: neverSees,
		}},
	},
	{
		name:    "Preserve: the application's CORS headers stay for an unknown origin, too",
		request: get("/preserved").at("search.shop.example").from(evil),
		late:    hostLeaves,
		want:    want{status: 200, cors: and(upstreams, varyBoth), asked: 2, reason: "origin_not_allowed"},
		unlike:  unlike{"ext_authz": {status: 200, cors: []string{varyBoth}, asked: 1, reason: "origin_not_allowed", why: neverSees}},
	},
	{
		name:    "Preserve: where the application says nothing, the policy does",
		request: get("/preserved/plain").at("search.shop.example").from(page),
		late:    hostLeaves,
		want: want{
			status: 200, cors: []string{acao, acac, "access-control-expose-headers: ETag", varyOrigin},
			asked: 2, reason: "allowed",
		},
	},
	{
		name:    "Shadow: an allowed request is left alone, and judged in the access log",
		request: get("/cart").at("legacy.shop.example").from(page),
		want:    want{status: 200, cors: and(upstreams, vary("Accept-Encoding")), asked: 1, reason: "allowed"},
	},
	{
		name:    "Shadow: a refused request is left alone, and judged in the access log",
		request: get("/cart").at("legacy.shop.example").from(evil),
		want:    want{status: 200, cors: and(upstreams, vary("Accept-Encoding")), asked: 1, reason: "origin_not_allowed"},
	},
	{
		name:    "Shadow: a preflight goes to the application, and is judged in the access log",
		request: preflight("/cart", "PATCH").at("legacy.shop.example").from(page),
		want: want{
			status: 200, cors: and(upstreams, vary("Accept-Encoding")),
			asked: 1, reason: "method_not_allowed", also: []string{"x-cost: 7"},
		},
	},
	{
		name:    "Disabled: a request is left alone",
		request: get("/off").at("legacy.shop.example").from(evil),
		want:    want{status: 200, cors: and(upstreams, vary("Accept-Encoding")), asked: 1, reason: "disabled"},
	},
	{
		name:    "Disabled: a preflight goes to the application",
		request: preflight("/off", "PUT").at("legacy.shop.example").from(evil),
		want:    want{status: 200, cors: and(upstreams, vary("Accept-Encoding")), asked: 1, reason: "disabled"},
	},
}

// blocked are requests to a path with enforcement: Block.
var blocked = []row{
	{
		name:    "Block: a refused request does not reach the application",
		request: do("DELETE", "/blocked").from(evil),
		want:    want{status: 403, cors: []string{varyOrigin}, asked: 1, reason: "origin_not_allowed", immediate: true},
		unlike: unlike{"response_only": {
			status: 200, cors: []string{varyBoth}, asked: 1, reason: "origin_not_allowed", also: []string{"x-cost: 7"}, why: onlyAnswers,
		}},
	},
	{
		name:    "Block: an allowed request does",
		request: do("DELETE", "/blocked").from(page),
		want:    want{status: 200, cors: and(granted, varyBoth), asked: 2, reason: "allowed", also: []string{"x-cost: 7"}},
	},
	{
		name:    "Block: a request without an Origin does",
		request: do("DELETE", "/blocked"),
		want:    want{status: 200, cors: []string{varyBoth}, reason: "-", also: []string{"x-cost: 7"}},
	},
	{
		name:    "Block: a form on the host's own pages does, even one without a referrer",
		request: do("POST", "/blocked").from("null").with("Sec-Fetch-Site", "same-origin"),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "same_origin", also: []string{"x-cost: 7"}},
	},
	{
		name:    "Block: a path parameter does not lead around it",
		request: do("POST", "/blocked;x=1/pay").from(evil),
		want:    want{status: 403, cors: []string{varyOrigin}, asked: 1, reason: "path_ambiguous", immediate: true},
		unlike: unlike{"response_only": {
			status: 404, cors: []string{varyOrigin}, asked: 1, reason: "path_ambiguous", why: onlyAnswers,
		}},
	},
	{
		name:    "Block: a malformed origin does not",
		request: get("/blocked").from(page).from(page),
		want:    want{status: 403, cors: []string{varyOrigin}, asked: 1, reason: "origin_malformed", immediate: true},
		unlike: unlike{"response_only": {
			status: 200, cors: []string{varyBoth}, asked: 1, reason: "origin_malformed", why: onlyAnswers,
		}},
	},
}

// webSockets are handshakes. The application echoes the messages.
var webSockets = []row{
	{
		name:    "a WebSocket is not checked unless a policy asks for it",
		request: webSocket("/chat").from(evil),
		want:    want{status: 101, cors: []string{varyOrigin}, asked: 1, reason: "origin_not_allowed", body: "ping"},
	},
	{
		name:    "a WebSocket of an allowed page is connected",
		request: webSocket("/socket").from(page),
		want:    want{status: 101, cors: []string{varyOrigin}, asked: 1, reason: "allowed", body: "ping"},
	},
	{
		name:    "a WebSocket of an unknown page is refused: it would carry the user's cookies",
		request: webSocket("/socket").from(evil),
		want:    want{status: 403, cors: []string{varyOrigin}, asked: 1, reason: "origin_not_allowed", immediate: true},
		unlike: unlike{"response_only": {
			status: 101, cors: []string{varyOrigin}, asked: 1, reason: "origin_not_allowed", body: "ping", why: onlyAnswers,
		}},
	},
	{
		name:    "nor is it connected by a path parameter",
		request: webSocket("/socket;x=1").from(evil),
		want:    want{status: 403, cors: []string{varyOrigin}, asked: 1, reason: "path_ambiguous", immediate: true},
		unlike: unlike{"response_only": {
			status: 404, cors: []string{varyOrigin}, asked: 1, reason: "path_ambiguous", why: onlyAnswers,
		}},
	},
	{
		name:    "a WebSocket of the host's own page is connected, behind TLS termination too",
		request: webSocket("/socket").from("https://api.shop.example").behindTLS(),
		want:    want{status: 101, cors: []string{varyOrigin}, asked: 1, reason: "same_origin", body: "ping"},
	},
	{
		name:    "a WebSocket of a page of another scheme is not the host's own",
		request: webSocket("/socket").from("https://api.shop.example"),
		want:    want{status: 403, cors: []string{varyOrigin}, asked: 1, reason: "origin_not_allowed", immediate: true},
		unlike: unlike{"response_only": {
			status: 101, cors: []string{varyOrigin}, asked: 1, reason: "origin_not_allowed", body: "ping", why: onlyAnswers,
		}},
	},
	{
		name:    "a WebSocket on a virtual host without a strip keeps what the application says",
		request: webSocket("/chat").at("legacy.shop.example").from(evil),
		want:    want{status: 101, cors: upstreams, asked: 1, reason: "origin_not_allowed", body: "ping"},
	},
}
