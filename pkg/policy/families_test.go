package policy_test

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// familyWorlds are about families of header names.
func familyWorlds() []world {
	doc := spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{
		AllowOrigins: []string{shop}, AllowHeaders: []string{"X-First", "X-Amz-*", "x-amz-date", "Auth*"}, ExposeHeaders: []string{"X-*", "ETag", "X-Listed", "Cache-*"},
	}, Rules: []spec.Rule{
		{Name: "star", Match: prefix("/star"), CORS: &spec.CORS{AllowHeaders: []string{"*", "Sec-*"}}},
		{Name: "named", Match: prefix("/named"), CORS: &spec.CORS{AllowHeaders: []string{"Auth*", "Authorization"}}},
		{Name: "mcp", Match: prefix("/mcp"), CORS: &spec.CORS{AllowHeaders: []string{}, Presets: []spec.Preset{spec.PresetMCP}, ExposeHeaders: []string{}}},
		{Name: "merge", Match: prefix("/merge"), UpstreamHeaders: new(spec.UpstreamMerge)},
		{Name: "forward", Match: prefix("/forward"), Preflight: &spec.Preflight{Mode: new(spec.PreflightForward)}},
		{Name: "public", Match: prefix("/public"), CORS: &spec.CORS{AllowOrigins: []string{"*"}}},
		{Name: "expand", Match: prefix("/expand"), CORS: &spec.CORS{ExposeHeaders: []string{"*", "X-*"}, AllowCredentials: new(true), ExpandExposeHeaders: new(true)}},
	}}
	exposed := aceh + "ETag, X-Listed"
	asked := func(name, headers, want string) row {
		return row{name, preflight("GET", "/").headers(headers), "preflight allow allowed shop respond 204", []string{acao + shop, acah + want, exposed, varyPreflight}}
	}
	missing := func(name, headers, reason, want string) row {
		return row{name, preflight("GET", "/").headers(headers), "preflight deny " + reason + " shop respond 204", []string{acao + shop, acah + want, varyPreflight}}
	}
	mcp := "Content-Type, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, "
	response := []string{"x-b: 1", "X-A: 1", "etag: 1", "x-envoy-a: 1", "cache-control: x", "set-cookie: a", "x-listed: 1", "access-control-expose-headers: X-Theirs, b@d"}
	upstream := append([]string{strings.ToLower(response[0]), "x-a: 1", "x-a: 2"}, response[2:]...)
	actual := func(name, path, want string, status int, lines ...string) row {
		return row{name, get(path).answered(status, upstream...), want, append(lines, varyOrigin)}
	}
	return []world{{"families", one("shop", doc), []row{
		asked("what is not requested is not listed, nor is the pattern", "x-first", "X-First, x-amz-date"),
		asked("requested names stand where the family does", "x-amz-b,X-AMZ-A", "X-First, x-amz-b, X-AMZ-A, x-amz-date"),
		asked("each once", "x-amz-a,X-Amz-A, x-amz-a", "X-First, x-amz-a, x-amz-date"),
		asked("not again where a name is listed", "X-Amz-Date, x-amz-c", "X-First, x-amz-c, x-amz-date"),
		asked("the bare prefix is one of them", "x-amz-", "X-First, x-amz-, x-amz-date"),
		asked("two families, each in its place", "authx, x-amz-a", "X-First, x-amz-a, x-amz-date, authx"),
		missing("a name that only begins alike", "x-amz", "header_not_allowed", "X-First, x-amz-date"),
		missing("of several, those that pass are reflected", "x-amz-a, x-other", "header_not_allowed", "X-First, x-amz-a, x-amz-date"),
		missing("no family grants Authorization", "authorization", "authorization_not_listed", "X-First, x-amz-date"),
		missing("in any case", "AUTHORIZATION, auth-x", "authorization_not_listed", "X-First, x-amz-date, auth-x"),
		{"it is granted where it is named beside one", preflight("GET", "/named").headers("authorization, autha"), "preflight allow allowed shop/named respond 204", []string{acao + shop, acah + "autha, Authorization", exposed, varyPreflight}},
		{"beside * a family grants what * does not", preflight("GET", "/star").headers("sec-a, x-b"), "preflight allow allowed shop/star respond 204", []string{acao + shop, acah + "sec-a, x-b", exposed, varyPreflight}},
		{
			"of a preset", preflight("GET", "/mcp").headers("mcp-param-region,mcp-param-a,content-type"), "preflight allow allowed shop/mcp respond 204",
			[]string{acao + shop, acam + "GET, POST, DELETE", acah + mcp + "mcp-param-region, mcp-param-a, Last-Event-ID", aceh + "Mcp-Session-Id, WWW-Authenticate", varyPreflight},
		},
		{
			"a preflight that is forwarded exposes no family", preflight("GET", "/forward").headers("x-amz-a").answered(200, upstream...), "preflight allow allowed shop/forward continue 200",
			[]string{acao + shop, acah + "X-First, x-amz-a, x-amz-date", exposed, varyPreflight},
		},
		actual("the response's own names are exposed where the family stands, each once", "/", "actual allow allowed shop continue 200", 200, acao+shop, aceh+"x-b, x-a, ETag, X-Listed"),
		actual("on an error, too", "/", "actual allow allowed shop continue 500", 500, acao+shop, aceh+"x-b, x-a, ETag, X-Listed"),
		actual("a 304 leaves the stored list in force", "/", "actual allow allowed shop continue 304", 304, acao+shop),
		actual("under Merge, too", "/merge", "actual allow allowed shop/merge continue 304", 304, acao+shop),
		actual("under Merge upstream's join them", "/merge", "actual allow allowed shop/merge continue 200", 200, acao+shop, aceh+"x-b, x-a, ETag, X-Listed, X-Theirs"),
		{"without Origin, too, if everyone may read", ask("GET", "/public").answered(200, upstream...), "not_cors none not_cors shop/public continue 200", []string{acao + "*", aceh + "x-b, x-a, ETag, X-Listed"}},
		actual("beside an expanded * each name is there once", "/expand", "actual allow allowed shop/expand continue 200", 200, acao+shop, acac, aceh+"x-b, x-a, etag, x-listed"),
		{"a refused origin is told nothing", get("/").from(evil).answered(200, upstream...), "actual deny origin_not_allowed shop continue 200", refused},
	}}}
}

// timingWorlds are about timingAllowOrigin.
func timingWorlds() []world {
	timed := func(c spec.CORS) *spec.CORS { c.TimingAllowOrigin = new(true); return &c }
	rule := func(name string, c *spec.CORS) spec.Rule {
		return spec.Rule{Name: name, Match: prefix("/" + name), CORS: c}
	}
	preserve := rule("preserve", nil)
	preserve.UpstreamHeaders = new(spec.UpstreamPreserve)
	merge := rule("merge", nil)
	merge.UpstreamHeaders = new(spec.UpstreamMerge)
	shadow := rule("shadow", nil)
	shadow.Enforcement = new(spec.EnforcementShadow)
	forward := rule("forward", nil)
	forward.Preflight = &spec.Preflight{Mode: new(spec.PreflightForward)}
	cfg := one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: timed(spec.CORS{AllowOrigins: []string{shop}}), Rules: []spec.Rule{
		rule("public", timed(spec.CORS{AllowOrigins: []string{"*"}})), rule("off", &spec.CORS{TimingAllowOrigin: new(false)}), preserve, merge, shadow, forward,
	}})
	theirs := tao + "*"
	allowed := []string{acao + shop, tao + shop, varyOrigin}
	return []world{{"timingAllowOrigin", cfg, []row{
		{"a granted origin may see the timing", get("/").answered(200, theirs), "actual allow allowed shop continue 200", allowed},
		{"also of a 304", get("/").answered(304), "actual allow allowed shop continue 304", allowed},
		{"its own bytes", get("/").from(shop + ":443"), "actual allow allowed shop continue 200", []string{acao + shop + ":443", tao + shop + ":443", varyOrigin}},
		{"a refused one may not, and upstream's goes", get("/").from(evil).answered(200, theirs), "actual deny origin_not_allowed shop continue 200", refused},
		{"nor may the host's own page by it", get("/").from("https://"+host).answered(200, theirs), "actual none same_origin shop continue 200", refused},
		{"without Origin there is none", ask("GET", "/").answered(200, theirs), "not_cors none not_cors shop continue 200", refused},
		{"under a public * everyone may", get("/public").from(evil), "actual allow allowed shop/public continue 200", []string{acao + "*", tao + "*"}},
		{"without Origin, too", ask("GET", "/public").answered(200, tao+"x"), "not_cors none not_cors shop/public continue 200", []string{acao + "*", tao + "*"}},
		{"where it is off, upstream's stays", get("/off").answered(200, theirs), "actual allow allowed shop/off continue 200", []string{acao + shop, theirs, varyOrigin}},
		{"a preflight has none", preflight("GET", "/"), "preflight allow allowed shop respond 204", []string{acao + shop, varyPreflight}},
		{"nor one that is forwarded, whose own stays", preflight("GET", "/forward").answered(200, theirs), "preflight allow allowed shop/forward continue 200", []string{acao + shop, theirs, varyPreflight}},
		{"where Preserve keeps upstream's, all of them stay", get("/preserve").answered(200, theirs, acao+"*"), "actual allow allowed shop/preserve continue 200", []string{acao + "*", theirs, varyOrigin}},
		{"where there is none to keep, ours are set", get("/preserve").answered(200, theirs), "actual allow allowed shop/preserve continue 200", allowed},
		{"also for a refused one", get("/preserve").from(evil).answered(200, theirs), "actual deny origin_not_allowed shop/preserve continue 200", refused},
		{"Merge merges none", get("/merge").answered(200, theirs), "actual allow allowed shop/merge continue 200", allowed},
		{"Shadow touches none", get("/shadow").answered(200, theirs), "actual allow allowed shop/shadow pass 200", []string{theirs}},
		{"nor does a WebSocket", webSocket("/").answered(200, theirs), "websocket none allowed shop pass 200", []string{theirs}},
		{"nor 1xx", get("/").answered(103, theirs), "actual allow allowed shop continue 103", []string{theirs}},
	}}}
}

// resourceWorlds are about crossOriginResourcePolicy.
func resourceWorlds() []world {
	sameSite := corp + "same-site"
	rule := func(name string, c *spec.CORS) spec.Rule {
		return spec.Rule{Name: name, Match: prefix("/" + name), CORS: c}
	}
	block := rule("block", nil)
	block.Enforcement = new(spec.EnforcementBlock)
	preserve := rule("preserve", nil)
	preserve.UpstreamHeaders = new(spec.UpstreamPreserve)
	shadow, off, forward := rule("shadow", nil), rule("off", nil), rule("forward", nil)
	shadow.Enforcement, off.Enforcement = new(spec.EnforcementShadow), new(spec.EnforcementDisabled)
	forward.Preflight = &spec.Preflight{Mode: new(spec.PreflightForward)}
	strict := rule("strict", &spec.CORS{CrossOriginResourcePolicy: new(spec.ResourceSameOrigin)})
	cfg := withDefaults(one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: []spec.Rule{
		block, preserve, shadow, off, forward, strict, rule("open", &spec.CORS{AllowOrigins: []string{"*"}, CrossOriginResourcePolicy: new(spec.ResourceCrossOrigin)}),
	}, WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)}, DangerouslyAllow: spec.Dangers()}),
		spec.DefaultsSpec{UnmatchedHosts: new(spec.UnmatchedDeny), CORS: &spec.CORS{CrossOriginResourcePolicy: new(spec.ResourceSameSite)}})
	theirs := corp + "cross-origin"
	none := one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop)})
	lax := with(one("a", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{CrossOriginResourcePolicy: new(spec.ResourceCrossOrigin)}, Rules: []spec.Rule{{Match: &spec.Match{
		Path: &spec.PathMatch{Value: "/a"},
	}, CORS: allowing(shop)}}}), "b", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{at("b", spec.PathPrefix, "/b")}})
	return []world{{"crossOriginResourcePolicy", cfg, []row{
		{"a granted response has it, in place of upstream's", get("/").answered(200, theirs), "actual allow allowed shop continue 200", []string{acao + shop, sameSite, varyOrigin}},
		{"a refused one, too", get("/").from(evil).answered(200, theirs), "actual deny origin_not_allowed shop continue 200", []string{sameSite, varyOrigin}},
		{"one without Origin, too", ask("GET", "/").answered(200, theirs), "not_cors none not_cors shop continue 200", []string{sameSite, varyOrigin}},
		{"on every status", get("/").answered(304), "actual allow allowed shop continue 304", []string{acao + shop, sameSite, varyOrigin}},
		{"under a public *", ask("GET", "/open"), "not_cors none not_cors shop/open continue 200", []string{acao + "*", corp + "cross-origin"}},
		{"a rule has its own", get("/strict"), "actual allow allowed shop/strict continue 200", []string{acao + shop, corp + "same-origin", varyOrigin}},
		{"the 403 of Block has it", get("/block").from(evil), "actual deny origin_not_allowed shop/block respond 403", []string{sameSite, varyOrigin}},
		{"that of a WebSocket has not", webSocket("/block").from(evil), "websocket deny origin_not_allowed shop/block respond 403", refused},
		{"nor has a WebSocket that passes", webSocket("/").answered(101, theirs), "websocket allow allowed shop pass 101", []string{theirs}},
		{"nor has a preflight", preflight("GET", "/"), "preflight allow allowed shop respond 204", []string{acao + shop, varyPreflight}},
		{"nor has one that is refused", preflight("GET", "/").from(evil), "preflight deny origin_not_allowed shop respond 403", []string{varyPreflight}},
		{"one that is forwarded keeps upstream's", preflight("GET", "/forward").answered(200, theirs), "preflight allow allowed shop/forward continue 200", []string{acao + shop, theirs, varyPreflight}},
		{"where Preserve keeps upstream's headers, it stays, too", get("/preserve").answered(200, theirs, acao+"*"), "actual allow allowed shop/preserve continue 200", []string{acao + "*", theirs, varyOrigin}},
		{"where there are none to keep, ours is set", get("/preserve").from(evil).answered(200, theirs), "actual deny origin_not_allowed shop/preserve continue 200", []string{sameSite, varyOrigin}},
		{"Shadow touches nothing", get("/shadow").answered(200, theirs), "actual allow allowed shop/shadow pass 200", []string{theirs}},
		{"nor does Disabled", get("/off").answered(200, theirs), "actual none disabled shop/off pass 200", []string{theirs}},
		{"nor 1xx", get("/").answered(103, theirs), "actual allow allowed shop continue 103", []string{theirs}},
		{"an ambiguous path has the strictest of the rules", get("/a;b"), "actual deny path_ambiguous shop respond 403", []string{corp + "same-origin", varyOrigin}},
		{"an unknown selector has that of CORSDefaults", get("/").selected("x"), "actual deny selector_unknown - continue 200", []string{sameSite, varyOrigin}},
		{"so has an unmatched host that is denied", get("/").at("other.example"), "actual deny no_policy - continue 200", []string{sameSite, varyOrigin}},
	}}, {"no crossOriginResourcePolicy", none, []row{
		{"upstream's stays", get("/").answered(200, theirs), "actual allow allowed shop continue 200", []string{acao + shop, theirs, varyOrigin}},
	}}, {"crossOriginResourcePolicy of some", lax, []row{
		{"cross-origin is laxer than none", get("/;").from(evil).answered(200, corp+"x"), "actual deny path_ambiguous - continue 200", []string{corp + "x", varyOrigin}},
	}}}
}
