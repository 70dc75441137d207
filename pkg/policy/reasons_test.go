package policy_test

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// classes are about what a request is to CORS, judged from the request alone.
func classes() []world {
	class := func(name string, r request, class string) row {
		want := map[string]string{
			"preflight": "preflight allow allowed shop respond 204",
			"actual":    "actual allow allowed shop continue 200",
			"websocket": "websocket none allowed shop pass 200",
			"not_cors":  "not_cors none not_cors shop continue 200",
		}[class]
		lines := map[string][]string{"preflight": {acao + shop, varyPreflight}, "actual": granted, "not_cors": refused}[class]
		return row{name, r, want, lines}
	}
	return []world{{"classes", ruled(), []row{
		class("OPTIONS with an origin and a requested method is a preflight", preflight("GET", "/"), "preflight"),
		class("OPTIONS without a requested method is an actual request", ask("OPTIONS", "/").from(shop), "actual"),
		class("so is one with an empty one", preflight("GET", "/").method(""), "actual"),
		class("OPTIONS without an origin is no request of CORS", preflight("GET", "/").from(), "not_cors"),
		class("a method in another case is another method", request{policy.Request{
			Method: "options", Scheme: "https", Authority: host, Path: "/", Origin: []string{shop}, RequestMethod: []string{"GET"},
		}, 200, nil}, "actual"),
		class("another method with a requested method is an actual request", get("/").method("PUT"), "actual"),
		class("an empty method is an actual request", ask("", "/").from(shop), "actual"),
		class("a request without an origin is no request of CORS", ask("POST", "/"), "not_cors"),
		class("not even with Sec-Fetch-Site", ask("POST", "/").site("cross-site"), "not_cors"),
		class("GET with an upgrade to websocket is a WebSocket", get("/").upgrade("websocket"), "websocket"),
		class("tokens are compared in any case", get("/").upgrade("WebSocket"), "websocket"),
		class("among others", get("/").upgrade("h2c , websocket"), "websocket"),
		class("on any line", get("/").upgrade("h2c", "websocket"), "websocket"),
		class("a token is whole", get("/").upgrade("websocket/13"), "actual"),
		class("an upgrade to something else is none", get("/").upgrade("h2c"), "actual"),
		class("POST with an upgrade is none", ask("POST", "/").from(shop).upgrade("websocket"), "actual"),
		class("CONNECT with :protocol websocket is a WebSocket", ask("CONNECT", "/").from(shop).protocol("websocket"), "websocket"),
		class("CONNECT with another :protocol is none", ask("CONNECT", "/").from(shop).protocol("connect-udp"), "actual"),
		class("CONNECT with an upgrade is none", ask("CONNECT", "/").from(shop).upgrade("websocket"), "actual"),
		class("GET with :protocol is none", get("/").protocol("websocket"), "actual"),
		class("a WebSocket without an origin was made by no browser", get("/").from().upgrade("websocket"), "not_cors"),
		{"a requested method of blanks is not empty", preflight(" ", "/"), "preflight deny method_malformed shop respond 403", []string{varyPreflight}},
		{"an empty line beside another is not empty", preflight("", "/").method("", "GET"), "preflight deny method_malformed shop respond 403", []string{varyPreflight}},
		{"an origin of blanks is not empty", preflight("GET", "/").from(" "), "preflight deny origin_malformed shop respond 403", []string{varyPreflight}},
		{"an empty origin beside another is not empty", preflight("GET", "/").from("", shop), "preflight deny origin_malformed shop respond 403", []string{varyPreflight}},
		{"OPTIONS with an empty origin is an actual request", preflight("GET", "/").from(""), "actual deny origin_malformed shop continue 200", refused},
		{"GET with an empty origin is an actual request", get("/").from(""), "actual deny origin_malformed shop continue 200", refused},
	}}}
}

// reasonWorlds are about the order of reasons, and the same-origin test.
func reasonWorlds() []world {
	cfg := one("shop", spec.PolicySpec{Hosts: []string{host, "{t}.shop.example", "[::1]"}, CORS: &spec.CORS{
		AllowOrigins: []string{shop}, AllowMethods: []string{"PUT"}, AllowHeaders: []string{"X-A"},
	}})
	own := "https://" + host
	same := func(name string, r request) row {
		return row{name, r, "actual none same_origin shop continue 200", refused}
	}
	foreign := func(name string, r request) row {
		return row{name, r, "actual deny origin_not_allowed shop continue 200", refused}
	}
	deny := func(name string, r request, reason string) row {
		return row{name, r, "preflight deny " + reason + " shop respond 403", []string{varyPreflight}}
	}
	tell := func(name string, r request, reason string) row {
		return row{name, r, "preflight deny " + reason + " shop respond 204", []string{acao + shop, acam + "PUT", acah + "X-A", varyPreflight}}
	}
	large := strings.Repeat("x", policy.MaxRequestHeadersBytes) + ",authorization, b@d, x-b"
	return []world{
		{"order of reasons", cfg, []row{
			deny("a malformed origin comes before a malformed method", preflight("PU T", "/").from("x"), "origin_malformed"),
			deny("so does null", preflight("TRACE", "/").from("null"), "origin_null"),
			deny("so does an origin that is not allowed", preflight("TRACE", "/").from(evil), "origin_not_allowed"),
			deny("a malformed method comes before malformed headers", preflight("PU T", "/").headers("b@d name"), "method_malformed"),
			deny("a forbidden method comes before headers", preflight("TRACE", "/").headers("b@d name"), "method_forbidden"),
			tell("the case of a method comes before headers", preflight("put", "/").headers(large), "method_case"),
			tell("a method that is not allowed comes before headers", preflight("PATCH", "/").headers("b@d name"), "method_not_allowed"),
			deny("too many headers come before malformed ones", preflight("PUT", "/").headers(large), "headers_too_large"),
			deny("malformed headers come before Authorization", preflight("PUT", "/").headers("authorization, x-b, a b"), "headers_malformed"),
			tell("Authorization comes before other headers", preflight("PUT", "/").headers("x-b, authorization"), "authorization_not_listed"),
			tell("whatever stands behind it", preflight("PUT", "/").headers("Authorization", "x-b"), "authorization_not_listed"),
			tell("a header that is not allowed comes last", preflight("PUT", "/").headers("x-a, x-b"), "header_not_allowed"),
		}},
		{"same origin", cfg, []row{
			same("Sec-Fetch-Site: same-origin stands in for an origin that is not allowed", get("/").from(evil).site("same-origin")),
			same("so does none", get("/").from(evil).site("none")),
			same("also for null", get("/").from("null").site("same-origin")),
			foreign("same-site is another origin", get("/").from(evil).site("same-site")),
			foreign("cross-site is", get("/").from(evil).site("cross-site")),
			foreign("values are compared byte for byte", get("/").from(evil).site("Same-Origin")),
			foreign("two lines say nothing", get("/").from(evil).site("same-origin", "same-origin")),
			foreign("nor does an empty one", get("/").from(evil).site("")),
			same("an origin that is scheme://authority is the host's own", get("/").from(own)),
			same("in any case of the authority", get("/").from(own).at("API.shop.example")),
			same("and of the scheme", get("/").from(own).over("HTTPS")),
			same("without the default port", get("/").from(own).at(host+":443")),
			same("on either side", get("/").from(own+":443")),
			same("with another port on both", get("/").from(own+":8443").at(host+":8443")),
			same("by http", get("/").from("http://"+host).over("http").at(host+":80")),
			same("also an IPv6 address", get("/").from("https://[::1]:8443").at("[::1]:8443")),
			foreign("with another port it is another origin", get("/").from(own+":8443")),
			foreign("the default port is that of the scheme", get("/").from(own).at(host+":80")),
			foreign("with another scheme it is another origin", get("/").from("http://"+host)),
			foreign("without a scheme nothing is known", get("/").from(own).over("")),
			foreign("with a final dot it is another origin", get("/").from(own+".")),
			foreign("a subdomain is another origin", get("/").from("https://x."+host)),
			{"null is not the host's own", get("/").from("null"), "actual deny origin_null shop continue 200", refused},
			{"a malformed origin stays malformed", get("/").from("x").site("same-origin"), "actual deny origin_malformed shop continue 200", refused},
			{"two lines stay malformed", get("/").from(own, own).site("same-origin"), "actual deny origin_malformed shop continue 200", refused},
			{"an allowed origin is allowed", get("/").site("same-origin"), "actual allow allowed shop continue 200", granted},
			{"a WebSocket of the host's own page", webSocket("/").from(own), "websocket none same_origin shop pass 200", nil},
			deny("never on a preflight", preflight("PUT", "/").from(own).site("same-origin"), "origin_not_allowed"),
			deny("nor for null", preflight("PUT", "/").from("null").site("none"), "origin_null"),
		}},
		{"off", one("shop", spec.PolicySpec{
			Hosts: []string{host}, CORS: allowing(shop), Enforcement: new(spec.EnforcementDisabled),
			Rules: []spec.Rule{{Name: "on", Match: &spec.Match{Path: &spec.PathMatch{Value: "/on"}}, Enforcement: new(spec.EnforcementEnforce)}},
		}), []row{
			{"an actual request is untouched", get("/").answered(200, acao+"*", "vary: Accept"), "actual none disabled shop pass 200", []string{acao + "*", "vary: Accept"}},
			{"so is a preflight", preflight("PUT", "/").answered(404), "preflight none disabled shop pass 404", nil},
			{"so is a request without Origin", ask("GET", "/").answered(200, acao+"*"), "not_cors none disabled shop pass 200", []string{acao + "*"}},
			{"so is a WebSocket", webSocket("/").from(evil), "websocket none disabled shop pass 200", nil},
			{"an ambiguous path might belong to that rule", get("/a/../b"), "actual deny path_ambiguous shop continue 200", refused},
			{"a rule may be on", get("/on"), "actual allow allowed shop/on continue 200", granted},
		}},
		{"off without cors", one("shop", spec.PolicySpec{
			Hosts: []string{host}, Enforcement: new(spec.EnforcementDisabled),
			Rules: []spec.Rule{{Name: "a", Match: &spec.Match{Path: &spec.PathMatch{Value: "/a"}}, CORS: allowing(shop)}},
		}), []row{
			{"off comes before no_rule", get("/b"), "actual none disabled shop pass 200", nil},
			{"a rule inherits it", get("/a"), "actual none disabled shop/a pass 200", nil},
		}},
	}
}
