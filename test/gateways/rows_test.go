package gateways

// table is what every gateway is asked, with corsd alive.
var table = []row{
	{
		name:    "a preflight of an allowed page",
		request: preflight("/cart", "PUT").from(page),
		want:    want{204, allGranted, 1, "allowed"},
	},
	{
		name:    "a preflight of an unknown page",
		request: preflight("/cart", "PUT").from(evil),
		want:    want{403, []string{varyPreflight}, 1, "origin_not_allowed"},
	},
	{
		name:    "a preflight for a method that is not allowed: only others are granted",
		request: preflight("/cart", "PATCH").from(page),
		want:    want{204, []string{acao, acac, acam, acah, varyPreflight}, 1, "method_not_allowed"},
	},
	{
		name:    "a preflight for a path that needs a token, before authentication",
		request: preflight("/staff", "PUT").from(page),
		want:    want{204, allGranted, 1, "allowed"},
	},
	{
		name:    "a request of an allowed page",
		request: get("/cart").from(page),
		want:    want{200, and(granted, varyCart), 2, "allowed"},
	},
	{
		name:    "a request of an unknown page: the application's CORS headers are removed",
		request: get("/cart").from(evil),
		want:    want{200, []string{varyCart}, 1, "origin_not_allowed"},
		unlike:  map[kind]want{eg: {200, []string{varyCart}, 2, "origin_not_allowed"}},
	},
	{
		name:    "a request without an Origin",
		request: get("/cart"),
		want:    want{200, []string{varyCart}, 0, "-"},
		unlike: map[kind]want{
			eg:       {200, []string{varyCart}, 2, "not_cors"},
			extAuthz: {200, []string{varyCart}, 1, "not_cors"},
			// It decides on every request.
			istioModule: {200, []string{varyCart}, 0, "not_cors"},
			egModule:    {200, []string{varyCart}, 0, "not_cors"},
		},
	},
	{
		name:    "401 of the gateway, for a bad token",
		request: get("/staff").from(page).with("Authorization", "Bearer bad"),
		want:    want{401, and(granted, varyOrigin), 2, "allowed"},
	},
	{
		name:    "a path without a route",
		request: get("/nowhere").from(page),
		want:    want{404, and(granted, varyOrigin), 2, "allowed"},
		unlike:  map[kind]want{extAuthz: {404, nil, 0, "-"}},
	},
	{
		name:    "a preflight for a path without a route",
		request: preflight("/nowhere", "PUT").from(page),
		want:    want{204, allGranted, 1, "allowed"},
		unlike:  map[kind]want{extAuthz: {404, nil, 0, "-"}},
	},
	{
		name:    "a redirect of the gateway",
		request: get("/old").from(page),
		want:    want{301, and(granted, varyOrigin), 2, "allowed"},
	},
	{
		name:    "503, since the application has no endpoint",
		request: get("/down").from(page),
		want:    want{503, and(granted, varyOrigin), 2, "allowed"},
	},
	{
		name:    "Shadow: a request of an unknown page",
		request: get("/cart").at("legacy.shop.example").from(evil),
		want:    want{200, and(upstreams, "vary: Accept-Encoding"), 1, "origin_not_allowed"},
	},
	{
		name:    "Shadow: a preflight goes to the application",
		request: preflight("/cart", "PUT").at("legacy.shop.example").from(evil),
		want:    want{200, and(upstreams, "vary: Accept-Encoding"), 1, "origin_not_allowed"},
	},
	{
		name:    "Merge: a request of an allowed page",
		request: get("/cart").at("search.shop.example").from(page),
		want:    want{200, []string{acao, acac, "access-control-expose-headers: ETag, X-Cost", varyCart}, 2, "allowed"},
		unlike:  map[kind]want{extAuthz: {200, and(granted, varyCart), 1, "allowed"}},
	},
	{
		name:    "Merge: a request of an unknown page",
		request: get("/cart").at("search.shop.example").from(evil),
		want:    want{200, []string{varyCart}, 2, "origin_not_allowed"},
		unlike:  map[kind]want{extAuthz: {200, and(upstreams, varyCart), 1, "origin_not_allowed"}},
	},
	{
		name:    "Block: a request of an unknown page does not reach the application",
		request: do("DELETE", "/cart").at("office.shop.example").from(evil),
		want:    want{403, []string{varyOrigin}, 1, "origin_not_allowed"},
	},
	{
		name:    "Block: a request of an allowed page",
		request: do("DELETE", "/cart").at("office.shop.example").from(page),
		want:    want{200, []string{acao, acac, varyCart}, 2, "allowed"},
	},
	{
		name:    "a WebSocket of an allowed page",
		request: webSocket("/chat").at("office.shop.example").from(page),
		want:    want{101, []string{varyOrigin}, 1, "allowed"},
		// No browser reads the CORS headers of a 101, so corsd leaves them, and here no host strips.
		unlike: map[kind]want{istioModule: {101, upstreams, 0, "allowed"}, egModule: {101, upstreams, 0, "allowed"}},
	},
	{
		name:    "a WebSocket of an unknown page",
		request: webSocket("/chat").at("office.shop.example").from(evil),
		want:    want{403, []string{varyOrigin}, 1, "origin_not_allowed"},
	},
	{
		name:    "a rule that the route names (`corsd-policy`), or that the path selects",
		request: preflight("/catalogue", "PUT").from(page),
		want:    want{204, []string{acao, acac, "access-control-allow-methods: GET", acah, varyPreflight}, 1, "method_not_allowed"},
	},
	{
		name:    "a host whose VirtualService removes the application's headers",
		request: get("/forecast").at("weather.third-party.example").from(page),
		only:    []kind{istio, extAuthz, istioModule},
		want:    want{200, []string{acao, varyOrigin}, 2, "allowed"},
	},
	{
		name:    "the lean route: a request of an allowed page",
		request: get("/cart").at("lean.shop.example").from(page),
		only:    []kind{eg},
		want:    want{200, and(granted, varyCart), 1, "allowed"},
	},
	{
		name:    "the lean route: a request of an unknown page",
		request: get("/cart").at("lean.shop.example").from(evil),
		only:    []kind{eg},
		want:    want{200, []string{varyCart}, 1, "origin_not_allowed"},
	},
	{
		name:    "the lean route: a request without an Origin",
		request: get("/cart").at("lean.shop.example"),
		only:    []kind{eg},
		want:    want{200, []string{varyCart}, 1, "not_cors"},
	},
	{
		name:    "a route with an EnvoyExtensionPolicy of its own: **corsd is not called**",
		request: get("/cart/replaced").from(evil),
		only:    []kind{eg, egModule},
		want:    want{200, and(upstreams, "vary: Accept-Encoding"), 0, "-"},
	},
	{
		name:    "the same with `mergeType: StrategicMerge`",
		request: get("/cart/merged").from(evil),
		only:    []kind{eg, egModule},
		want:    want{200, []string{varyCart}, 2, "origin_not_allowed"},
	},
	{
		// Its server is the lean port of corsd, which believes that the route strips.
		name:    "the same with an `extProc` of its own: **only that one is called**",
		request: get("/cart/listed").from(evil),
		only:    []kind{eg},
		want:    want{200, and(upstreams, "vary: Accept-Encoding"), 1, "origin_not_allowed"},
	},
}

// outage is what every gateway is asked while corsd is dead.
var outage = []row{
	{
		name:    "a request of an allowed page",
		request: get("/cart").from(page),
		want:    want{200, []string{varyCart}, uncounted, "-"},
	},
	{
		name:    "a request of an unknown page",
		request: get("/cart").from(evil),
		want:    want{200, []string{varyCart}, uncounted, "-"},
	},
	{
		name:    "a preflight is the application's",
		request: preflight("/cart", "PUT").from(page),
		want:    want{200, []string{varyCart}, uncounted, "-"},
	},
	{
		name:    "the host with `Block`, which fails closed",
		request: do("DELETE", "/cart").at("office.shop.example").from(page),
		want:    want{500, []string{varyOrigin}, uncounted, "-"},
		unlike:  map[kind]want{extAuthz: {200, []string{varyCart}, uncounted, "-"}},
	},
	{
		name:    "its WebSocket",
		request: webSocket("/chat").at("office.shop.example").from(evil),
		want:    want{500, []string{varyOrigin}, uncounted, "-"},
		unlike:  map[kind]want{extAuthz: {101, []string{varyOrigin}, uncounted, "-"}},
	},
	{
		name:    "Shadow: a request of an unknown page",
		request: get("/cart").at("legacy.shop.example").from(evil),
		want:    want{200, and(upstreams, "vary: Accept-Encoding"), uncounted, "-"},
	},
	{
		name:    "a route that does not strip: the application's headers reach the page",
		request: get("/cart/merged").from(evil),
		only:    []kind{eg},
		want:    want{200, and(upstreams, "vary: Accept-Encoding"), uncounted, "-"},
	},
	{
		name:    "the lean route: a request of an allowed page",
		request: get("/cart").at("lean.shop.example").from(page),
		only:    []kind{eg},
		want:    want{200, []string{varyCart}, uncounted, "-"},
	},
}
