package e2e_test

// selectors are requests whose route names the policy to apply, in place of host
// and path.
var selectors = []row{
	{
		name:    "a route names the policy that judges a request",
		request: get("/selected").from(evil),
		want:    want{status: 200, cors: []string{"access-control-allow-origin: *", varyBoth}, asked: 2, reason: "allowed"},
	},
	{
		name:    "a route names the policy that answers a preflight",
		request: preflight("/selected", "PATCH").from(evil),
		want: want{
			status: 204,
			cors: []string{
				"access-control-allow-origin: *", "access-control-allow-methods: PATCH", acma,
				vary("Access-Control-Request-Method", "Access-Control-Request-Headers"),
			},
			asked: 1, reason: "allowed", immediate: true,
		},
		unlike: unlike{"module": {
			status: 204,
			cors:   []string{"access-control-allow-origin: *", "access-control-allow-methods: PATCH", acma, preflightVary},
			asked:  1, reason: "allowed", immediate: true, why: varyOfHost,
		}},
	},
	{
		name:    "a route that names no policy there is grants nothing",
		request: get("/mistaken").from(page),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "selector_unknown"},
	},
	{
		name:    "a preflight to such a route is refused",
		request: preflight("/mistaken", "PUT").from(page),
		want:    want{status: 403, cors: []string{preflightVary}, asked: 1, reason: "selector_unknown", immediate: true},
	},
	{
		name:    "a client cannot name the policy",
		request: get("/cart").from(evil).with("corsd-policy", "shop#public").with("corsd-path", "/public"),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "origin_not_allowed"},
	},
	{
		name:    "a client cannot say what its path was before a rewrite",
		request: get("/cart").from(evil).with("x-envoy-original-path", "/public").with("x-envoy-original-host", "weather.third-party.example"),
		want:    want{status: 200, cors: []string{varyBoth}, asked: 1, reason: "origin_not_allowed"},
	},
}
