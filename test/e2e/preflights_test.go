package e2e_test

import "github.com/corsd/corsd/test/harness/rawhttp"

var preflights = []row{
	// Granted.
	{
		name:    "a preflight is granted all that the policy grants",
		request: preflight("/cart", "PUT", "content-type").from(page),
		want:    want{status: 204, cors: allGranted, asked: 1, reason: "allowed", immediate: true},
	},
	{
		name:    "a preflight never meets authentication",
		request: preflight("/admin", "DELETE").from(page),
		want:    want{status: 204, cors: allGranted, asked: 1, reason: "allowed", immediate: true},
	},
	{
		name:    "a preflight needs no application",
		request: preflight("/unreachable", "PUT").from(page),
		want:    want{status: 204, cors: allGranted, asked: 1, reason: "allowed", immediate: true},
	},
	{
		name:    "a preflight needs no route, since the route may want what only the request itself has",
		request: preflight("/with-header", "GET", "x-trace").from(page),
		want:    want{status: 204, cors: allGranted, asked: 1, reason: "allowed", immediate: true},
		unlike:  unlike{"ext_authz": {status: 404, reason: "-", why: notRouted}},
	},
	{
		name:    "a preflight is answered for an API that answers none itself",
		request: preflight("/today", "GET").at("weather.third-party.example").from(page),
		want:    want{status: 204, cors: []string{acao, preflightVary}, asked: 1, reason: "allowed", immediate: true},
	},
	{
		name:    "a public policy grants what is asked for, and varies not by Origin",
		request: preflight("/public", "PATCH", "x-b", "x-a").from(evil),
		want: want{
			status: 204,
			cors: []string{
				"access-control-allow-origin: *", "access-control-allow-methods: PATCH", "access-control-allow-headers: x-b, x-a",
				acma, vary("Access-Control-Request-Method", "Access-Control-Request-Headers"),
			},
			asked: 1, reason: "allowed", immediate: true,
		},
		unlike: unlike{"module": {
			status: 204,
			cors: []string{
				"access-control-allow-origin: *", "access-control-allow-methods: PATCH", "access-control-allow-headers: x-b, x-a",
				acma, preflightVary,
			},
			asked: 1, reason: "allowed", immediate: true, why: varyOfHost,
		}},
	},
	{
		name:    "a forwarded preflight is answered by the application, with the policy's headers",
		request: preflight("/forwarded", "PUT", "content-type").from(page),
		late:    forwarded,
		want: want{
			status: 200,
			cors: []string{
				acao, acac, acam, acah, acma, aceh,
				vary("Accept-Encoding", "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"),
			},
			asked: 2, reason: "allowed", also: []string{"x-cost: 7"},
		},
		unlike: unlike{
			"response_only": {
				status: 200,
				cors: []string{
					acao, acac, acam, acah, acma, aceh,
					vary("Accept-Encoding", "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"),
				},
				asked: 2, reason: "allowed", also: []string{"x-cost: 7"},
				why: "response_only asks about a preflight as request_response does",
			},
			"ext_authz": {
				status: 200, cors: []string{acao, acac, acam, acah, acma, aceh, varyBoth},
				asked: 1, reason: "allowed", also: []string{"x-cost: 7"},
				why: "Vary is left to Envoy, and no cache keeps the answer to OPTIONS",
			},
		},
	},

	// Refused.
	{
		name:    "a preflight of an unknown origin is refused and told nothing",
		request: preflight("/cart", "PUT").from(evil),
		want:    want{status: 403, cors: []string{preflightVary}, asked: 1, reason: "origin_not_allowed", immediate: true},
	},
	{
		name:    "a preflight of a sandboxed page is refused",
		request: preflight("/cart", "PUT").from("null"),
		want:    want{status: 403, cors: []string{preflightVary}, asked: 1, reason: "origin_null", immediate: true},
	},
	{
		name:    "a preflight for a method that is not allowed is told which are",
		request: preflight("/cart", "PATCH").from(page),
		want:    want{status: 204, cors: allNamed, asked: 1, reason: "method_not_allowed", immediate: true},
	},
	{
		name:    "a preflight for a method in the wrong case is told which are",
		request: preflight("/cart", "put").from(page),
		want:    want{status: 204, cors: allNamed, asked: 1, reason: "method_case", immediate: true},
	},
	{
		name:    "a preflight for a header that is not allowed is told which are",
		request: preflight("/cart", "PUT", "content-type", "x-secret").from(page),
		want:    want{status: 204, cors: allNamed, asked: 1, reason: "header_not_allowed", immediate: true},
	},
	{
		name:    "a preflight for Authorization has a reason of its own",
		request: preflight("/cart", "PUT", "authorization").from(page),
		want:    want{status: 204, cors: allNamed, asked: 1, reason: "authorization_not_listed", immediate: true},
	},
	{
		name:    "a preflight in minimal detail is refused and told nothing",
		request: preflight("/quiet", "PATCH").from(page),
		want:    want{status: 403, cors: []string{preflightVary}, asked: 1, reason: "method_not_allowed", immediate: true},
	},
	{
		name:    "a preflight for TRACE is refused and told nothing",
		request: preflight("/cart", "TRACE").from(page),
		want:    want{status: 403, cors: []string{preflightVary}, asked: 1, reason: "method_forbidden", immediate: true},
	},
	{
		name:    "a preflight for two methods is refused",
		request: preflight("/cart", "PUT").with("Access-Control-Request-Method", "DELETE").from(page),
		want:    want{status: 403, cors: []string{preflightVary}, asked: 1, reason: "method_malformed", immediate: true},
	},
	{
		name:    "a preflight of two origins is refused",
		request: preflight("/cart", "PUT").from(page).from(evil),
		want:    want{status: 403, cors: []string{preflightVary}, asked: 1, reason: "origin_malformed", immediate: true},
	},
	{
		name:    "a preflight of an origin that is not UTF-8 is refused, not lost",
		request: preflight("/cart", "PUT").from(bytes),
		want:    want{status: 403, cors: []string{preflightVary}, asked: 1, reason: "origin_malformed", immediate: true},
	},
	{
		name:    "HTTP/1.1 trims the blanks around an origin",
		request: preflight("/cart", "PUT").from("  " + page + " "),
		want:    want{status: 204, cors: allGranted, asked: 1, reason: "allowed", immediate: true},
		only:    rawhttp.HTTP1,
	},
	{
		name:    "HTTP/2 keeps the blanks around an origin, which then is none",
		request: preflight("/cart", "PUT").from(" " + page),
		want:    want{status: 403, cors: []string{preflightVary}, asked: 1, reason: "origin_malformed", immediate: true},
		only:    rawhttp.HTTP2,
	},
	{
		name:    "a preflight for a path that can be read in two ways is refused",
		request: preflight("/quiet;a=1/b", "PUT").from(page),
		want:    want{status: 403, cors: []string{preflightVary}, asked: 1, reason: "path_ambiguous", immediate: true},
	},

	// Not ours.
	{
		name:    "a preflight to a host that no policy names is left alone",
		request: preflight("/cart", "PUT").at("other.example").from(page),
		want:    want{status: 404, asked: 1, reason: "no_policy"},
		unlike:  unlike{"ext_authz": {status: 404, reason: "-", why: notRouted}},
	},
	{
		name:    "OPTIONS without a requested method is no preflight, and goes to the application",
		request: do("OPTIONS", "/cart").from(page),
		want:    want{status: 200, cors: and(granted, varyBoth), asked: 2, reason: "allowed", also: []string{"x-cost: 7"}},
	},
	{
		name:    "OPTIONS without an Origin is no preflight, and goes to the application",
		request: preflight("/cart", "PUT"),
		want:    want{status: 200, cors: []string{varyBoth}, reason: "-", also: []string{"x-cost: 7"}},
	},
}
