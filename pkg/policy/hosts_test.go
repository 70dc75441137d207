package policy_test

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// What a page of the shop gets where a policy that allows it and nothing else
// applies, and where none does.
var (
	granted = []string{acao + shop, varyOrigin}
	refused = []string{varyOrigin}
)

// hostWorlds are about which policy a host chooses.
func hostWorlds() []world {
	forShop := func(hosts ...string) spec.PolicySpec { return spec.PolicySpec{Hosts: hosts, CORS: allowing(shop)} }
	all := one("exact", forShop("api.shop.example", "[2001:db8::1]"))
	all = with(all, "label", forShop("{tenant}.shop.example", "{x}.a.eu.shop.example"))
	all = with(all, "labels", forShop("*.shop.example"))
	all = with(all, "longer", forShop("*.eu.shop.example", "*.a.eu.shop.example"))
	all = with(all, "any", forShop("*"))

	taken := func(name, authority, by string) row {
		return row{name, get("/").at(authority), "actual allow allowed " + by + " continue 200", granted}
	}
	longest := strings.Repeat("a.", 120) + "shop.example" // 252 bytes
	return []world{
		{"hosts", all, []row{
			taken("an exact host comes before every pattern", "api.shop.example", "exact"),
			taken("case means nothing", "API.Shop.EXAMPLE", "exact"),
			taken("the port means nothing", "api.shop.example:8443", "exact"),
			taken("one trailing dot means nothing", "api.shop.example.", "exact"),
			taken("nor does one before a port", "api.shop.example.:443", "exact"),
			taken("an IPv6 address is a host", "[2001:db8::1]", "exact"),
			taken("an IPv6 address may have a port", "[2001:DB8::1]:8443", "exact"),
			taken("one label is taken by the capture before the wildcard", "acme.shop.example", "label"),
			taken("two labels are taken by the wildcard", "a.acme.shop.example", "labels"),
			taken("the longest suffix wins over a capture of a shorter one", "a.eu.shop.example", "longer"),
			taken("a capture comes before the wildcard of its own suffix", "b.a.eu.shop.example", "label"),
			taken("the longest of two wildcards wins", "c.b.a.eu.shop.example", "longer"),
			taken("the base of a longer wildcard is one label of the shorter", "eu.shop.example", "label"),
			taken("a label may begin with an underscore", "_x.shop.example", "label"),
			taken("a label has whatever browsers let stand in one", "a!b'$&()*+;=~`{}\"c.shop.example", "label"),
			taken("many labels are taken by the wildcard", longest, "labels"),
			taken("the apex is not below itself", "shop.example", "any"),
			taken("a name that only ends alike is another", "evilshop.example", "any"),
			taken("an unknown host is taken by *", "other.example", "any"),
			taken("another IPv6 address is another host", "[2001:db8::2]", "any"),
			taken("a percent sign is in no host", "a%41.shop.example", "any"),
			taken("user info is no host", "user@api.shop.example", "any"),
			taken("a comma is no host", "api.shop.example,other.example", "any"),
			taken("nothing is no host", "", "any"),
			taken("a port alone is no host", ":443", "any"),
			taken("a port that is no number is no port", "api.shop.example:http", "any"),
			taken("two ports are none", "api.shop.example:80:443", "any"),
			taken("a scheme is no host", "https://api.shop.example", "any"),
			taken("two trailing dots are no host", "api.shop.example..", "any"),
			taken("an empty label is no host", "a..shop.example", "any"),
			taken("a leading dot is no host", ".shop.example", "any"),
			taken("a blank is no host", " api.shop.example", "any"),
			taken("a NUL is no host", "api.shop.example\x00", "any"),
			taken("a name that is not ASCII is no host", "böse.shop.example", "any"),
			taken("a name in brackets is no host", "[shop.example]", "any"),
			taken("empty brackets are no host", "[]", "any"),
			taken("an unclosed bracket is no host", "[2001:db8::1", "any"),
			taken("a host of any length does no harm", strings.Repeat("a", 70_000)+".shop.example", "any"),
		}},
		{"hosts without *", one("shop", forShop("api.shop.example")), []row{
			{"what is no host is taken by nobody", get("/").at("user@api.shop.example"), "actual none no_policy - pass 200", nil},
			{"so is an empty authority", get("/").at(""), "actual none no_policy - pass 200", nil},
		}},
		{"hosts with a capture and rules", withDefaults(with(
			one("narrow", spec.PolicySpec{Hosts: []string{"api.shop.example", "{x}.eu.shop.example"}, Rules: []spec.Rule{at("a", spec.PathPrefix, "/a")}}),
			"wide", forShop("*.shop.example", "*")),
			spec.DefaultsSpec{CORS: allowing(shop)}), []row{
			{"the most specific table takes its paths", get("/a/b"), "actual allow allowed narrow/a continue 200", granted},
			{"a shorter pattern is never searched after it", get("/b"), "actual deny no_rule narrow continue 200", refused},
			{"nor after a capture", get("/b").at("x.eu.shop.example"), "actual deny no_rule narrow continue 200", refused},
			{"another host has the other table", get("/b").at("b.shop.example"), "actual allow allowed wide continue 200", granted},
		}},
		{"one host of two policies", withDefaults(with(
			one("own", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: []spec.Rule{at("a", spec.PathPrefix, "/a")}}),
			"rules", spec.PolicySpec{Hosts: []string{host, "rules.shop.example"}, Rules: []spec.Rule{
				at("ab", spec.PathPrefix, "/a/b"), at("put", spec.PathPrefix, "/a", "PUT"),
			}}),
			spec.DefaultsSpec{CORS: allowing(other)}), []row{
			{"their rules form one table", get("/a/b/c").from(other), "actual allow allowed rules/ab continue 200", []string{acao + other, varyOrigin}},
			{"the longest prefix wins, whosever it is", get("/a/c"), "actual allow allowed own/a continue 200", granted},
			{"a method is another place", ask("PUT", "/a/c").from(other), "actual allow allowed rules/put continue 200", []string{acao + other, varyOrigin}},
			{"the one own cors takes the rest", get("/c"), "actual allow allowed own continue 200", granted},
			{"alone on a host, the policy without cors takes only its rules", get("/c").at("rules.shop.example"), "actual deny no_rule rules continue 200", refused},
			{"nothing of one is united with the other", get("/a/b").from(shop), "actual deny origin_not_allowed rules/ab continue 200", refused},
		}},
	}
}

// unmatchedWorlds are about hosts that no policy names.
func unmatchedWorlds() []world {
	doc := spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop)}
	upstream := []string{"access-control-allow-origin: *", "vary: Accept"}
	elsewhere := func(r request) request { return r.at("other.example").answered(200, upstream...) }
	deny := func(e spec.Enforcement, check spec.OriginCheck) spec.Config {
		return withDefaults(one("shop", doc), spec.DefaultsSpec{
			UnmatchedHosts: new(spec.UnmatchedDeny), Enforcement: &e, WebSocket: &spec.WebSocket{OriginCheck: &check},
			Preflight: &spec.Preflight{DenyStatus: new(404)}, CORS: &spec.CORS{AllowOrigins: []string{shop}, AllowPrivateNetwork: new(true)},
		})
	}
	preserve := withDefaults(one("shop", doc), spec.DefaultsSpec{
		UnmatchedHosts: new(spec.UnmatchedDeny), UpstreamHeaders: new(spec.UpstreamPreserve),
	})
	pass := []row{
		{"a request is untouched", elsewhere(get("/")), "actual none no_policy - pass 200", upstream},
		{"so is a preflight", elsewhere(preflight("PUT", "/")), "preflight none no_policy - pass 200", upstream},
		{"so is a request without Origin", elsewhere(ask("GET", "/")), "not_cors none no_policy - pass 200", upstream},
		{"so is a WebSocket", elsewhere(webSocket("/")), "websocket none no_policy - pass 200", upstream},
		{"whatever its path is", elsewhere(get("/a/../b")), "actual none no_policy - pass 200", upstream},
	}
	return []world{
		{"unmatched hosts by default", one("shop", doc), pass},
		{"unmatched hosts: PassThrough", withDefaults(one("shop", doc), spec.DefaultsSpec{
			UnmatchedHosts: new(spec.UnmatchedPassThrough), Enforcement: new(spec.EnforcementBlock),
			WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)},
		}), pass},
		{"unmatched hosts: Deny", deny(spec.EnforcementEnforce, spec.OriginCheckEnforce), []row{
			{"nobody is allowed", elsewhere(get("/")), "actual deny no_policy - continue 200", []string{"vary: Accept, Origin"}},
			{"nor by a preflight, with the status of CORSDefaults", elsewhere(preflight("GET", "/")), "preflight deny no_policy - respond 404", []string{varyPreflight}},
			{"a request without Origin has nothing to decide", elsewhere(ask("GET", "/")), "not_cors none no_policy - continue 200", []string{"vary: Accept, Origin"}},
			{"a WebSocket is never checked", elsewhere(webSocket("/")), "websocket none no_policy - pass 200", upstream},
			{"the host's own page is not blamed", elsewhere(get("/").from("https://other.example")), "actual deny no_policy - continue 200", []string{"vary: Accept, Origin"}},
		}},
		{"unmatched hosts: Deny and Block", deny(spec.EnforcementBlock, spec.OriginCheckDisabled), []row{
			{"a refused page is answered at the edge", elsewhere(get("/")), "actual deny no_policy - respond 403", refused},
			{"the host's own page is not blocked", elsewhere(get("/").from("https://other.example")), "actual deny no_policy - continue 200", []string{"vary: Accept, Origin"}},
		}},
		{"unmatched hosts: Deny and Shadow", deny(spec.EnforcementShadow, spec.OriginCheckDisabled), []row{
			{"a refused page is counted and untouched", elsewhere(get("/")), "actual deny no_policy - pass 200", upstream},
			{"so is a preflight", elsewhere(preflight("PUT", "/")), "preflight deny no_policy - pass 200", upstream},
		}},
		{"unmatched hosts: Deny and Off", deny(spec.EnforcementDisabled, spec.OriginCheckDisabled), []row{
			{"no_policy is decided before off", elsewhere(get("/")), "actual deny no_policy - pass 200", upstream},
		}},
		{"unmatched hosts: Deny and Preserve", preserve, []row{
			{"what upstream says is left alone", elsewhere(get("/")), "actual deny no_policy - continue 200", []string{"access-control-allow-origin: *", "vary: Accept, Origin"}},
		}},
	}
}
