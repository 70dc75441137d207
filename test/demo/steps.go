package main

import "github.com/corsd/corsd/test/harness/rawhttp"

// step is one request of the demo and the expected response.
type step struct {
	title   string
	asks    server
	request rawhttp.Request

	status int
	cors   []string // all CORS headers and Vary, sorted
	entry  string   // a part of Envoy's access log entry
}

// server is the receiver of a request.
type server int

const (
	gateway server = iota // Envoy
	shop                  // the application itself
	weather               // the third party's API itself
)

const page, stranger = "https://www.shop.example", "https://evil.example"

func ask(method, host, path, origin string, header ...rawhttp.Field) rawhttp.Request {
	return rawhttp.Request{
		Method: method, Authority: host, Path: path,
		Header: append([]rawhttp.Field{{Name: "Origin", Value: origin}}, header...),
	}
}

func preflight(path, origin, method string, header ...rawhttp.Field) rawhttp.Request {
	header = append([]rawhttp.Field{{Name: "Access-Control-Request-Method", Value: method}}, header...)
	return ask("OPTIONS", "api.shop.example", path, origin, header...)
}

// readable has the headers that every response of the shop's API has for the shop's page.
var readable = []string{
	"access-control-allow-credentials: true",
	"access-control-allow-origin: https://www.shop.example",
	"access-control-expose-headers: ETag",
}

var steps = []step{
	{
		title: "May a page of the shop PUT JSON? corsd answers this preflight; the application is not asked.",
		request: preflight("/cart", page, "PUT",
			rawhttp.Field{Name: "Access-Control-Request-Headers", Value: "content-type"}),
		status: 204,
		cors: []string{
			"access-control-allow-credentials: true",
			"access-control-allow-headers: Authorization, Content-Type, X-Trace",
			"access-control-allow-methods: GET, PUT, DELETE",
			"access-control-allow-origin: https://www.shop.example",
			"access-control-expose-headers: ETag",
			"access-control-max-age: 600",
			"vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
		},
		entry: " corsd_allowed ",
	},
	{
		title:   "May a stranger? The answer does not say why not; Envoy's access log does.",
		request: preflight("/cart", stranger, "PUT"),
		status:  403,
		cors:    []string{"vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"},
		entry:   " corsd_origin_not_allowed ",
	},
	{
		title: "May a page of the shop PATCH? No. The answer lists what it may do, " +
			"so that the browser's console can name the reason.",
		request: preflight("/cart", page, "PATCH"),
		status:  204,
		cors: []string{
			"access-control-allow-credentials: true",
			"access-control-allow-headers: Authorization, Content-Type, X-Trace",
			"access-control-allow-methods: GET, PUT, DELETE",
			"access-control-allow-origin: https://www.shop.example",
			"vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
		},
		entry: " corsd_method_not_allowed ",
	},
	{
		title:   "What the application itself says: everyone may read, with cookies. Browsers refuse that.",
		asks:    shop,
		request: ask("GET", "api.shop.example", "/cart", page),
		status:  200,
		cors: []string{
			"access-control-allow-credentials: true",
			"access-control-allow-origin: *",
			"access-control-expose-headers: X-Cost",
			"vary: Accept-Encoding",
		},
	},
	{
		title:   "The same through the gateway: the policy in its place, and its Vary extended.",
		request: ask("GET", "api.shop.example", "/cart", page),
		status:  200,
		cors:    append(readable[:3:3], "vary: Accept-Encoding,Origin"),
		entry:   " reason=allowed ",
	},
	{
		title:   "For a stranger, nothing of what the application says is left.",
		request: ask("GET", "api.shop.example", "/cart", stranger),
		status:  200,
		cors:    []string{"vary: Accept-Encoding,Origin"},
		entry:   " reason=origin_not_allowed ",
	},
	{
		title:   "A 401 of the gateway, which no application saw: the page can read it, and send the user to log in.",
		request: ask("GET", "api.shop.example", "/admin", page),
		status:  401,
		cors:    append(readable[:3:3], "vary: Origin"),
		entry:   " reason=allowed ",
	},
	{
		title:   "A 404 of the gateway, for which there is not even a route.",
		request: ask("GET", "api.shop.example", "/nowhere", page),
		status:  404,
		cors:    append(readable[:3:3], "vary: Origin"),
		entry:   " route_not_found ",
	},
	{
		title:   "A host that is not ours says nothing of CORS, so no page can read it:",
		asks:    weather,
		request: ask("GET", "weather.third-party.example", "/today", page),
		status:  200,
	},
	{
		title:   "but through the gateway the pages of the shop can.",
		request: ask("GET", "weather.third-party.example", "/today", page),
		status:  200,
		cors:    []string{"access-control-allow-origin: https://www.shop.example", "vary: Origin"},
		entry:   " reason=allowed ",
	},
}
