package policy_test

import "github.com/corsd/corsd/pkg/policy/spec"

// layerWorlds are about what is inherited.
func layerWorlds() []world {
	set := spec.OriginSetSpec{Origins: []string{"https://set.example"}}
	cfg := withSet(withDefaults(one("shop", spec.PolicySpec{
		Hosts: []string{host},
		CORS:  &spec.CORS{AllowMethods: []string{"PUT"}, ExposeHeaders: []string{"X-P"}},
		Rules: []spec.Rule{
			{Name: "inherits", Match: prefix("/inherits")},
			{Name: "empty", Match: prefix("/empty"), CORS: &spec.CORS{
				AllowMethods: []string{}, AllowHeaders: []string{}, ExposeHeaders: []string{}, AllowCredentials: new(false), MaxAge: new(spec.Seconds(0)),
			}},
			{Name: "list", Match: prefix("/list"), CORS: &spec.CORS{AllowOrigins: []string{other}}},
			{Name: "none", Match: prefix("/none"), CORS: &spec.CORS{AllowOrigins: []string{}}},
			{Name: "regex", Match: prefix("/regex"), CORS: &spec.CORS{AllowOriginRegexes: []string{`https://[a-z]\.re\.example`}}},
			{Name: "set", Match: prefix("/set"), CORS: &spec.CORS{AllowOriginSets: []string{"set"}}},
			{Name: "null", Match: prefix("/null"), CORS: &spec.CORS{AllowNullOrigin: new(true)}},
			{Name: "not-null", Match: prefix("/notnull"), CORS: &spec.CORS{AllowNullOrigin: new(false)}},
			{Name: "methods", Match: prefix("/methods"), CORS: &spec.CORS{AllowMethods: []string{"PATCH"}}},
			{Name: "status", Match: prefix("/status"), Preflight: &spec.Preflight{SuccessStatus: new(202)}},
			{Name: "minimal", Match: prefix("/minimal"), Preflight: &spec.Preflight{Detail: new(spec.DetailMinimal)}},
			{Name: "merge", Match: prefix("/merge"), UpstreamHeaders: new(spec.UpstreamMerge)},
			{Name: "shadow", Match: prefix("/shadow"), Enforcement: new(spec.EnforcementShadow)},
			{Name: "unchecked", Match: prefix("/unchecked"), WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckDisabled)}},
			{Name: "unset", Match: prefix("/unset"), WebSocket: &spec.WebSocket{}, Preflight: &spec.Preflight{}, CORS: &spec.CORS{}},
		},
		DangerouslyAllow: []spec.Danger{spec.NullOriginWithCredentials},
	}), spec.DefaultsSpec{
		CORS: &spec.CORS{
			AllowOrigins: []string{shop}, AllowNullOrigin: new(true), AllowOriginSets: []string{"set"}, AllowHeaders: []string{"X-D"},
			AllowMethods: []string{"DELETE"}, AllowCredentials: new(true), MaxAge: new(spec.Seconds(60)),
		},
		Preflight: &spec.Preflight{DenyStatus: new(404), SuccessStatus: new(200)},
		WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)},
	}), "set", set)

	whole := func(origin string) []string {
		return []string{acao + origin, acac, acam + "PUT", acah + "X-D", aceh + "X-P", acma + "60", varyPreflight}
	}
	allow := func(name string, r request, by string, lines []string) row {
		return row{name, r, "preflight allow allowed " + by + " respond 200", lines}
	}
	deny := func(name string, r request, reason, by string) row {
		return row{name, r, "preflight deny " + reason + " " + by + " respond 404", []string{varyPreflight}}
	}
	return []world{
		{"layers", cfg, []row{
			allow("the policy inherits what it does not set, and replaces what it sets", preflight("PUT", "/"), "shop", whole(shop)),
			allow("all four origin fields of CORSDefaults", preflight("PUT", "/").from("null"), "shop", whole("null")),
			allow("the sets, too", preflight("PUT", "/").from("https://set.example"), "shop", whole("https://set.example")),
			allow("a rule inherits from both", preflight("PUT", "/inherits"), "shop/inherits", whole(shop)),
			allow("a rule of unset fields inherits all of them", preflight("PUT", "/unset"), "shop/unset", whole(shop)),
			{"an empty list means none", preflight("GET", "/empty"), "preflight allow allowed shop/empty respond 200", []string{acao + shop, acma + "0", varyPreflight}},
			{"also of methods", preflight("PUT", "/empty"), "preflight deny method_not_allowed shop/empty respond 200", []string{acao + shop, varyPreflight}},
			allow("a rule's origins replace all four fields", preflight("PUT", "/list").from(other), "shop/list", whole(other)),
			deny("no origin is inherited beside them", preflight("PUT", "/list"), "origin_not_allowed", "shop/list"),
			deny("nor null", preflight("PUT", "/list").from("null"), "origin_null", "shop/list"),
			deny("nor a set", preflight("PUT", "/list").from("https://set.example"), "origin_not_allowed", "shop/list"),
			deny("an empty list of origins allows nobody", preflight("PUT", "/none"), "origin_not_allowed", "shop/none"),
			deny("not even null", preflight("PUT", "/none").from("null"), "origin_null", "shop/none"),
			allow("a regex alone replaces them", preflight("PUT", "/regex").from("https://a.re.example"), "shop/regex", whole("https://a.re.example")),
			deny("whole", preflight("PUT", "/regex"), "origin_not_allowed", "shop/regex"),
			allow("a set alone does", preflight("PUT", "/set").from("https://set.example"), "shop/set", whole("https://set.example")),
			deny("whole, too", preflight("PUT", "/set"), "origin_not_allowed", "shop/set"),
			allow("null alone does", preflight("PUT", "/null").from("null"), "shop/null", whole("null")),
			deny("whole, as well", preflight("PUT", "/null"), "origin_not_allowed", "shop/null"),
			deny("not null alone allows nobody", preflight("PUT", "/notnull"), "origin_not_allowed", "shop/not-null"),
			deny("nor null itself", preflight("PUT", "/notnull").from("null"), "origin_null", "shop/not-null"),
			allow("lists are not joined", preflight("PATCH", "/methods"), "shop/methods", []string{acao + shop, acac, acam + "PATCH", acah + "X-D", aceh + "X-P", acma + "60", varyPreflight}),
			{"preflight is inherited field by field", preflight("PUT", "/status"), "preflight allow allowed shop/status respond 202", whole(shop)},
			deny("its other fields stay", preflight("PUT", "/status").from(evil), "origin_not_allowed", "shop/status"),
			deny("detail alone is replaced", preflight("FOO", "/minimal"), "method_not_allowed", "shop/minimal"),
			{"upstreamHeaders is replaced", get("/merge").answered(200, aceh+"X-U"), "actual allow allowed shop/merge continue 200", []string{acao + shop, acac, aceh + "X-P, X-U", varyOrigin}},
			{"enforcement is", get("/shadow").answered(200, acao+"x"), "actual allow allowed shop/shadow pass 200", []string{acao + "x"}},
			{"webSocket is inherited", webSocket("/inherits").from(evil), "websocket deny origin_not_allowed shop/inherits respond 403", refused},
			{"and replaced", webSocket("/unchecked").from(evil), "websocket none origin_not_allowed shop/unchecked pass 200", nil},
			{"and inherited where it is there but unset", webSocket("/unset").from(evil), "websocket deny origin_not_allowed shop/unset respond 403", refused},
		}},
		{"where nothing is taken and two policies name the host", withDefaults(with(
			one("a", spec.PolicySpec{
				Hosts: []string{host}, Rules: []spec.Rule{at("a", spec.PathPrefix, "/a")},
				Enforcement: new(spec.EnforcementShadow), Preflight: &spec.Preflight{DenyStatus: new(400)}, UpstreamHeaders: new(spec.UpstreamPreserve),
				WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckDisabled)},
			}),
			"b", spec.PolicySpec{Hosts: []string{host, "b.example"}, Rules: []spec.Rule{at("b", spec.PathPrefix, "/b")}, Preflight: &spec.Preflight{DenyStatus: new(410)}}),
			spec.DefaultsSpec{
				CORS: allowing(shop), Enforcement: new(spec.EnforcementBlock), Preflight: &spec.Preflight{DenyStatus: new(404)},
				WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)},
			}), []row{
			{"enforcement is the strictest of both", get("/c"), "actual deny no_rule - respond 403", refused},
			{"so is the preflight's status, the highest", preflight("PUT", "/c"), "preflight deny no_rule - respond 410", []string{varyPreflight}},
			{"also for an ambiguous path", preflight("PUT", "/a/../b"), "preflight deny path_ambiguous - respond 410", []string{varyPreflight}},
			{"so is upstreamHeaders", ask("GET", "/c").answered(200, acao+"*"), "not_cors none no_rule - continue 200", refused},
			{"so is the WebSocket check", webSocket("/c"), "websocket deny no_rule - respond 403", refused},
			{"on a host of one policy they are that policy's", preflight("PUT", "/c").at("b.example"), "preflight deny no_rule b respond 410", []string{varyPreflight}},
		}},
		{"a path that cannot be assigned to a rule that blocks or checks", one("shop", spec.PolicySpec{
			Hosts: []string{host}, CORS: allowing(shop), Rules: []spec.Rule{
				{Name: "admin", Match: &spec.Match{Path: &spec.PathMatch{Value: "/admin"}}, Enforcement: new(spec.EnforcementBlock)},
				{Name: "ws", Match: &spec.Match{Path: &spec.PathMatch{Value: "/ws"}}, WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)}},
			},
		}), []row{
			{"is blocked with a parameter", ask("POST", "/admin;x=1/pay").from(evil), "actual deny path_ambiguous shop respond 403", refused},
			{"also from an origin that is allowed elsewhere", ask("POST", "/admin;x=1/pay").from(shop), "actual deny path_ambiguous shop respond 403", refused},
			{"a page of the same origin is never blocked", ask("POST", "/admin;x=1/pay").from(evil).site("same-origin"), "actual deny path_ambiguous shop continue 200", refused},
			{"nor is a request without Origin", ask("POST", "/admin;x=1/pay"), "not_cors none path_ambiguous shop continue 200", refused},
			{"a handshake is checked", webSocket("/ws;x=1").from(evil), "websocket deny path_ambiguous shop respond 403", refused},
			{"the own cors of the policy is not stricter for it", get("/x").from(evil), "actual deny origin_not_allowed shop continue 200", refused},
		}},
		{"an ambiguous path below a Shadow policy with a rule that enforces", one("shop", spec.PolicySpec{
			Hosts: []string{host}, CORS: allowing(shop), Enforcement: new(spec.EnforcementShadow), UpstreamHeaders: new(spec.UpstreamPreserve),
			Rules: []spec.Rule{{
				Name: "api", Match: &spec.Match{Path: &spec.PathMatch{Value: "/api"}},
				Enforcement: new(spec.EnforcementEnforce), UpstreamHeaders: new(spec.UpstreamMerge),
			}},
		}), []row{
			{"loses upstream's headers", get("/api;x=1").from(evil).answered(200, acao+"*", acac), "actual deny path_ambiguous shop continue 200", refused},
			{"another path keeps them", get("/x").from(evil).answered(200, acao+"*"), "actual deny origin_not_allowed shop pass 200", []string{acao + "*"}},
		}},
		{"two policies of one host that both block", with(
			one("a", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{at("a", spec.PathPrefix, "/a")}, Enforcement: new(spec.EnforcementBlock)}),
			"b", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{at("b", spec.PathPrefix, "/b")}, Enforcement: new(spec.EnforcementBlock)}), []row{
			{"block what no rule matches", ask("POST", "/c").from(evil), "actual deny no_rule - respond 403", refused},
			{"and ambiguous paths", ask("POST", "/a;b").from(evil), "actual deny path_ambiguous - respond 403", refused},
		}},
		{"two policies of one host, one of which is off", with(
			one("a", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{at("a", spec.PathPrefix, "/a")}, Enforcement: new(spec.EnforcementDisabled)}),
			"b", spec.PolicySpec{Hosts: []string{host}, Enforcement: new(spec.EnforcementDisabled), Rules: []spec.Rule{{
				Name: "b", CORS: allowing(shop), Match: &spec.Match{Path: &spec.PathMatch{Value: "/b"}}, Enforcement: new(spec.EnforcementShadow),
			}}}), []row{
			{"are off where no rule matches", get("/c").answered(200, acao+"*"), "actual none disabled - pass 200", []string{acao + "*"}},
			{"and Shadow where the path is ambiguous", get("/a;b").answered(200, acao+"*"), "actual deny path_ambiguous - pass 200", []string{acao + "*"}},
		}},
	}
}
