package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

const (
	partner = "https://partner.example"

	tao  = "timing-allow-origin: "
	corp = "cross-origin-resource-policy: "
)

// ofOrigin is a rule for some origins at a path.
func ofOrigin(name, path string, origins []string, methods ...string) spec.Rule {
	r := at(name, spec.PathPrefix, path, methods...)
	r.Match.Origins = origins
	return r
}

// revalidated are the headers of a 304 that no stored response may keep.
func revalidated(origin, credentials, exposed string) []string {
	return []string{acao + origin, "access-control-allow-credentials: " + credentials, aceh + exposed, varyOrigin}
}

// originRuleWorlds are about rules that match some origins only.
func originRuleWorlds() []world {
	return slices.Concat(chosenByOrigin(), grantedByOrigin(), refusedByOrigin(), mixedOrigins(), originsOfTenants())
}

// chosenByOrigin are about which rule an origin chooses.
func chosenByOrigin() []world {
	all := func(name, path string, methods ...string) spec.Rule {
		r := at(name, spec.PathPrefix, path, methods...)
		r.CORS = allowing("*")
		return r
	}
	bySet := all("by-set", "/set")
	bySet.Match.OriginSets, bySet.CORS = []string{"partners"}, nil
	longer := at("longer", spec.PathPrefix, "/a/longer")
	cfg := withSet(ruled(
		ofOrigin("partner-get", "/a", []string{partner}, "GET"), ofOrigin("partner", "/a", []string{partner}), all("put", "/a", "PUT"), all("every", "/a"),
		ofOrigin("shop-get", "/head", []string{shop}, "GET"), ofOrigin("partner-head", "/head", []string{partner}, "HEAD"), all("head", "/head", "HEAD"),
		ofOrigin("both-get", "/both", []string{shop}, "GET"), ofOrigin("both-head", "/both", []string{shop}, "HEAD"),
		ofOrigin("ports", "/ports", []string{"http://localhost:*", "https://*.x.example"}), bySet, longer,
	), "partners", spec.OriginSetSpec{Origins: []string{"https://*.set.example"}})
	by := func(name string, r request, rule string, lines ...string) row {
		want := "actual allow allowed shop"
		if rule != "" {
			want += "/" + rule
		}
		return row{name, r, want + " continue 200", append(lines, varyOrigin)}
	}
	from := func(origin, method, path string) request { return ask(method, path).from(origin) }
	refusedBy := func(name string, r request, want string) row { return row{name, r, want, refused} }
	return []world{{"rules by origin", cfg, []row{
		by("one with the origin and the method comes first", from(partner, "GET", "/a"), "partner-get", acao+partner),
		by("GET matches HEAD too", from(partner, "HEAD", "/a"), "partner-get", acao+partner),
		by("then one with the origin, before one with the method", from(partner, "PUT", "/a"), "partner", acao+partner),
		by("then one with the method", from(evil, "PUT", "/a"), "put", acao+"*"),
		by("then one with neither", from(evil, "GET", "/a"), "every", acao+"*"),
		by("null is none of its origins", from("null", "GET", "/a"), "every", acao+"*"),
		by("nor is a malformed one", from("x", "GET", "/a"), "every", acao+"*"),
		by("nor are two lines", ask("GET", "/a").from(partner, partner), "every", acao+"*"),
		{"nor is none", ask("GET", "/a"), "not_cors none not_cors shop/every continue 200", []string{acao + "*", varyOrigin}},
		by("the default port is the same origin, and is echoed", from(partner+":443", "GET", "/a"), "partner-get", acao+partner+":443"),
		by("a rule names HEAD at the path: one without origins does not take it from one with them", from(shop, "HEAD", "/head"), "shop-get", acao+shop),
		by("one for another origin does neither", from(shop, "HEAD", "/head"), "shop-get", acao+shop),
		by("one for the origin does", from(shop, "HEAD", "/both"), "both-head", acao+shop),
		by("patterns match as in allowOrigins", from("http://localhost:1", "GET", "/ports"), "ports", acao+"http://localhost:1"),
		refusedBy("and no more", from("https://x.example", "GET", "/ports"), "actual deny origin_not_allowed shop continue 200"),
		by("sets, too", from("https://a.set.example", "GET", "/set"), "by-set", acao+"https://a.set.example"),
		by("a longer path comes first, whoever asks", from(shop, "GET", "/a/longer"), "longer", acao+shop),
		refusedBy("it holds for the partner, too", from(partner, "GET", "/a/longer"), "actual deny origin_not_allowed shop/longer continue 200"),
		{"a WebSocket is a GET", ask("GET", "/a").from(partner).upgrade("websocket"), "websocket none allowed shop/partner-get pass 200", nil},
		{"a preflight asks by its method", preflight("PUT", "/a").from(partner), "preflight deny method_not_allowed shop/partner respond 204", []string{acao + partner, varyPreflight}},
	}}}
}

// grantedByOrigin are about what such a rule grants.
func grantedByOrigin() []world {
	others := ofOrigin("others", "/others", []string{partner, shop})
	others.CORS = allowing(shop)
	public := ofOrigin("public", "/public", []string{partner})
	public.CORS = allowing("*")
	regex := ofOrigin("regex", "/regex", []string{"https://*.re.example"})
	regex.CORS = &spec.CORS{AllowOriginRegexes: []string{`https://a\.re\.example`}}
	null := ofOrigin("null", "/null", []string{partner})
	null.CORS = &spec.CORS{AllowNullOrigin: new(true)}
	doc := spec.PolicySpec{
		Hosts: []string{host}, CORS: &spec.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"PUT", "PATCH", "DELETE"}, MaxAge: new(spec.Seconds(60))},
		Rules: []spec.Rule{
			others, public, regex, null, ofOrigin("put", "/m", []string{partner}, "PUT"), ofOrigin("rest", "/m", []string{partner}),
			at("plain-put", spec.PathPrefix, "/m", "DELETE"), ofOrigin("only", "/only", []string{partner}),
		},
	}
	selected := func(name, selector string, r request, want string, lines ...string) row {
		return row{name, r.selected(selector), want, lines}
	}
	granted := func(name string, r request, rule string, lines ...string) row {
		return row{name, r, "preflight allow allowed shop/" + rule + " respond 204", append(lines, varyPreflight)}
	}
	return []world{{"what rules by origin grant", one("shop", doc), []row{
		{"a rule with origin fields of its own grants those", get("/others").from(shop), "actual allow allowed shop/others continue 200", grantedTo(shop)},
		{"and refuses others that it matches", get("/others").from(partner), "actual deny origin_not_allowed shop/others continue 200", refused},
		{"an expression narrows what it matches", get("/regex").from("https://a.re.example"), "actual allow allowed shop/regex continue 200", grantedTo("https://a.re.example")},
		{"and refuses the rest", get("/regex").from("https://b.re.example"), "actual deny origin_not_allowed shop/regex continue 200", refused},
		{"allowNullOrigin alone grants nobody: null is never matched", get("/null").from(partner), "actual deny origin_not_allowed shop/null continue 200", refused},
		{"a public one sends *, and Vary", get("/public").from(partner), "actual allow allowed shop/public continue 200", []string{acao + "*", varyOrigin}},
		{"so does the public cors behind it, for everyone else", get("/public").from(evil), "actual allow allowed shop continue 200", []string{acao + "*", varyOrigin}},
		{"without Origin, too", ask("GET", "/public"), "not_cors none not_cors shop continue 200", []string{acao + "*", varyOrigin}},
		{"not where no such rule stands before", get("/z").from(evil), "actual allow allowed shop continue 200", []string{acao + "*"}},
		{"a preflight has Vary: Origin, too", preflight("PUT", "/public").from(evil), "preflight allow allowed shop respond 204", []string{acao + "*", acam + "PUT, PATCH, DELETE", acma + "60", varyPreflight}},
		granted("max-age stays if no rule that this origin reaches depends on the method", preflight("PUT", "/only").from(partner), "only", acao+partner, acam+"PUT, PATCH, DELETE", acma+"60"),
		granted("it is 0 where one does, and methods that lead elsewhere are left out", preflight("PUT", "/m").from(partner), "put", acao+partner, acam+"PUT", acma+"0"),
		granted("also behind it", preflight("PATCH", "/m").from(partner), "rest", acao+partner, acam+"PATCH, DELETE", acma+"0"),
		{"for other origins only their own rules count", preflight("PUT", "/m").from(evil), "preflight allow allowed shop respond 204", []string{acao + "*", acam + "PUT, PATCH", acma + "0", varyPreflight}},
		selected("a selected one grants what it matches", "shop#public", get("/").from(partner), "actual allow allowed shop/public continue 200", acao+"*", varyOrigin),
		selected("and nothing else", "shop#public", get("/").from(evil), "actual deny origin_not_allowed shop/public continue 200", varyOrigin),
		selected("nor null", "shop#null", get("/").from("null"), "actual deny origin_null shop/null continue 200", varyOrigin),
		selected("nor a malformed one", "shop#public", get("/").from("x"), "actual deny origin_malformed shop/public continue 200", varyOrigin),
		selected("nor a request without Origin", "shop#public", ask("GET", "/"), "not_cors none not_cors shop/public continue 200", varyOrigin),
		selected("a policy that is selected has no rule by origin", "shop", get("/public").from(partner), "actual allow allowed shop continue 200", acao+"*"),
		selected("a selected one does not depend on the method", "shop#put", preflight("DELETE", "/").from(partner), "preflight allow allowed shop/put respond 204",
			acao+partner, acam+"PUT, PATCH, DELETE", acma+"60", varyPreflight),
	}}}
}

// TestExpiredSetMatches lets a set expire that a rule matches: its origins are refused, and not judged by another rule.
func TestExpiredSetMatches(t *testing.T) {
	r := at("partners", spec.PathPrefix, "/")
	r.Match.OriginSets = []string{"s"}
	cfg := withSet(one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing("*"), Rules: []spec.Rule{r}}), "s", spec.OriginSetSpec{
		Origins: []string{partner}, Expires: new("2027-01-10"),
	})
	const allowed, expired = "actual allow allowed shop/partners continue 200", "actual deny origin_not_allowed shop/partners continue 200"
	e := compiled(t, cfg, policy.At(day(9)))
	expect := func(name string, e *policy.Engine, want string) {
		t.Helper()
		if x := run(t, e, get("/").from(partner)); x.said() != want {
			t.Errorf("%s: %s, want %s", name, x.said(), want)
		}
	}
	expect("before", e, allowed)
	e.Expire(day(10))
	expect("on the day", e, expired)
	expect("compiled on the day", compiled(t, cfg, policy.At(day(10))), expired)
	if _, _, err := policy.Compile(with(cfg, "other", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{ofOrigin("again", "/", []string{partner})}}), policy.At(day(10))); err == nil {
		t.Error("an expired set conflicts with no rule")
	}
}

// grantedTo are the lines of a grant to an origin.
func grantedTo(origin string) []string { return []string{acao + origin, varyOrigin} }

// refusedByOrigin are about paths at which no rule matches the origin: the rules for other origins count.
func refusedByOrigin() []world {
	block := ofOrigin("block", "/a", []string{partner})
	block.Enforcement, block.Preflight = new(spec.EnforcementBlock), &spec.Preflight{DenyStatus: new(404)}
	block.WebSocket = &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)}
	block.CORS = &spec.CORS{CrossOriginResourcePolicy: new(spec.ResourceSameSite)}
	put := ofOrigin("put", "/put", []string{partner}, "PUT")
	put.Enforcement = new(spec.EnforcementBlock)
	cfg := one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{block, put, at("b", spec.PathPrefix, "/b")}})
	return []world{{"no rule for an origin", cfg, []row{
		{"the partner has its rule", get("/a").from(partner), "actual allow allowed shop/block continue 200", []string{acao + partner, corp + "same-site", varyOrigin}},
		{"another one is blocked as the rule would block", get("/a").from(evil), "actual deny no_rule shop respond 403", []string{corp + "same-site", varyOrigin}},
		{"its preflight has the rule's denyStatus", preflight("GET", "/a").from(evil), "preflight deny no_rule shop respond 404", []string{varyPreflight}},
		{"its WebSocket is checked", webSocket("/a").from(evil), "websocket deny no_rule shop respond 403", refused},
		{"without Origin nothing is blocked", ask("GET", "/a").answered(200, theirs...), "not_cors none no_rule shop continue 200", []string{corp + "same-site", varyOrigin}},
		{"not where the origin fits, and only the method does not", ask("GET", "/put").from(partner), "actual deny no_rule shop continue 200", refused},
		{"a rule with methods counts for other origins, too", ask("GET", "/put").from(evil), "actual deny no_rule shop respond 403", refused},
		{"not at another path", get("/z").from(evil), "actual deny no_rule shop continue 200", refused},
		{"the host's own page is let through", get("/a").from("https://" + host), "actual deny no_rule shop continue 200", []string{corp + "same-site", varyOrigin}},
	}}}
}

// mixedOrigins are about the 304 that a browser gets for one origin while it has stored the answer to another.
func mixedOrigins() []world {
	withCredentials := ofOrigin("partner", "/a", []string{partner})
	withCredentials.CORS = &spec.CORS{AllowCredentials: new(true), ExposeHeaders: []string{"ETag"}}
	families := ofOrigin("families", "/families", []string{partner})
	families.CORS = &spec.CORS{ExposeHeaders: []string{"X-*"}, AllowOrigins: []string{partner}}
	public := at("public", spec.PathPrefix, "/public")
	public.CORS = &spec.CORS{AllowOrigins: []string{"*"}, ExposeHeaders: []string{"ETag"}}
	only := ofOrigin("only", "/public", []string{partner})
	only.CORS = &spec.CORS{AllowOrigins: []string{"*"}, TimingAllowOrigin: new(true)}
	cfg := ruled(withCredentials, families, public, only, at("longer", spec.PathPrefix, "/a/b"))
	granted := func(name string, r request, rule string, lines []string) row {
		return row{name, r, strings.Replace("actual allow allowed shop/"+rule+" continue 304", "shop/ ", "shop ", 1), lines}
	}
	unknown := func(r request) request { return r.answered(0) }
	not := func(r request) request { return r.answered(304, theirs...) }
	deny := "actual deny origin_not_allowed shop continue "
	return []world{{"a 304 where a rule matches some origins", cfg, []row{
		granted("has all headers of the grant", not(get("/a").from(partner)), "partner", revalidated(partner, "true", "ETag")),
		granted("without credentials says so, and exposes what can be read anyway", not(get("/a")), "", revalidated(shop, "false", "Content-Type")),
		{"to a refused origin names nobody", not(get("/a").from(evil)), deny + "304", revalidated("none", "false", "Content-Type")},
		{"to null, too", not(get("/a").from("null")), "actual deny origin_null shop continue 304", revalidated("none", "false", "Content-Type")},
		{"to the host's own page, too", not(get("/a").from("https://" + host)), "actual none same_origin shop continue 304", revalidated("none", "false", "Content-Type")},
		{"without Origin has none", not(ask("GET", "/a")), "not_cors none not_cors shop continue 304", refused},
		{"to no other status", get("/a").from(evil).answered(200, theirs...), deny + "200", refused},
		{"nor to an error", get("/a").answered(404), "actual allow allowed shop continue 404", []string{acao + shop, varyOrigin}},
		{"a status that is not known may be it", unknown(get("/a").from(evil)), deny + "0", revalidated("none", "false", "Content-Type")},
		{"also of a grant", unknown(get("/a")), "actual allow allowed shop continue 0", revalidated(shop, "false", "Content-Type")},
		{"not at a longer path, where the origin makes no difference", not(get("/a/b").from(evil)), "actual deny origin_not_allowed shop/longer continue 304", refused},
		{"nor at another one", not(get("/z").from(evil)), deny + "304", refused},
		{"on an ambiguous path it may", not(get("/a;b").from(evil)), "actual deny path_ambiguous shop continue 304", revalidated("none", "false", "Content-Type")},
		granted("a family exposes the names that it has", get("/families").from(partner).answered(304, "x-a: 1", "etag: 1"), "families", revalidated(partner, "false", "x-a")),
		granted("a family that finds none", get("/families").from(partner).answered(304, "etag: 1"), "families", revalidated(partner, "false", "Content-Type")),
		granted("* stays *", not(get("/public").from(evil)), "public", revalidated("*", "false", "ETag")),
		granted("a public rule with origins has its timing for everyone", get("/public").from(partner).answered(304), "only",
			append(revalidated("*", "false", "Content-Type"), tao+"*")),
		{"so on every status", get("/public").from(partner), "actual allow allowed shop/only continue 200", []string{acao + "*", tao + "*", varyOrigin}},
		{"a preflight that is 304 elsewhere is as ever", preflight("GET", "/a").from(evil), "preflight deny origin_not_allowed shop respond 403", []string{varyPreflight}},
	}}, {"a 304 where a rule that matches some origins is selected", cfg, []row{
		{"has all headers", not(get("/").from(evil)).selected("shop#partner"), "actual deny origin_not_allowed shop/partner continue 304", revalidated("none", "false", "Content-Type")},
		{"not with another rule", not(get("/").from(evil)).selected("shop#longer"), "actual deny origin_not_allowed shop/longer continue 304", refused},
	}}}
}

// originsOfTenants are about {tenant} in match.origins.
func originsOfTenants() []world {
	cfg := one("shop", spec.PolicySpec{Hosts: []string{"{tenant}.api.example", "fixed.example"}, CORS: allowing(shop), Rules: []spec.Rule{
		ofOrigin("own", "/", []string{"https://{tenant}.app.example"}),
	}})
	return []world{{"rules by origins of tenants", cfg, []row{
		{"the host's own tenant is matched", get("/").at("a.api.example").from("https://a.app.example"), "actual allow allowed shop/own continue 200", grantedTo("https://a.app.example")},
		{"another one is not", get("/").at("a.api.example").from("https://b.app.example"), "actual deny origin_not_allowed shop continue 200", refused},
		{"a host that binds none has none", get("/").at("fixed.example").from("https://fixed.app.example"), "actual deny origin_not_allowed shop continue 200", refused},
		{"a selected rule binds it from the policy's hosts", get("/").at("b.api.example").from("https://b.app.example").selected("shop#own"), "actual allow allowed shop/own continue 200", grantedTo("https://b.app.example")},
		{"and refuses another one", get("/").at("a.api.example").from("https://b.app.example").selected("shop#own"), "actual deny origin_not_allowed shop/own continue 200", refused},
	}}}
}

// foldWorlds are about paths that the application treats as equal.
func foldWorlds() []world {
	rules := []spec.Rule{
		at("admin", spec.PathPrefix, "/Admin"), at("exact", spec.PathExact, "/exact/"), at("root", spec.PathExact, "/"),
		at("re", spec.PathRegularExpression, "/re/[a-z]+"), at("below", spec.PathRegularExpression, "/below/.*"), at("escape", spec.PathPrefix, "/a%2Cb"),
	}
	paths := func(ignoreCase, ignoreSlash bool) spec.Config {
		return one("shop", spec.PolicySpec{
			Hosts: []string{host}, CORS: allowing(shop), Rules: rules, Paths: &spec.Paths{IgnoreCase: &ignoreCase, IgnoreTrailingSlash: &ignoreSlash},
		})
	}
	ambiguous := func(name, path string) row {
		return row{name, get(path), "actual deny path_ambiguous shop continue 200", refused}
	}
	inherited := paths(false, true)
	inherited.Policies[0].Spec.Paths = &spec.Paths{IgnoreTrailingSlash: new(true)}
	return []world{
		{"paths as they are", paths(false, false), []row{
			byRule("case counts", "/admin", ""),
			byRule("of expressions, too", "/RE/a", ""),
			byRule("a final slash counts", "/exact", ""),
			byRule("for an expression, too", "/below", ""),
			byRule("letters that fold are letters", "/%C4%B0", ""),
		}},
		{"ignoreCase", paths(true, false), []row{
			byRule("a prefix matches in any case", "/aDMIN/x", "admin"),
			byRule("also in the rule's own", "/Admin", "admin"),
			byRule("an Exact path, too", "/EXACT/", "exact"),
			byRule("an expression, too", "/RE/Abc", "re"),
			byRule("an element is whole all the same", "/ADMINx", ""),
			byRule("a final slash counts", "/EXACT", ""),
			byRule("escapes in the spelling of the rule match", "/A%2Cb", "escape"),
			ambiguous("those in another spelling are ambiguous", "/A%2cB"),
			ambiguous("dotted capital I, encoded", "/adm%C4%B0n"),
			ambiguous("and with small digits", "/adm%c4%b0n"),
			ambiguous("dotted capital I as it is", "/adm\u0130n"),
			ambiguous("dotless i", "/adm%C4%B1n"),
			ambiguous("long s", "/bas%C5%BF"),
			ambiguous("the Kelvin sign", "/%E2%84%AAey"),
			byRule("other letters are not", "/%C3%A9", ""),
			byRule("a query is not looked at", "/ADMIN?%C4%B0", "admin"),
		}},
		{"ignoreTrailingSlash", paths(false, true), []row{
			byRule("an Exact path with a slash matches one without", "/exact", "exact"),
			byRule("and one with it", "/exact/", "exact"),
			ambiguous("not with two", "/exact//"),
			byRule("nor what is below", "/exact/x", ""),
			byRule("the root stays the root", "/", "root"),
			byRule("an expression matches a path with one more", "/re/a/", "re"),
			byRule("and one with one less", "/below", "below"),
			byRule("as well as itself", "/below/", "below"),
			byRule("a prefix is as ever", "/Admin/", "admin"),
			byRule("case counts", "/Exact", ""),
		}},
		{"both", paths(true, true), []row{
			byRule("an Exact path", "/EXACT", "exact"),
			byRule("an expression", "/RE/ABC/", "re"),
			byRule("an expression for what is below", "/BELOW", "below"),
		}},
		{"paths of CORSDefaults", withDefaults(inherited, spec.DefaultsSpec{Paths: &spec.Paths{IgnoreCase: new(true)}}), []row{
			byRule("are inherited field by field", "/EXACT", "exact"),
		}},
		{"a policy without a choice", one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Paths: &spec.Paths{IgnoreCase: new(true)}}), []row{
			byRule("has no ambiguous path", "/%C4%B0", ""),
		}},
	}
}
