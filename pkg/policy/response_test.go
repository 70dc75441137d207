package policy_test

import (
	"fmt"
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// theirs are CORS headers of an application that knows better.
var theirs = []string{
	"access-control-allow-origin: *", "access-control-allow-origin: https://evil.example", "access-control-allow-credentials: true",
	"access-control-allow-methods: *", "access-control-allow-headers: *", "access-control-allow-private-network: true",
	"access-control-expose-headers: X-Theirs", "access-control-max-age: 5", "access-control-something-new: 1",
}

// actualWorlds are about responses to actual requests.
func actualWorlds() []world {
	all := []string{acao + shop, acac, aceh + "ETag, X-A", varyOrigin}
	public := []string{acao + "*", aceh + "ETag"}
	rows := []row{
		{"a granted one gets exactly ours", get("/").answered(200, theirs...), "actual allow allowed shop continue 200", all},
		{"method and headers are not judged", ask("FOO", "/").from(shop).headers("b@d").method("x y"), "actual allow allowed shop continue 200", all},
		{"a refused one loses upstream's", get("/").from(evil).answered(200, theirs...), "actual deny origin_not_allowed shop continue 200", refused},
		{"so does one with a malformed origin", get("/").from("").answered(200, theirs...), "actual deny origin_malformed shop continue 200", refused},
		{"so does one without Origin", ask("GET", "/").answered(200, theirs...), "not_cors none not_cors shop continue 200", refused},
		{"so does the host's own page", get("/").from("https://"+host).answered(200, theirs...), "actual none same_origin shop continue 200", refused},
		{"other headers stay", get("/").answered(200, "content-type: text/html", "etag: 1", "set-cookie: a=b"), "actual allow allowed shop continue 200", all},
		{"a header that only begins alike stays", get("/").answered(200, "access-controls: x"), "actual allow allowed shop continue 200", all},
		{"103 is not touched", get("/").answered(103, theirs...), "actual allow allowed shop continue 103", theirs},
		{"nor 100", get("/").answered(100, theirs...), "actual allow allowed shop continue 100", theirs},
		{"nor 101", get("/").from(evil).answered(101, theirs...), "actual deny origin_not_allowed shop continue 101", theirs},
		{"nor 199", get("/").answered(199, theirs...), "actual allow allowed shop continue 199", theirs},
	}
	for _, status := range []int{200, 204, 206, 301, 304, 400, 401, 404, 429, 500, 503, 599} {
		rows = append(rows,
			row{fmt.Sprintf("on status %d", status), get("/").answered(status, theirs...), fmt.Sprintf("actual allow allowed shop continue %d", status), all},
			row{fmt.Sprintf("refused on status %d", status), get("/").from(evil).answered(status, theirs...), fmt.Sprintf("actual deny origin_not_allowed shop continue %d", status), refused})
	}
	vary := func(name string, want []string, upstream ...string) row {
		return row{name, get("/").answered(200, upstream...), "actual allow allowed shop continue 200", append([]string{acao + shop}, want...)}
	}
	return []world{
		{"actual requests", one("shop", wholeShop()), rows},
		{"actual requests to *", one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{AllowOrigins: []string{"*"}, ExposeHeaders: []string{"ETag"}}}), []row{
			{"get * and no Vary", get("/").answered(200, theirs...), "actual allow allowed shop continue 200", public},
			{"upstream's Vary stays", get("/").answered(200, "vary: Accept", "vary: origin"), "actual allow allowed shop continue 200", append([]string{"vary: Accept", "vary: origin"}, public...)},
			{"without Origin, too", ask("GET", "/").answered(304, theirs...), "not_cors none not_cors shop continue 304", public},
			{"from null, too", get("/").from("null"), "actual allow allowed shop continue 200", public},
			{"on every status", get("/").answered(500), "actual allow allowed shop continue 500", public},
			{"a WebSocket gets nothing", webSocket("/").answered(200), "websocket none allowed shop pass 200", nil},
		}},
		{"Vary", ruled(), []row{
			vary("is set where there is none", []string{varyOrigin}),
			vary("joins what is there", []string{"vary: Accept-Encoding, Origin"}, "vary: Accept-Encoding"),
			vary("joins several lines", []string{"vary: Accept, Accept-Encoding, Origin"}, "vary: Accept", "vary: Accept-Encoding"),
			vary("stays where it says so already", []string{"vary: accept,  origin"}, "vary: accept,  origin"),
			vary("in any case, on any line", []string{"vary: Accept", "vary: ORIGIN"}, "vary: Accept", "vary: ORIGIN"),
			vary("stays where it says *", []string{"vary: *"}, "vary: *"),
			vary("also among others", []string{"vary: Accept", "vary: Cookie, *"}, "vary: Accept", "vary: Cookie, *"),
			vary("a longer name is another", []string{"vary: X-Origin, Origin-X, Origin"}, "vary: X-Origin, Origin-X"),
			vary("repeats become one", []string{"vary: Accept, Origin"}, "vary: Accept, ACCEPT,accept ,"),
			vary("an empty line says nothing", []string{varyOrigin}, "vary: "),
			vary("nor do commas", []string{varyOrigin}, "vary: ,, ,"),
			vary("what is no token is kept", []string{"vary: a b, (x), Origin"}, "vary: a b,(x)"),
		}},
	}
}

// upstreamWorlds are about upstreamHeaders.
func upstreamWorlds() []world {
	doc := func(mode spec.UpstreamHeaders, expose ...string) spec.PolicySpec {
		return spec.PolicySpec{
			Hosts: []string{host}, UpstreamHeaders: &mode, CORS: &spec.CORS{AllowOrigins: []string{shop}, AllowCredentials: new(true), ExposeHeaders: expose},
			Rules: []spec.Rule{{Name: "public", Match: prefix("/public"), CORS: &spec.CORS{AllowOrigins: []string{"*"}, AllowCredentials: new(false)}}},
		}
	}
	preserved := []string{"access-control-allow-origin: https://else.example", "access-control-allow-methods: FOO", "access-control-expose-headers: a b"}
	kept := func(name string, r request, want string) row {
		return row{name, r.answered(200, preserved...), want + " continue 200", append([]string{varyOrigin}, preserved...)}
	}
	merged := func(name string, want string, upstream ...string) row {
		lines := []string{acao + shop, acac, varyOrigin}
		if want != "" {
			lines = append(lines, aceh+want)
		}
		return row{name, get("/").answered(200, upstream...), "actual allow allowed shop continue 200", lines}
	}
	long := make([]string, 60)
	for i := range long {
		long[i] = fmt.Sprintf("X-Name-%02d", i)
	}
	return []world{
		{"Preserve", one("shop", doc(spec.UpstreamPreserve, "ETag")), []row{
			kept("upstream's stay as they are where it has an allow-origin", get("/"), "actual allow allowed shop"),
			kept("whoever asks", get("/").from(evil), "actual deny origin_not_allowed shop"),
			kept("also without Origin", ask("GET", "/"), "not_cors none not_cors shop"),
			kept("under a public * upstream may echo, so Vary is there", get("/public"), "actual allow allowed shop/public"),
			{"two of upstream's stay two", get("/").answered(200, theirs...), "actual allow allowed shop continue 200", append([]string{varyOrigin}, theirs...)},
			{"an empty one is one", get("/").answered(200, acao), "actual allow allowed shop continue 200", []string{varyOrigin, acao}},
			{"without one it is as Override", get("/").answered(200, preserved[1:]...), "actual allow allowed shop continue 200", []string{acao + shop, acac, aceh + "ETag", varyOrigin}},
			{"also for a refused origin", get("/").from(evil).answered(200, preserved[1:]...), "actual deny origin_not_allowed shop continue 200", refused},
			{"under a public * Vary is there all the same", get("/public"), "actual allow allowed shop/public continue 200", []string{acao + "*", aceh + "ETag", varyOrigin}},
			{"also without Origin", ask("GET", "/public"), "not_cors none not_cors shop/public continue 200", []string{acao + "*", aceh + "ETag", varyOrigin}},
		}},
		{"Merge", one("shop", doc(spec.UpstreamMerge, "ETag", "X-A")), []row{
			merged("upstream's exposed headers join ours", "ETag, X-A, X-B, X-C", "access-control-expose-headers: X-B,X-C"),
			merged("each once, in our spelling", "ETag, X-A, X-B", "access-control-expose-headers: etag, X-B, x-b,X-a"),
			merged("from several lines", "ETag, X-A, X-B, X-C", "access-control-expose-headers: X-B", "access-control-expose-headers: X-C,X-B"),
			merged("what is no token is left out", "ETag, X-A, X-B", "access-control-expose-headers: b@d, X B,, X-B, \"x\", (y), ä"),
			merged("none of upstream leaves ours", "ETag, X-A"),
			merged("an asterisk is a token", "ETag, X-A, *", "access-control-expose-headers: *"),
			merged("everything else of upstream goes", "ETag, X-A, X-Theirs", theirs...),
			{"a refused origin gets nothing", get("/").from(evil).answered(200, theirs...), "actual deny origin_not_allowed shop continue 200", refused},
			{"nor does a request without Origin", ask("GET", "/").answered(200, theirs...), "not_cors none not_cors shop continue 200", refused},
			{"under a public * everyone gets both", ask("GET", "/public").answered(200, theirs...), "not_cors none not_cors shop/public continue 200", []string{acao + "*", aceh + "ETag, X-A, X-Theirs"}},
		}},
		{"Merge without exposed headers of our own", one("shop", doc(spec.UpstreamMerge)), []row{
			merged("upstream's are exposed", "X-B", "access-control-expose-headers: X-B"),
			merged("none of upstream sends none", ""),
			merged("nothing but what is no token sends none", "", "access-control-expose-headers: b@d"),
			merged("many names, each once", strings.Join(long, ", "), "access-control-expose-headers: "+strings.Join(long, ","), "access-control-expose-headers: "+strings.ToLower(strings.Join(long, ","))),
		}},
		{"Merge with *", one("shop", spec.PolicySpec{Hosts: []string{host}, UpstreamHeaders: new(spec.UpstreamMerge), CORS: &spec.CORS{
			AllowOrigins: []string{shop}, ExposeHeaders: []string{"*"},
		}}), []row{
			{"upstream's join it", get("/").answered(200, "access-control-expose-headers: X-B, *"), "actual allow allowed shop continue 200", []string{acao + shop, aceh + "*, X-B", varyOrigin}},
		}},
	}
}

// blockWorlds are about Block and Shadow.
func blockWorlds() []world {
	doc := wholeShop()
	doc.CORS.ExposeHeaders = nil
	doc.Enforcement = new(spec.EnforcementBlock)
	doc.Rules = []spec.Rule{
		{Name: "shadow", Match: prefix("/shadow"), Enforcement: new(spec.EnforcementShadow)},
		{Name: "none", Match: prefix("/none"), CORS: allowing()},
	}
	block := func(name string, r request, reason, by string) row {
		return row{name, r, "actual deny " + reason + " " + by + " respond 403", refused}
	}
	through := func(name string, r request, want string) row {
		return row{name, r.answered(200, theirs...), want + " continue 200", refused}
	}
	shadow := func(name string, r request, want string) row {
		return row{name, r.answered(200, theirs...), want + " pass 200", theirs}
	}
	own := "https://" + host
	return []world{
		{"Block", one("shop", doc), []row{
			block("a refused origin", get("/").from(evil), "origin_not_allowed", "shop"),
			block("null", get("/").from("null"), "origin_null", "shop"),
			block("a malformed one", get("/").from("x"), "origin_malformed", "shop"),
			block("an empty one", get("/").from(""), "origin_malformed", "shop"),
			block("any method", ask("POST", "/").from(evil), "origin_not_allowed", "shop"),
			block("an ambiguous path", get("/a/../b"), "path_ambiguous", "shop"),
			block("with cross-site", get("/").from(evil).site("cross-site"), "origin_not_allowed", "shop"),
			{"an allowed origin goes through", get("/"), "actual allow allowed shop continue 200", []string{acao + shop, acac, varyOrigin}},
			through("a request without Origin goes through", ask("GET", "/"), "not_cors none not_cors shop"),
			through("also to an ambiguous path", ask("GET", "/a/../b"), "not_cors none path_ambiguous shop"),
			through("the host's own page goes through", get("/").from(own), "actual none same_origin shop"),
			through("also to an ambiguous path", get("/a/../b").from(own), "actual deny path_ambiguous shop"),
			through("also with a malformed origin, where the browser says it is the same", get("/").from("x").site("same-origin"), "actual deny origin_malformed shop"),
			through("or that the user did it", get("/").from(evil, evil).site("none"), "actual deny origin_malformed shop"),
			{"a refused preflight is answered as elsewhere", preflight("PUT", "/").from(evil), "preflight deny origin_not_allowed shop respond 403", []string{varyPreflight}},
			{"a WebSocket is not blocked", webSocket("/").from(evil), "websocket none origin_not_allowed shop pass 200", nil},
		}},
		{"Block on every host", one("shop", spec.PolicySpec{Hosts: []string{"*"}, Enforcement: new(spec.EnforcementBlock), CORS: allowing(shop)}), []row{
			{"a malformed origin is the host's own where the host is called so", get("/").at("A,b.example:443").from("https://a,b.example"), "actual deny origin_malformed shop continue 200", refused},
			{"in lower case", get("/").at("A,b.example").from("https://A,b.example"), "actual deny origin_malformed shop respond 403", refused},
			{"with its scheme", get("/").at("a,b.example").from("http://a,b.example"), "actual deny origin_malformed shop respond 403", refused},
		}},
		{"Block without a rule", one("shop", spec.PolicySpec{Hosts: []string{host}, Enforcement: new(spec.EnforcementBlock), Rules: []spec.Rule{
			{Name: "a", Match: prefix("/a"), CORS: allowing(shop)},
		}}), []row{
			block("a path that no rule takes", get("/b"), "no_rule", "shop"),
			through("not for the host's own page", get("/b").from(own), "actual deny no_rule shop"),
		}},
		{"Shadow", one("shop", doc), []row{
			shadow("a granted request is untouched", get("/shadow"), "actual allow allowed shop/shadow"),
			shadow("a refused one is", get("/shadow").from(evil), "actual deny origin_not_allowed shop/shadow"),
			shadow("a preflight is", preflight("PUT", "/shadow"), "preflight allow allowed shop/shadow"),
			shadow("a refused preflight is", preflight("FOO", "/shadow"), "preflight deny method_not_allowed shop/shadow"),
			shadow("a request without Origin is", ask("GET", "/shadow"), "not_cors none not_cors shop/shadow"),
			shadow("a WebSocket is", webSocket("/shadow").from(evil), "websocket none origin_not_allowed shop/shadow"),
		}},
	}
}

// webSocketWorlds are about webSocket.originCheck.
func webSocketWorlds() []world {
	checked := &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)}
	rule := spec.Rule{Name: "a", Match: prefix("/a"), CORS: allowing(shop)}
	doc := spec.PolicySpec{Hosts: []string{host}, WebSocket: checked, CORS: allowing(shop), Rules: []spec.Rule{
		rule,
		{Name: "unchecked", Match: prefix("/unchecked"), WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckDisabled)}},
		{Name: "shadow", Match: prefix("/shadow"), Enforcement: new(spec.EnforcementShadow)},
		{Name: "off", Match: prefix("/off"), Enforcement: new(spec.EnforcementDisabled)},
	}}
	refuse := func(name string, r request, reason, by string) row {
		return row{name, r, "websocket deny " + reason + " " + by + " respond 403", refused}
	}
	pass := func(name string, r request, want string) row {
		return row{name, r.answered(101, theirs...), "websocket " + want + " pass 101", theirs}
	}
	own := "https://" + host
	http2 := ask("CONNECT", "/").from(evil).protocol("websocket")
	return []world{
		{"WebSocket check", one("shop", doc), []row{
			refuse("a refused origin", webSocket("/").from(evil), "origin_not_allowed", "shop"),
			refuse("over HTTP/2", http2, "origin_not_allowed", "shop"),
			refuse("null", webSocket("/").from("null"), "origin_null", "shop"),
			refuse("a malformed one", webSocket("/").from("x"), "origin_malformed", "shop"),
			refuse("an empty one", webSocket("/").from(""), "origin_malformed", "shop"),
			refuse("an ambiguous path", webSocket("/a/../b"), "path_ambiguous", "shop"),
			pass("an allowed origin", webSocket("/"), "allow allowed shop"),
			pass("the host's own page", webSocket("/").from(own), "none same_origin shop"),
			pass("also to an ambiguous path", webSocket("/a/../b").from(own), "deny path_ambiguous shop"),
			pass("also with a malformed origin, where the browser says it is the same", webSocket("/").from("x").site("same-origin"), "deny origin_malformed shop"),
			pass("a rule that checks nothing", webSocket("/unchecked").from(evil), "none origin_not_allowed shop/unchecked"),
			pass("Shadow changes nothing", webSocket("/shadow").from(evil), "deny origin_not_allowed shop/shadow"),
			pass("Off changes nothing", webSocket("/off").from(evil), "none disabled shop/off"),
			{"without Origin it is no request of CORS", webSocket("/").from(), "not_cors none not_cors shop continue 200", refused},
		}},
		{"WebSocket check without a rule", one("shop", spec.PolicySpec{Hosts: []string{host}, WebSocket: checked, Rules: []spec.Rule{rule}}), []row{
			refuse("a path that no rule takes", webSocket("/b"), "no_rule", "shop"),
			pass("a path that one takes", webSocket("/a"), "allow allowed shop/a"),
			pass("a host that no policy names is never checked", webSocket("/a").at("other.example").from(evil), "none no_policy -"),
		}},
		{"WebSocket check of everyone", one("shop", spec.PolicySpec{
			Hosts: []string{host}, WebSocket: checked, CORS: allowing("*"), DangerouslyAllow: []spec.Danger{spec.AnyOriginWithCredentials},
		}), []row{
			pass("lets everyone in", webSocket("/").from(evil), "allow allowed shop"),
		}},
	}
}
