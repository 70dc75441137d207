package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// wholeShop is a policy that sets everything.
func wholeShop() spec.PolicySpec {
	return spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{
		AllowOrigins: []string{shop}, AllowMethods: []string{"PUT", "delete", "patch", "Put", "GET"},
		AllowHeaders: []string{"Content-Type", "X-Trace", "content-type"}, ExposeHeaders: []string{"ETag", "X-A", "etag"},
		AllowCredentials: new(true), MaxAge: new(spec.Seconds(600)),
	}}
}

// preflightWorlds are about answers to preflights.
func preflightWorlds() []world {
	whole := []string{
		acao + shop, acac, acam + "PUT, DELETE, patch, GET", acah + "Content-Type, X-Trace", aceh + "ETag, X-A", acma + "600", varyPreflight,
	}
	tells := []string{acao + shop, acac, acam + "PUT, DELETE, patch, GET", acah + "Content-Type, X-Trace", varyPreflight}
	allow := func(name string, r request) row {
		return row{name, r, "preflight allow allowed shop respond 204", whole}
	}
	tell := func(name string, r request, reason string) row {
		return row{name, r, "preflight deny " + reason + " shop respond 204", tells}
	}
	deny := func(name string, r request, reason string) row {
		return row{name, r, "preflight deny " + reason + " shop respond 403", []string{varyPreflight}}
	}
	put := preflight("PUT", "/")
	return []world{
		{"preflights", one("shop", wholeShop()), []row{
			allow("a listed method gets the whole lists, in order, each once", put),
			allow("the request's bytes are echoed", put.from(shop)),
			allow("a listed header passes", put.headers("x-trace")),
			allow("in any case", put.headers("X-TRACE")),
			allow("in any order, with blanks, tabulators, empty elements and repeats", put.headers(" x-trace,\t,content-type ,, X-Trace,")),
			allow("on several lines", put.headers("x-trace", "", "content-type")),
			allow("no header at all", put.headers("")),
			allow("empty elements alone", put.headers(" , ,")),
			allow("GET always passes", preflight("GET", "/")),
			allow("HEAD does", preflight("HEAD", "/")),
			allow("POST does", preflight("POST", "/")),
			allow("a method in lower case that is listed so", preflight("patch", "/")),
			allow("a listed method is normalised", preflight("DELETE", "/")),
			tell("PATCH is not patch", preflight("PATCH", "/"), "method_case"),
			tell("a requested method is not normalised", preflight("put", "/"), "method_case"),
			tell("nor a safelisted one", preflight("get", "/"), "method_case"),
			tell("a method that is not listed", preflight("OPTIONS", "/"), "method_not_allowed"),
			tell("an unknown method", preflight("FOO", "/"), "method_not_allowed"),
			tell("an asterisk is a method like others", preflight("*", "/"), "method_not_allowed"),
			deny("two lines of a method", put.method("PUT", "PUT"), "method_malformed"),
			deny("two methods", put.method("PUT,GET"), "method_malformed"),
			deny("a method with a blank", put.method("PUT "), "method_malformed"),
			deny("a method that is no token", put.method("P/UT"), "method_malformed"),
			deny("a method that is not ASCII", put.method("PÜT"), "method_malformed"),
			deny("CONNECT", preflight("CONNECT", "/"), "method_forbidden"),
			deny("trace", preflight("trace", "/"), "method_forbidden"),
			deny("Track", preflight("Track", "/"), "method_forbidden"),
			tell("a header that is not listed", put.headers("x-other"), "header_not_allowed"),
			tell("beside one that is", put.headers("x-trace,x-other"), "header_not_allowed"),
			tell("on a line of its own, behind one that is", put.headers("x-trace", "x-other"), "header_not_allowed"),
			tell("content-type is granted by its listing, accept is not", put.headers("accept"), "header_not_allowed"),
			tell("a prefix of a listed header", put.headers("x-trac"), "header_not_allowed"),
			tell("a name that begins with a listed one", put.headers("x-traceparent"), "header_not_allowed"),
			tell("an asterisk is a name like others", put.headers("*"), "header_not_allowed"),
			tell("a name that no list can have", put.headers(strings.Repeat("x", 257)), "header_not_allowed"),
			tell("Authorization", put.headers("authorization"), "authorization_not_listed"),
			tell("in any case", put.headers("AUTHORIZATION"), "authorization_not_listed"),
			deny("a name with a blank", put.headers("x trace"), "headers_malformed"),
			deny("a name that is no token", put.headers("x-trace, x@y"), "headers_malformed"),
			deny("a name that is not ASCII", put.headers("x-träce"), "headers_malformed"),
			deny("a line feed", put.headers("x-trace\n"), "headers_malformed"),
			deny("on the last of many lines", put.headers("x-trace", "x-trace", "(x)"), "headers_malformed"),
			allow("8192 bytes of names", put.headers(blankPadded("x-trace", 8192))),
			deny("8193 bytes", put.headers(blankPadded("x-trace", 8193)), "headers_too_large"),
			allow("8192 bytes over all lines", put.headers(blankPadded("x-trace", 8000), blankPadded("content-type", 192))),
			deny("8193 bytes over all lines", put.headers(blankPadded("x-trace", 8000), blankPadded("content-type", 193)), "headers_too_large"),
			allow("128 names", put.headers(repeated("x-trace", 128))),
			deny("129 names", put.headers(repeated("x-trace", 129)), "headers_too_large"),
			allow("128 names over all lines", put.headers(repeated("x-trace", 100), repeated("x-trace", 28))),
			deny("129 names over all lines", put.headers(repeated("x-trace", 100), repeated("x-trace", 29)), "headers_too_large"),
			allow("empty elements are no names", put.headers(strings.Repeat(",", 4000)+"x-trace")),
			deny("a refused origin", put.from(evil), "origin_not_allowed"),
			deny("a malformed one", put.from(shop, shop), "origin_malformed"),
			deny("null", put.from("null"), "origin_null"),
			allow("private network is no header of this policy", put.privateNetwork("true")),
			{"the default port is echoed as it came", put.from(shop + ":443"), "preflight allow allowed shop respond 204", append([]string{acao + shop + ":443"}, whole[1:]...)},
		}},
		wildcardLists(),
		{"preflight statuses", one("shop", spec.PolicySpec{
			Hosts: []string{host}, CORS: allowing(shop), Preflight: &spec.Preflight{SuccessStatus: new(200), DenyStatus: new(299)},
		}), []row{
			{"a granted one has the successStatus", preflight("GET", "/"), "preflight allow allowed shop respond 200", []string{acao + shop, varyPreflight}},
			{"so has one that tells", preflight("PUT", "/"), "preflight deny method_not_allowed shop respond 200", []string{acao + shop, varyPreflight}},
			{"a refused one has the denyStatus", preflight("GET", "/").from(evil), "preflight deny origin_not_allowed shop respond 299", []string{varyPreflight}},
		}},
		minimal(),
		{"max-age", ruled(
			spec.Rule{Name: "0", Match: prefix("/0"), CORS: &spec.CORS{MaxAge: new(spec.Seconds(0))}},
			spec.Rule{Name: "86400", Match: prefix("/86400"), CORS: &spec.CORS{MaxAge: new(spec.Seconds(86400))}},
		), []row{
			{"0 is sent", preflight("GET", "/0"), "preflight allow allowed shop/0 respond 204", []string{acao + shop, acma + "0", varyPreflight}},
			{"a day is sent as it is", preflight("GET", "/86400"), "preflight allow allowed shop/86400 respond 204", []string{acao + shop, acma + "86400", varyPreflight}},
			{"unset is not sent", preflight("GET", "/"), "preflight allow allowed shop respond 204", []string{acao + shop, varyPreflight}},
		}},
		privateNetwork(),
		forward(),
		{"preflights for all, public", one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{
			AllowOrigins: []string{"*"}, AllowMethods: []string{"PUT"}, AllowHeaders: []string{"X-A"}, MaxAge: new(spec.Seconds(5)),
		}}), []row{
			{"the answer does not depend on the origin", preflight("PUT", "/"), "preflight allow allowed shop respond 204", []string{acao + "*", acam + "PUT", acah + "X-A", acma + "5", varyPublic}},
			{"nor when it tells what is missing", preflight("DELETE", "/"), "preflight deny method_not_allowed shop respond 204", []string{acao + "*", acam + "PUT", acah + "X-A", varyPublic}},
			{"nor when it does not", preflight("TRACE", "/"), "preflight deny method_forbidden shop respond 403", []string{varyPublic}},
		}},
	}
}

func prefix(path string) *spec.Match { return &spec.Match{Path: &spec.PathMatch{Value: path}} }

// blankPadded is a list of one name that is n bytes long.
func blankPadded(name string, n int) string { return strings.Repeat(" ", n-len(name)) + name }

// repeated is a list of n times one name.
func repeated(name string, n int) string { return strings.TrimSuffix(strings.Repeat(name+",", n), ",") }

// wildcardLists is about "*" in methods and headers.
func wildcardLists() world {
	cfg := one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{
		AllowOrigins: []string{shop}, AllowMethods: []string{"PUT", "*"}, AllowHeaders: []string{"*", "X-Named"}, AllowCredentials: new(true),
		ExposeHeaders: []string{"ETag"},
	}, Rules: []spec.Rule{
		{Name: "authorized", Match: prefix("/authorized"), CORS: &spec.CORS{AllowHeaders: []string{"Authorization", "*"}, AllowMethods: []string{"PUT"}}},
	}})
	allow := func(name string, r request, lines ...string) row {
		return row{name, r, "preflight allow allowed shop respond 204", append(lines, acao+shop, acac, aceh+"ETag", varyPreflight)}
	}
	tell := func(name string, r request, reason string, lines ...string) row {
		return row{name, r, "preflight deny " + reason + " shop respond 204", append(lines, acao+shop, acac, varyPreflight)}
	}
	deny := func(name string, r request, reason string) row {
		return row{name, r, "preflight deny " + reason + " shop respond 403", []string{varyPreflight}}
	}
	put := preflight("PUT", "/")
	rows := []row{
		allow("only the requested method is sent", preflight("DELETE", "/"), acam+"DELETE"),
		allow("in its own case", preflight("get", "/"), acam+"get"),
		allow("any token", preflight("FOO!", "/"), acam+"FOO!"),
		allow("a safelisted one, too", preflight("POST", "/"), acam+"POST"),
		deny("but TRACE", preflight("TRACE", "/"), "method_forbidden"),
		deny("and connect", preflight("connect", "/"), "method_forbidden"),
		deny("and what is no method", preflight("A B", "/"), "method_malformed"),
		allow("only the requested headers are sent, in their order and case, each once", put.headers("x-b, X-A,x-b ,X-B", "x-a"), acam+"PUT", acah+"x-b, X-A"),
		allow("a named one, too, only where it is requested", put.headers("x-named"), acam+"PUT", acah+"x-named"),
		allow("no header where none is requested", put.headers(" ,"), acam+"PUT"),
		tell("never Authorization", put.headers("x-b,authorization,x-a"), "authorization_not_listed", acam+"PUT", acah+"x-b, x-a"),
		tell("never a forbidden header", put.headers("x-b, cookie"), "header_not_allowed", acam+"PUT", acah+"x-b"),
		tell("nor one with a forbidden prefix", put.headers("Sec-Fetch-Site"), "header_not_allowed", acam+"PUT"),
		tell("nor the other", put.headers("proxy-authorization"), "header_not_allowed", acam+"PUT"),
		tell("nor one that browsers set for CORS", put.headers("access-control-request-method"), "header_not_allowed", acam+"PUT"),
		deny("nothing is reflected of a malformed list", put.headers("x-a, b@d name"), "headers_malformed"),
		deny("nor of one that is too large", put.headers(repeated("x", 129)), "headers_too_large"),
		allow("128 names are reflected", put.headers(repeated("x", 128)), acam+"PUT", acah+"x"),
		allow("a long name is", put.headers(strings.Repeat("x", 8192)), acam+"PUT", acah+strings.Repeat("x", 8192)),
		deny("a longer one is not", put.headers(strings.Repeat("x", 8193)), "headers_too_large"),
		{"Authorization where it is named", preflight("PUT", "/authorized").headers("x-a,authorization"), "preflight allow allowed shop/authorized respond 204", []string{acao + shop, acac, acam + "PUT", acah + "x-a, authorization", aceh + "ETag", varyPreflight}},
		{"it is not sent where it is not requested", preflight("PUT", "/authorized").headers("x-a"), "preflight allow allowed shop/authorized respond 204", []string{acao + shop, acac, acam + "PUT", acah + "x-a", aceh + "ETag", varyPreflight}},
		{"nothing of a malformed list when a method is refused", preflight("DELETE", "/authorized").headers("b@d name"), "preflight deny method_not_allowed shop/authorized respond 204", []string{acao + shop, acac, acam + "PUT", varyPreflight}},
		{"what passes when a method is refused", preflight("DELETE", "/authorized").headers("cookie,x-a"), "preflight deny method_not_allowed shop/authorized respond 204", []string{acao + shop, acac, acam + "PUT", acah + "x-a", varyPreflight}},
	}
	forbidden := []string{
		"Accept-Charset", "Accept-Encoding", "Access-Control-Request-Headers", "Access-Control-Request-Method",
		"Connection", "Content-Length", "Cookie", "Cookie2", "Date", "DNT", "Expect", "Host",
		"Keep-Alive", "Origin", "Referer", "Set-Cookie", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Via", "Proxy-", "Sec-", "sec-x",
		"*",
	}
	for _, name := range forbidden {
		rows = append(rows, tell("* does not cover "+name, put.headers(strings.ToLower(name)), "header_not_allowed", acam+"PUT"))
	}
	for _, name := range []string{"access-control-allow-origin", "access-control-request-private-network"} {
		rows = append(rows, allow("* covers "+name, put.headers(name), acam+"PUT", acah+name))
	}
	rows = append(rows, tell("* does not cover a method of that name", preflight("*", "/"), "method_not_allowed"))
	return world{"preflights for * of methods and headers", cfg, rows}
}

// minimal is about detail: Minimal.
func minimal() world {
	doc := wholeShop()
	doc.Preflight = &spec.Preflight{Detail: new(spec.DetailMinimal), DenyStatus: new(400)}
	var rows []row
	for reason, r := range map[string]request{
		"method_case":              preflight("put", "/"),
		"method_not_allowed":       preflight("FOO", "/"),
		"authorization_not_listed": preflight("PUT", "/").headers("authorization"),
		"header_not_allowed":       preflight("PUT", "/").headers("x-b"),
		"origin_not_allowed":       preflight("PUT", "/").from(evil),
		"method_malformed":         preflight("P T", "/"),
	} {
		rows = append(rows, row{reason + " is answered like a refused origin", r, "preflight deny " + reason + " shop respond 400", []string{varyPreflight}})
	}
	return world{"preflights with detail: Minimal", one("shop", doc), rows}
}

// privateNetwork is about the withdrawn Private Network Access.
func privateNetwork() world {
	cfg := one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{AllowOrigins: []string{shop}, AllowPrivateNetwork: new(true)}, Rules: []spec.Rule{
		{Name: "public", Match: prefix("/public"), CORS: allowing("*")},
	}})
	const asked = ", Access-Control-Request-Private-Network"
	plain := []string{acao + shop, varyPreflight + asked}
	allow := func(name string, r request, lines []string) row {
		return row{name, r, "preflight allow allowed shop respond 204", lines}
	}
	get := preflight("GET", "/")
	return world{"private network", cfg, []row{
		allow("is granted when it is asked for", get.privateNetwork("true"), append([]string{acpn}, plain...)),
		allow("not unless it is", get, plain),
		allow("not when something else is said", get.privateNetwork("True"), plain),
		allow("nor with a blank", get.privateNetwork("true "), plain),
		allow("nor on two lines", get.privateNetwork("true", "true"), plain),
		{"not to a refused origin", get.privateNetwork("true").from(evil), "preflight deny origin_not_allowed shop respond 403", []string{varyPreflight + asked}},
		{"not when a method is refused", preflight("PUT", "/").privateNetwork("true"), "preflight deny method_not_allowed shop respond 204", plain},
		{"to everyone where all are allowed", preflight("GET", "/public").privateNetwork("true"), "preflight allow allowed shop/public respond 204", []string{acao + "*", acpn, varyPublic + asked}},
		{"never on an actual request", ask("GET", "/").from(shop).privateNetwork("true"), "actual allow allowed shop continue 200", granted},
	}}
}

// forward is about mode: Forward.
func forward() world {
	doc := wholeShop()
	doc.Preflight = &spec.Preflight{Mode: new(spec.PreflightForward), SuccessStatus: new(200)}
	doc.Rules = []spec.Rule{
		{Name: "preserve", Match: prefix("/preserve"), UpstreamHeaders: new(spec.UpstreamPreserve)},
		{Name: "merge", Match: prefix("/merge"), UpstreamHeaders: new(spec.UpstreamMerge)},
		{Name: "shadow", Match: prefix("/shadow"), Enforcement: new(spec.EnforcementShadow)},
	}
	lists := []string{acao + shop, acac, acam + "PUT, DELETE, patch, GET", acah + "Content-Type, X-Trace", acma + "600"}
	theirs := []string{"access-control-allow-origin: *", "access-control-allow-methods: FOO", "access-control-max-age: 5", "access-control-expose-headers: X-Theirs", "vary: Accept"}
	with := func(more ...string) []string { return append(more, lists...) }
	return world{"preflights with mode: Forward", one("shop", doc), []row{
		{"a granted one goes to the application, and its answer says what is granted", preflight("PUT", "/").answered(200, theirs...), "preflight allow allowed shop continue 200", with(aceh+"ETag, X-A", "vary: Accept, Origin, Access-Control-Request-Method, Access-Control-Request-Headers")},
		{"whatever its status is", preflight("PUT", "/").answered(404), "preflight allow allowed shop continue 404", with(aceh+"ETag, X-A", varyPreflight)},
		{"a refused one is answered at the edge", preflight("PUT", "/").from(evil), "preflight deny origin_not_allowed shop respond 403", []string{varyPreflight}},
		{"so is one that tells", preflight("FOO", "/"), "preflight deny method_not_allowed shop respond 200", append([]string{varyPreflight}, lists[:4]...)},
		{"under Preserve the application's answer stays", preflight("PUT", "/preserve").answered(200, theirs...), "preflight allow allowed shop/preserve continue 200", append([]string{"vary: Accept, Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}, theirs[:4]...)},
		{"where it has one", preflight("PUT", "/preserve").answered(200, theirs[1:]...), "preflight allow allowed shop/preserve continue 200", with(aceh+"ETag, X-A", "vary: Accept, Origin, Access-Control-Request-Method, Access-Control-Request-Headers")},
		{"under Merge its exposed headers join", preflight("PUT", "/merge").answered(200, theirs...), "preflight allow allowed shop/merge continue 200", with(aceh+"ETag, X-A, X-Theirs", "vary: Accept, Origin, Access-Control-Request-Method, Access-Control-Request-Headers")},
		{"under Shadow it is untouched", preflight("PUT", "/shadow").answered(200, theirs...), "preflight allow allowed shop/shadow pass 200", theirs},
	}}
}

// methodDependentWorlds are about paths at which the method chooses the rule.
func methodDependentWorlds() []world {
	grants := func(name, path string, kind spec.PathMatchType, methods ...string) spec.Rule {
		r := at(name, kind, path, methods...)
		return r
	}
	doc := spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{
		AllowOrigins: []string{shop}, AllowMethods: []string{"GET", "PUT", "DELETE", "HEAD", "PATCH"}, MaxAge: new(spec.Seconds(600)),
	}, Rules: []spec.Rule{
		grants("read", "/a", spec.PathPrefix, "GET", "PATCH"),
		grants("write", "/a", spec.PathPrefix, "PUT"),
		grants("rest", "/a", spec.PathPrefix),
		grants("deep", "/a/b/c", spec.PathPrefix),
		grants("re", "/a/[0-9]", spec.PathRegularExpression, "DELETE"),
		grants("exact", "/e/f", spec.PathExact, "PUT"),
		grants("below", "/e", spec.PathPrefix),
		{Name: "unset", Match: &spec.Match{Path: &spec.PathMatch{Value: "/u"}, Methods: []string{"GET"}}, CORS: &spec.CORS{AllowMethods: []string{}}},
		{Name: "any", Match: &spec.Match{Path: &spec.PathMatch{Value: "/any"}, Methods: []string{"GET", "PUT"}}, CORS: &spec.CORS{AllowMethods: []string{"*"}}},
		{Name: "strict", Match: &spec.Match{Path: &spec.PathMatch{Value: "/strict"}, Methods: []string{"PUT"}}, CORS: &spec.CORS{AllowHeaders: []string{}, AllowMethods: []string{"PUT", "DELETE"}}},
	}}
	whole := "GET, PUT, DELETE, HEAD, PATCH"
	allow := func(name string, r request, rule, methods, age string) row {
		lines := []string{acao + shop, varyPreflight, acma + age}
		if methods != "" {
			lines = append(lines, acam+methods)
		}
		if rule != "" {
			rule = "/" + rule
		}
		return row{name, r, "preflight allow allowed shop" + rule + " respond 204", lines}
	}
	return []world{{"rules that depend on the method", one("shop", doc), []row{
		allow("a rule with methods forbids remembering, and names only methods that lead to it", preflight("GET", "/a"), "read", "GET, HEAD, PATCH", "0"),
		allow("HEAD leads where GET leads", preflight("HEAD", "/a"), "read", "GET, HEAD, PATCH", "0"),
		allow("the other rule at that path names its own", preflight("PUT", "/a/x"), "write", "PUT", "0"),
		allow("the rule without methods names the rest", preflight("DELETE", "/a"), "rest", "DELETE", "0"),
		allow("a longer path that nobody splits is whole", preflight("GET", "/a/b/c"), "deep", whole, "600"),
		allow("a shorter one behind it means nothing", preflight("PUT", "/a/b/c/d"), "deep", whole, "600"),
		allow("an expression with methods that takes the path comes before it", preflight("GET", "/a/1"), "read", "GET, HEAD, PATCH", "0"),
		allow("and names its own", preflight("DELETE", "/a/1"), "re", "DELETE", "0"),
		allow("one that does not take the path means nothing", preflight("DELETE", "/a/x"), "rest", "DELETE", "0"),
		allow("an Exact rule with methods comes before a prefix without", preflight("GET", "/e/f"), "below", "GET, DELETE, HEAD, PATCH", "0"),
		allow("only at its path", preflight("GET", "/e/g"), "below", whole, "600"),
		allow("0 is sent though maxAge is inherited, and no methods where none are listed", preflight("GET", "/u"), "unset", "", "0"),
		allow("the own cors names what leads to it", preflight("DELETE", "/u"), "", "PUT, DELETE, PATCH", "0"),
		allow("the own cors is whole elsewhere", preflight("DELETE", "/z"), "", whole, "600"),
		allow("with * the requested method is named", preflight("PUT", "/any"), "any", "PUT", "0"),
		{"a safelisted method passes though no list names it", preflight("POST", "/a"), "preflight allow allowed shop/rest respond 204", []string{acao + shop, acam + "DELETE", acma + "0", varyPreflight}},
		{"a refused header names the methods that lead to the rule", preflight("PUT", "/strict").headers("x-a"), "preflight deny header_not_allowed shop/strict respond 204", []string{acao + shop, acam + "PUT", varyPreflight}},
		{"an actual request is chosen for by its own method", ask("PUT", "/a").from(shop), "actual allow allowed shop/write continue 200", granted},
	}}, {"rules that depend on the method without a max-age", ruled(at("get", spec.PathPrefix, "/a", "GET"), at("put", spec.PathPrefix, "/b", "PUT")), []row{
		{"0 is sent though none is set", preflight("GET", "/a"), "preflight allow allowed shop/get respond 204", []string{acao + shop, acma + "0", varyPreflight}},
		{"also by the own cors at that path", preflight("GET", "/b"), "preflight allow allowed shop respond 204", []string{acao + shop, acma + "0", varyPreflight}},
		{"and nowhere else", preflight("GET", "/c"), "preflight allow allowed shop respond 204", []string{acao + shop, varyPreflight}},
	}}}
}

// TestHeaderNames: names are found in a list of any length, and none that is not there.
func TestHeaderNames(t *testing.T) {
	for n := range 20 {
		names := numbered(n, "X-%d")
		e := compiled(t, forHost(spec.CORS{AllowOrigins: []string{shop}, AllowMethods: []string{"PUT"}, AllowHeaders: names}))
		ask := func(list ...string) policy.Reason {
			d := e.Decide(&policy.Request{
				Method: "OPTIONS", Scheme: "https", Authority: host, Path: "/", Origin: []string{shop}, RequestMethod: []string{"PUT"}, RequestHeaders: list,
			})
			return d.Reason
		}
		for _, name := range names {
			if reason := ask(strings.ToLower(name)); reason != policy.ReasonAllowed {
				t.Errorf("%s of %d: %s", name, n, reason)
			}
		}
		all := strings.ToLower(strings.Join(names, ","))
		want := func(list string, want policy.Reason) {
			if reason := ask(list); reason != want {
				t.Errorf("%q of %d: %s, not %s", list, n, reason, want)
			}
		}
		for _, list := range []string{fmt.Sprintf("x-%d", n), all + ",y", "y," + all} {
			want(list, policy.ReasonHeaderNotAllowed)
		}
		if n > 0 {
			want(all, policy.ReasonAllowed)
			want(repeated("x-0", policy.MaxRequestHeaders), policy.ReasonAllowed)
			want(repeated("x-0", policy.MaxRequestHeaders+1), policy.ReasonHeadersTooLarge)
		}
		if n > 1 { // names that are parted by nothing, or by something else
			want(strings.Replace(all, ",", "", 1), policy.ReasonHeaderNotAllowed)
			want(strings.Replace(all, ",", "y", 1), policy.ReasonHeaderNotAllowed)
			want(strings.Replace(all, ",", ";", 1), policy.ReasonHeadersMalformed)
		}
	}
}
