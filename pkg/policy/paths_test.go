package policy_test

import (
	"slices"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// ruled is a policy for the shop with rules, and a cors of its own.
func ruled(rules ...spec.Rule) spec.Config {
	return one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: rules})
}

// byRule returns the row of a GET that a rule grants, "" for the policy's own cors.
func byRule(name, path, rule string) row { return taking(name, get(path), rule) }

func taking(name string, r request, rule string) row {
	if rule != "" {
		rule = "/" + rule
	}
	return row{name, r, "actual allow allowed shop" + rule + " continue 200", granted}
}

// pathWorlds are about which rule a path chooses.
func pathWorlds() []world {
	rules := []spec.Rule{
		at("root", spec.PathPrefix, "/", "PATCH"),
		at("api", spec.PathPrefix, "/api/"),
		at("v1", spec.PathPrefix, "/api/v1"),
		at("login", spec.PathExact, "/api/v1/login"),
		at("slash", spec.PathExact, "/api/v1/"),
		at("digits", spec.PathRegularExpression, "/api/[0-9]+"),
		at("any-digits", spec.PathRegularExpression, "/(api|x)/[0-9]+"),
		at("b", spec.PathRegularExpression, "/re/[ab]b"),
		at("a", spec.PathRegularExpression, "/re/[ab]."),
		at("exact-in-regex", spec.PathExact, "/api/77"),
		at("accented", spec.PathPrefix, "/caf%C3%A9"),
	}
	slices.Reverse(rules) // their order means nothing
	return []world{
		{"paths", ruled(rules...), []row{
			byRule("an Exact path comes first", "/api/v1/login", "login"),
			byRule("a query is not compared", "/api/v1/login?next=/api", "login"),
			byRule("nor what follows a second question mark", "/api/v1/login??a/../b", "login"),
			byRule("an Exact path is nothing but itself", "/api/v1/login/", "v1"),
			byRule("case counts", "/api/v1/Login", "v1"),
			byRule("an Exact path may end in a slash", "/api/v1/", "slash"),
			byRule("a PathPrefix takes its own path", "/api/v1", "v1"),
			byRule("the longest PathPrefix wins", "/api/v1/x/y", "v1"),
			byRule("a PathPrefix with a final slash is one without", "/api", "api"),
			byRule("and takes what has one", "/api/", "api"),
			byRule("a PathPrefix ends where an element ends", "/api/v11", "api"),
			byRule("a PathPrefix takes no longer name", "/apix", ""),
			byRule("a RegularExpression comes before a PathPrefix", "/api/1", "any-digits"),
			byRule("the longest RegularExpression comes first", "/x/1", "any-digits"),
			byRule("a RegularExpression takes the whole path", "/api/1/", "api"),
			byRule("an Exact path comes before a RegularExpression", "/api/77", "exact-in-regex"),
			byRule("of RegularExpressions of one length the first by byte order is tried first", "/re/ab", "a"),
			byRule("the own cors takes the rest", "/z", ""),
			byRule("an empty path is the root", "", ""),
			byRule("so is a query alone", "?a", ""),
			byRule("an asterisk is a path", "*", ""),
			byRule("a path is never decoded", "/caf%C3%A9/x", "accented"),
			byRule("a hash does no harm", "/z#/api/v1", ""),
			{"the root takes every path where its method fits", ask("PATCH", "/z").from(shop), "actual allow allowed shop/root continue 200", granted},
			{"also one that does not begin with a slash", ask("PATCH", "*").from(shop), "actual allow allowed shop/root continue 200", granted},
			{"also an empty one", ask("PATCH", "").from(shop), "actual allow allowed shop/root continue 200", granted},
		}},
		{"a rule for every path", one("shop", spec.PolicySpec{
			Hosts: []string{host}, CORS: allowing(shop), Rules: []spec.Rule{{Enforcement: new(spec.EnforcementBlock)}},
		}), []row{
			byRule("wins over the own cors, which it inherits", "/", "rules[0]"),
			byRule("also for what is no path", "*", "rules[0]"),
			{"with its own settings", get("/").from(evil), "actual deny origin_not_allowed shop/rules[0] respond 403", refused},
		}},
		{"a match without a type", one("shop", spec.PolicySpec{
			Hosts: []string{host}, CORS: allowing(shop), Rules: []spec.Rule{
				{Match: &spec.Match{Path: &spec.PathMatch{Value: "/a"}}}, {Match: &spec.Match{Methods: []string{"put"}}},
			},
		}), []row{
			byRule("is a PathPrefix", "/a/b", "rules[0]"),
			taking("a match without a path takes every one, its methods normalised", ask("PUT", "/z").from(shop), "rules[1]"),
		}},
		{"a policy without cors", withDefaults(one("shop", spec.PolicySpec{
			Hosts: []string{host}, Rules: []spec.Rule{at("a", spec.PathPrefix, "/a"), at("get", spec.PathPrefix, "/g", "GET")},
			Preflight: &spec.Preflight{DenyStatus: new(404)},
		}), spec.DefaultsSpec{CORS: allowing(shop)}), []row{
			byRule("takes the paths of its rules", "/a", "a"),
			{"and nothing else", get("/b"), "actual deny no_rule shop continue 200", refused},
			{"nor a method that no rule names", ask("PUT", "/g").from(shop), "actual deny no_rule shop continue 200", refused},
			{"nor by a preflight, which has the policy's denyStatus", preflight("GET", "/b"), "preflight deny no_rule shop respond 404", []string{varyPreflight}},
			{"without Origin there is nothing to decide", ask("GET", "/b").answered(200, acao+"*"), "not_cors none no_rule shop continue 200", refused},
			{"no_rule comes before a malformed origin", get("/b").from("x"), "actual deny no_rule shop continue 200", refused},
		}},
	}
}

// methodWorlds are about rules that name methods.
func methodWorlds() []world {
	cfg := ruled(
		at("get", spec.PathExact, "/a", "GET"),
		at("put", spec.PathExact, "/a", "PUT"),
		at("all-of-a", spec.PathPrefix, "/a"),
		at("read", spec.PathPrefix, "/b", "get"),
		at("head", spec.PathPrefix, "/b", "head"),
		at("rest-of-b", spec.PathPrefix, "/b"),
		at("re", spec.PathRegularExpression, "/r[0-9]", "PUT"),
		at("re-get", spec.PathRegularExpression, "/r.", "GET"),
		at("patch", spec.PathPrefix, "/p", "patch"),
	)
	by := func(name, method, path, rule string) row { return taking(name, ask(method, path).from(shop), rule) }
	asked := func(name string, r request, rule string, lines ...string) row {
		return row{name, r, "preflight allow allowed shop/" + rule + " respond 204", append(lines, acao+shop, varyPreflight)}
	}
	return []world{{"methods", cfg, []row{
		by("a rule whose methods fit takes the request", "PUT", "/a", "put"),
		by("one whose methods do not fit is skipped", "DELETE", "/a", "all-of-a"),
		by("GET takes HEAD", "HEAD", "/a", "get"),
		by("unless a rule at that path names HEAD", "HEAD", "/b", "head"),
		by("methods are normalised as in allowMethods", "GET", "/b", "read"),
		by("a rule with methods comes before one without at one path", "GET", "/b/c", "read"),
		by("a method of the request is compared byte for byte", "get", "/b", "rest-of-b"),
		by("patch is not normalised", "PATCH", "/p", ""),
		by("and fits itself", "patch", "/p", "patch"),
		by("of two expressions the one whose methods fit takes it", "GET", "/r1", "re-get"),
		by("also HEAD", "HEAD", "/r1", "re-get"),
		by("where no method fits the search goes on to the own cors", "DELETE", "/r1", ""),
		by("CONNECT is a method as any other", "CONNECT", "/a", "all-of-a"),
		by("an empty method fits no rule that names methods", "", "/a", "all-of-a"),
		{"a WebSocket is chosen for by GET", webSocket("/a"), "websocket none allowed shop/get pass 200", nil},
		{"also without an Origin", ask("CONNECT", "/a").protocol("websocket"), "not_cors none not_cors shop/get continue 200", refused},
		{"also over HTTP/2", ask("CONNECT", "/a").from(shop).protocol("websocket"), "websocket none allowed shop/get pass 200", nil},
		asked("a preflight is chosen for by the method it asks for", preflight("GET", "/a"), "get", acma+"0"),
		asked("HEAD leads to the rule for GET", preflight("HEAD", "/a"), "get", acma+"0"),
		{"a malformed one fits no rule that names methods", preflight("", "/a").method("GET", "GET"), "preflight deny method_malformed shop/all-of-a respond 403", []string{varyPreflight}},
		{"nor does one in another case", preflight("put", "/a"), "preflight deny method_not_allowed shop/all-of-a respond 204", []string{acao + shop, varyPreflight}},
		{"OPTIONS without a requested method is an actual request", ask("OPTIONS", "/a").from(shop), "actual allow allowed shop/all-of-a continue 200", granted},
	}}}
}

// ambiguousWorlds are about paths that servers read in different ways.
func ambiguousWorlds() []world {
	cfg := ruled(
		at("api", spec.PathPrefix, "/api"), at("plus", spec.PathExact, "/a+b"), at("re", spec.PathRegularExpression, "/v[0-9]{1,3}!"),
		at("accented", spec.PathPrefix, "/caf%C3%A9"),
	)
	ambiguous := func(name, path string) row {
		return row{name, get(path), "actual deny path_ambiguous shop continue 200", refused}
	}
	return []world{
		{"ambiguous paths", cfg, []row{
			ambiguous("a backslash", `/a\b`),
			ambiguous("two slashes", "/a//b"),
			ambiguous("two slashes at the beginning", "//api"),
			ambiguous("two slashes at the end", "/api//"),
			ambiguous("a semicolon", "/api;v=1"),
			ambiguous("a control byte", "/api\x01"),
			ambiguous("a NUL", "/api\x00"),
			ambiguous("a tabulator", "/api\t"),
			ambiguous("a DEL", "/api\x7f"),
			ambiguous("a segment of one dot", "/./api"),
			ambiguous("a segment of two dots", "/x/../api"),
			ambiguous("a last segment of one dot", "/api/."),
			ambiguous("a last segment of two dots", "/api/.."),
			ambiguous("a first segment of two dots without a slash", "../api"),
			ambiguous("dots before a query", "/api/..?x"),
			ambiguous("a percent sign at the end", "/a%"),
			ambiguous("a percent sign with one digit", "/a%4"),
			ambiguous("a percent sign without hex digits", "/a%zz"),
			ambiguous("a percent sign with one hex digit", "/a%4z"),
			ambiguous("a percent sign that is encoded before two hex digits", "/a%252f"),
			ambiguous("an encoded slash", "/api%2Fv1"),
			ambiguous("an encoded slash in lower case", "/api%2fv1"),
			ambiguous("an encoded backslash", "/api%5Cv1"),
			ambiguous("an encoded semicolon", "/api%3Bv1"),
			ambiguous("an encoded NUL", "/api%00"),
			ambiguous("an encoded letter", "/%61pi"),
			ambiguous("an encoded letter in upper case", "/%41pi"),
			ambiguous("an encoded digit", "/a%39"),
			ambiguous("an encoded hyphen", "/a%2Db"),
			ambiguous("an encoded dot", "/%2E%2E/api"),
			ambiguous("an encoded underscore", "/a%5Fb"),
			ambiguous("an encoded tilde", "/a%7Eb"),
			ambiguous("an encoded byte of a path of the table", "/a%2Bb"),
			ambiguous("an encoded byte of an expression of the table", "/v1%21"),
			ambiguous("an encoded metacharacter of an expression of the table", "/v%7B"),
			ambiguous("another spelling of an escape of the table", "/caf%c3%a9"),
			ambiguous("an encoded percent sign where a path of the table has one", "/a%25zz"),
			byRule("three dots are a name", "/api/...", "api"),
			byRule("dots within a name are a name", "/api/a..b", "api"),
			byRule("a query may hold what a path may not", `/api?a=//..\;%2f%zz`, "api"),
			byRule("another encoded byte stays encoded", "/api/%C3%B6", "api"),
			byRule("so does an encoded blank", "/api/a%20b", "api"),
			byRule("so does an encoded asterisk", "/api/%2A", "api"),
			byRule("the path of a rule as the rule spells it", "/caf%C3%A9", "accented"),
			byRule("a byte that is not ASCII, and that no rule names, is no other spelling", "/api/\xf6", "api"),
			ambiguous("a byte that a path of the table spells otherwise", "/caf\xc3\xa9"),
			{"a preflight is refused likewise", preflight("PUT", "/x/../api"), "preflight deny path_ambiguous shop respond 403", []string{varyPreflight}},
			{"without Origin there is nothing to decide", ask("GET", "/x/../api").answered(200, acao+"*"), "not_cors none path_ambiguous shop continue 200", refused},
			{"a WebSocket that is not checked passes", webSocket("/x/../api"), "websocket none path_ambiguous shop pass 200", nil},
			{"it comes before a malformed origin", get("/x/../api").from("x"), "actual deny path_ambiguous shop continue 200", refused},
		}},
		{"ambiguous paths without a percent sign in the table", ruled(at("api", spec.PathPrefix, "/api")), []row{
			byRule("an encoded percent sign before other letters is no second encoding", "/a%25zz", ""),
			byRule("nor at the end", "/a%25", ""),
			byRule("nor before one hex digit", "/a%252", ""),
			ambiguous("before two it is", "/a%252F"),
			byRule("an encoded plus is only a plus", "/a%2Bb", ""),
		}},
		{"ambiguous paths on a host of one entry", ruled(), []row{
			byRule("are not ambiguous to the own cors", `/a/../b//c;\%2f%zz`+"\x00", ""),
		}},
		{"ambiguous paths on a host of one rule", one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{{CORS: allowing(shop)}}}), []row{
			byRule("are not ambiguous to a rule for everything", "/a/../b", "rules[0]"),
		}},
		{"ambiguous paths on a host of one rule with methods", one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{
			{CORS: allowing(shop), Match: &spec.Match{Methods: []string{"GET"}}},
		}}), []row{
			ambiguous("are ambiguous, because not every method is taken", "/a/../b"),
		}},
		{"ambiguous paths on a host of one prefix", one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{
			{CORS: allowing(shop), Match: &spec.Match{Path: &spec.PathMatch{Value: "/a"}}},
		}}), []row{
			ambiguous("are ambiguous, because not every path is taken", "/a/../b"),
		}},
	}
}

// selectorWorlds are about rules that the proxy's configuration names.
func selectorWorlds() []world {
	cfg := withDefaults(spec.Config{Policies: []spec.Policy{
		{Name: "shop", Spec: spec.PolicySpec{
			Hosts: []string{host, "{tenant}.app.example"},
			CORS: &spec.CORS{
				AllowOrigins: []string{shop, "https://{tenant}.web.example"}, AllowMethods: []string{"PUT", "DELETE"}, MaxAge: new(spec.Seconds(60)),
			},
			Rules: []spec.Rule{
				at("put", spec.PathExact, "/a", "PUT"), at("a/b", spec.PathExact, "/b"),
				{Match: &spec.Match{Path: &spec.PathMatch{Value: "/c"}}},
			},
		}},
		{Name: "rules-only", Spec: spec.PolicySpec{
			Hosts: []string{"rules.example"}, Rules: []spec.Rule{at("a", spec.PathExact, "/a")}, Preflight: &spec.Preflight{DenyStatus: new(404)},
		}},
		{Name: "off", Spec: spec.PolicySpec{Hosts: []string{"off.example"}, CORS: allowing(shop), Enforcement: new(spec.EnforcementDisabled)}},
	}}, spec.DefaultsSpec{CORS: allowing(other), Preflight: &spec.Preflight{DenyStatus: new(410)}})
	acme := "https://acme.web.example"
	return []world{
		{"selectors", cfg, []row{
			{"a name alone is the policy's own cors", get("/a").selected("shop").at("elsewhere.example"), "actual allow allowed shop continue 200", granted},
			{"whatever the path is", get("/a/../b").selected("shop"), "actual allow allowed shop continue 200", granted},
			{"and whatever the authority is", get("/a").selected("shop").at("user@x"), "actual allow allowed shop continue 200", granted},
			{"name#rule is the rule, whatever path and method are", get("/zzz").selected("shop#put"), "actual allow allowed shop/put continue 200", granted},
			{"a rule's name may hold a slash", get("/").selected("shop#a/b"), "actual allow allowed shop/a/b continue 200", granted},
			{"a rule without a name is called by its place", get("/").selected("shop#rules[2]"), "actual allow allowed shop/rules[2] continue 200", granted},
			{"a rule of a policy without cors is taken", get("/").from(other).selected("rules-only#a"), "actual allow allowed rules-only/a continue 200", []string{acao + other, varyOrigin}},
			{"a policy without cors takes nothing", get("/a").selected("rules-only"), "actual deny no_rule rules-only continue 200", refused},
			{"with its own preflight settings", preflight("PUT", "/a").selected("rules-only"), "preflight deny no_rule rules-only respond 404", []string{varyPreflight}},
			{"an unknown policy is denied", get("/a").selected("shop2"), "actual deny selector_unknown - continue 200", refused},
			{"an unknown rule is denied", get("/a").selected("shop#none"), "actual deny selector_unknown - continue 200", refused},
			{"names are compared byte for byte", get("/a").selected("Shop"), "actual deny selector_unknown - continue 200", refused},
			{"an empty name of a rule is unknown", get("/a").selected("shop#"), "actual deny selector_unknown - continue 200", refused},
			{"an unknown name has the preflight settings of CORSDefaults", preflight("PUT", "/a").selected("x"), "preflight deny selector_unknown - respond 410", []string{varyPreflight}},
			{"without Origin there is nothing to decide", ask("GET", "/").selected("x"), "not_cors none selector_unknown - continue 200", refused},
			{"a WebSocket that is not checked passes", webSocket("/").selected("x"), "websocket none selector_unknown - pass 200", nil},
			{"disabled is disabled", get("/").selected("off").answered(200, acao+"*"), "actual none disabled off pass 200", []string{acao + "*"}},
			{"lists and max-age do not depend on the method", preflight("DELETE", "/a").selected("shop#put"), "preflight allow allowed shop/put respond 204", []string{acao + shop, acam + "PUT, DELETE", acma + "60", varyPreflight}},
			{"as they do without a selector", preflight("PUT", "/a"), "preflight allow allowed shop/put respond 204", []string{acao + shop, acam + "PUT", acma + "0", varyPreflight}},
			{"the tenant is bound by the policy's hosts", get("/").from(acme).selected("shop").at("acme.app.example"), "actual allow allowed shop continue 200", []string{acao + acme, varyOrigin}},
			{"and is another one on another host", get("/").from(acme).selected("shop").at("evil.app.example"), "actual deny origin_not_allowed shop continue 200", refused},
			{"and is unbound on a host that they do not take", get("/").from(acme).selected("shop").at("acme.example"), "actual deny origin_not_allowed shop continue 200", refused},
			{"also on one with a label more", get("/").from(acme).selected("shop").at("acme.x.app.example"), "actual deny origin_not_allowed shop continue 200", refused},
			{"and on what is no host", get("/").from(acme).selected("shop").at("acme.app.example,x"), "actual deny origin_not_allowed shop continue 200", refused},
		}},
		{"selectors that nobody knows, where CORSDefaults checks WebSockets", withDefaults(ruled(), spec.DefaultsSpec{
			Enforcement: new(spec.EnforcementBlock), WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)},
		}), []row{
			{"a page is blocked", get("/").selected("x"), "actual deny selector_unknown - respond 403", refused},
			{"so is its WebSocket", webSocket("/").selected("x"), "websocket deny selector_unknown - respond 403", refused},
		}},
	}
}
