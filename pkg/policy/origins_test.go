package policy_test

import (
	"strings"
	"time"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// originWorlds are about who is allowed.
func originWorlds() []world {
	allowed := func(name, origin string) row {
		return row{name, get("/").from(origin), "actual allow allowed shop continue 200", []string{acao + origin, varyOrigin}}
	}
	not := func(name, origin string) row {
		return row{name, get("/").from(origin), "actual deny origin_not_allowed shop continue 200", refused}
	}
	malformed := func(name string, origin ...string) row {
		return row{name, get("/").from(origin...), "actual deny origin_malformed shop continue 200", refused}
	}
	doc := func(c spec.CORS) spec.PolicySpec { return spec.PolicySpec{Hosts: []string{host}, CORS: &c} }

	scheme, label := strings.Repeat("s", 64), strings.Repeat("a", 63)
	name := label + "." + label + "." + label + "." + label[:61] // 253 bytes
	long := scheme + "://" + name + ":12345"                     // 64+3+253+1+5

	patterns := doc(spec.CORS{AllowOrigins: []string{
		shop, "https://*.sub.example", "https://*.port.example:*", "http://localhost:*", "https://host.example:*", "https://eight.example:8443",
		"https://default.example:443", "http://plain.example", "https://UPPER.Example", "https://*.num.example:8443", "ftp+x.y-1://app",
		"capacitor://localhost", "chrome-extension://abcdefghijklmnop", "moz-extension://0f2e-11", "tauri://localhost", "app://localhost:3000",
		"https://[2001:db8::1]", "https://[::ffff:102:304]:8443", "http://127.0.0.1:*", "https://dot.example.", "https://under_score.example",
		long,
	}})
	tenants := withSet(spec.Config{Policies: []spec.Policy{
		{Name: "shop", Spec: spec.PolicySpec{
			Hosts: []string{"{tenant}.api.example", "{region}.eu.example", "fixed.api.example"},
			CORS: &spec.CORS{AllowOrigins: []string{
				"https://{tenant}.app.example", "https://{tenant}.ports.example:*", "http://{tenant}.plain.example:8080", "https://{region}.region.example",
			}, AllowOriginSets: []string{"set"}},
		}},
		{Name: "more", Spec: spec.PolicySpec{Hosts: []string{"{customer}.api.example"}, Rules: []spec.Rule{
			{Name: "r", Match: &spec.Match{Path: &spec.PathMatch{Value: "/more"}}, CORS: allowing("https://{customer}.app.example")},
		}}},
	}}, "set", spec.OriginSetSpec{Origins: []string{"https://{tenant}.set.example"}})
	onTenant := func(r row, authority string) row { r.request = r.request.at(authority); return r }

	sets := withSet(withSet(one("shop", doc(spec.CORS{
		AllowOrigins: []string{shop}, AllowOriginSets: []string{"partners", "empty"}, AllowOriginRegexes: []string{`https://[a-z]+\.re\.example`, `https://a|https://p\.example:8443`},
	})), "partners", spec.OriginSetSpec{Origins: []string{"https://partner.example", "https://*.partner.example:*"}, Owner: "team"}), "empty", spec.OriginSetSpec{})

	return []world{
		{"origins", one("shop", patterns), []row{
			allowed("a listed origin", shop),
			allowed("with its default port, which is echoed", shop+":443"),
			not("with another port", shop+":444"),
			not("with another scheme", "http://www.shop.example"),
			not("with the default port of another scheme", shop+":80"),
			not("with a label more", "https://x.www.shop.example"),
			not("with a label less", "https://shop.example"),
			not("with a final dot", shop+"."),
			not("a prefix of it", shop[:len(shop)-1]),
			not("one that it is a prefix of", shop+"x"),
			allowed("one label before a wildcard", "https://a.sub.example"),
			allowed("more labels before a wildcard", "https://c.b.a.sub.example"),
			allowed("with the default port", "https://a.sub.example:443"),
			not("the apex of a wildcard", "https://sub.example"),
			not("a name that ends like it", "https://evilsub.example"),
			not("a wildcard with another port", "https://a.sub.example:8443"),
			not("a wildcard with another scheme", "http://a.sub.example"),
			not("a wildcard with a final dot", "https://a.sub.example."),
			not("a wildcard before something else", "https://a.sub.example.evil.example"),
			allowed("any port after a wildcard host", "https://a.port.example:9"),
			allowed("the default port, too", "https://a.port.example"),
			allowed("the default port, written out", "https://a.port.example:443"),
			allowed("any port after a host", "http://localhost:5173"),
			allowed("no port, too", "http://localhost"),
			not("any port of another scheme", "https://localhost:5173"),
			allowed("any port after a host with https", "https://host.example:1"),
			allowed("the one port that is listed", "https://eight.example:8443"),
			not("not the default port then", "https://eight.example"),
			allowed("one port after a wildcard", "https://x.num.example:8443"),
			not("not another one", "https://x.num.example"),
			allowed("a default port in the list means none", "https://default.example"),
			allowed("http", "http://plain.example"),
			allowed("http with its default port", "http://plain.example:80"),
			allowed("upper case in the list is read in lower case", "https://upper.example"),
			allowed("a custom scheme", "capacitor://localhost"),
			allowed("an extension of Chromium", "chrome-extension://abcdefghijklmnop"),
			allowed("an extension of Firefox", "moz-extension://0f2e-11"),
			allowed("an application of Tauri", "tauri://localhost"),
			allowed("a custom scheme with a port", "app://localhost:3000"),
			not("a custom scheme has no default port", "tauri://localhost:443"),
			allowed("a scheme with every byte that a scheme may have", "ftp+x.y-1://app"),
			allowed("an IPv6 address", "https://[2001:db8::1]"),
			allowed("an IPv6 address that maps IPv4, with a port", "https://[::ffff:102:304]:8443"),
			not("another IPv6 address", "https://[2001:db8::2]"),
			allowed("an IPv4 address", "http://127.0.0.1:3000"),
			allowed("a name with a final dot, where it is listed", "https://dot.example."),
			not("without it", "https://dot.example"),
			allowed("an underscore", "https://under_score.example"),
			allowed("the longest origin", long),
			{"null", get("/").from("null"), "actual deny origin_null shop continue 200", refused},
			{"null is granted by no wildcard", preflight("GET", "/").from("null"), "preflight deny origin_null shop respond 403", []string{varyPreflight}},
		}},
		{"malformed origins", one("shop", doc(spec.CORS{
			AllowOrigins: []string{"https://*", "http://*:*", shop}, AllowNullOrigin: new(true), AllowOriginRegexes: nil,
		})), []row{
			allowed("https://* takes any host", "https://any.where.example"),
			allowed("with the default port", "https://any.where.example:443"),
			allowed("and an IP address", "https://[::1]"),
			not("not any port", "https://any.where.example:8443"),
			not("nor another scheme", "ftp://any.where.example"),
			allowed("http://*:* takes any port", "http://any.where.example:8080"),
			allowed("null is granted where it is allowed", "null"),
			malformed("null in another case", "NULL"),
			malformed("null with a blank", "null "),
			malformed("two lines", shop, shop),
			malformed("two lines of null", "null", "null"),
			malformed("an empty value", ""),
			malformed("an empty line beside another", shop, ""),
			malformed("a comma", shop+","+shop),
			malformed("a comma and a blank", shop+", "+shop),
			malformed("a blank behind", shop+" "),
			malformed("a blank before", " "+shop),
			malformed("a tabulator", shop+"\t"),
			malformed("a line feed", shop+"\n"),
			malformed("a NUL", shop+"\x00"),
			malformed("a DEL", shop+"\x7f"),
			malformed("a byte that is not ASCII", "https://b\xf6se.example"),
			malformed("a name that is not ASCII", "https://böse.example"),
			malformed("user info", "https://user@www.shop.example"),
			malformed("user info with a password", "https://a:b@www.shop.example"),
			malformed("an empty path", shop+"/"),
			malformed("a path", shop+"/a"),
			malformed("a backslash", shop+`\`),
			malformed("a query", shop+"?a"),
			malformed("a fragment", shop+"#a"),
			malformed("no scheme", "www.shop.example"),
			malformed("an empty scheme", "://www.shop.example"),
			malformed("no slashes", "https:www.shop.example"),
			malformed("one slash", "https:/www.shop.example"),
			malformed("an upper-case scheme", "HTTPS://www.shop.example"),
			malformed("a scheme that begins with a digit", "1x://www.shop.example"),
			malformed("a scheme with an underscore", "a_b://www.shop.example"),
			malformed("an upper-case host", "https://WWW.shop.example"),
			malformed("no host", "https://"),
			malformed("a port alone", "https://:443"),
			malformed("a dot alone", "https://."),
			malformed("an empty label", "https://www..example"),
			malformed("a leading dot", "https://.shop.example"),
			malformed("two final dots", "https://www.shop.example.."),
			malformed("a wildcard", "https://*.shop.example"),
			malformed("an asterisk", "*"),
			malformed("a percent sign", "https://www%2eshop.example"),
			malformed("a port of nothing", shop+":"),
			malformed("port 0", shop+":0"),
			malformed("a port with a leading zero", shop+":0443"),
			malformed("port 65536", shop+":65536"),
			malformed("a port of six digits", shop+":443443"),
			malformed("a port that is no number", shop+":https"),
			malformed("a port with a sign", shop+":+443"),
			malformed("two ports", shop+":443:443"),
			not("port 65535 is well-formed", shop+":65535"),
			not("port 1 is well-formed", shop+":1"),
			malformed("an IPv6 address without brackets", "https://::1"),
			malformed("an open bracket", "https://[::1"),
			malformed("a closed bracket", "https://::1]"),
			malformed("empty brackets", "https://[]"),
			malformed("a name in brackets", "https://[localhost]"),
			malformed("an IPv6 address in its long form", "https://[0:0:0:0:0:0:0:1]"),
			malformed("an IPv6 address with a leading zero", "https://[::01]"),
			malformed("an IPv6 address in upper case", "https://[::A]"),
			malformed("an IPv6 address with a dotted quad", "https://[::ffff:1.2.3.4]"),
			malformed("an IPv6 address with a zone", "https://[fe80::1%25eth0]"),
			malformed("one zero piece as ::", "https://[1::2:3:4:5:6:7]"),
			malformed("the second longest run as ::", "https://[1::2:0:0:0:3]"),
			malformed("the second of two runs of one length as ::", "https://[1:0:0:2:3::4]"),
			malformed("nine pieces", "https://[1:2:3:4:5:6:7:8:9]"),
			malformed("seven pieces", "https://[1:2:3:4:5:6:7]"),
			malformed("two runs", "https://[1::2::3]"),
			malformed("text behind the bracket", "https://[::1]x"),
			allowed("the first of two runs of one length as ::", "https://[1::2:3:0:0:4]"),
			allowed("no address at all", "https://[::]"),
			allowed("one byte less than is too long", "http://"+strings.Repeat("a", 64+3+253+1+5-len("http://"))),
			malformed("one byte more than 326", "http://"+strings.Repeat("a", 64+3+253+1+5-len("http://")+1)),
		}},
		{"regexes and sets", sets, []row{
			allowed("an origin that a regex takes", "https://a.re.example"),
			allowed("a regex sees the origin without its default port", "https://a.re.example:443"),
			not("a regex takes the whole origin", "https://a.re.example.evil.example"),
			not("from its beginning", "x-https://a.re.example"),
			not("a regex sees other ports", "https://a.re.example:8443"),
			allowed("each side of an alternative is the whole origin", "https://p.example:8443"),
			not("and no beginning of it", "https://ax"),
			allowed("an origin of a set", "https://partner.example"),
			allowed("a pattern of a set", "https://x.partner.example:8443"),
			not("an origin of none", "https://partners.example"),
			malformed("a malformed origin is shown to no regex", "https://a.re.example/"),
			{"null is shown to no regex", get("/").from("null"), "actual deny origin_null shop continue 200", refused},
		}},
		{"tenants", tenants, []row{
			onTenant(allowed("the tenant's own origin", "https://acme.app.example"), "acme.api.example"),
			onTenant(allowed("in any case of the host", "https://acme.app.example"), "ACME.api.example:8443"),
			onTenant(allowed("with any port, where any is listed", "https://acme.ports.example:8443"), "acme.api.example"),
			onTenant(allowed("with the port that is listed", "http://acme.plain.example:8080"), "acme.api.example"),
			onTenant(allowed("of a set", "https://acme.set.example"), "acme.api.example"),
			onTenant(not("another tenant's origin", "https://evil.app.example"), "acme.api.example"),
			onTenant(not("the origin without a tenant", "https://app.example"), "acme.api.example"),
			onTenant(not("a label more", "https://x.acme.app.example"), "acme.api.example"),
			onTenant(not("a label that ends alike", "https://xacme.app.example"), "acme.api.example"),
			onTenant(not("another name's origin", "https://acme.region.example"), "acme.api.example"),
			onTenant(allowed("which another host binds", "https://acme.region.example"), "acme.eu.example"),
			onTenant(not("where the first is unbound", "https://acme.app.example"), "acme.eu.example"),
			onTenant(not("an exact host binds nothing", "https://fixed.app.example"), "fixed.api.example"),
			onTenant(malformed("a tenant is no part of a malformed origin", "https://{tenant}.app.example"), "acme.api.example"),
			{"another policy on the same host has its own name for the label", get("/more").at("acme.api.example").from("https://acme.app.example"), "actual allow allowed more/r continue 200", []string{acao + "https://acme.app.example", varyOrigin}},
		}},
		{"* without credentials", one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{
			AllowOrigins: []string{"*"}, ExposeHeaders: []string{"ETag"}, AllowMethods: []string{"PUT"},
		}}), func() []row {
			public := func(name string, origin ...string) row {
				return row{name, get("/").from(origin...), "actual allow allowed shop continue 200", []string{acao + "*", aceh + "ETag"}}
			}
			return []row{
				public("any origin", evil), public("null", "null"), public("a malformed origin", "x"), public("an empty one", ""),
				public("two lines", evil, shop), public("bytes that no header may have", "\x00\n"),
				{"a preflight, whatever the origin is", preflight("PUT", "/").from("x y"), "preflight allow allowed shop respond 204", []string{acao + "*", acam + "PUT", aceh + "ETag", varyPublic}},
				{"a request without an origin", ask("GET", "/"), "not_cors none not_cors shop continue 200", []string{acao + "*", aceh + "ETag"}},
			}
		}()},
		{"* with credentials", one("shop", spec.PolicySpec{
			Hosts: []string{host}, CORS: &spec.CORS{AllowOrigins: []string{"*"}, AllowCredentials: new(true)},
			DangerouslyAllow: []spec.Danger{spec.AnyOriginWithCredentials},
		}), []row{
			{"any well-formed origin is echoed", get("/").from("app+x://a:1"), "actual allow allowed shop continue 200", []string{acao + "app+x://a:1", acac, varyOrigin}},
			{"null is not", get("/").from("null"), "actual deny origin_null shop continue 200", refused},
			malformed("nor is a malformed one", "x"),
			{"a request without an origin gets nothing", ask("GET", "/"), "not_cors none not_cors shop continue 200", refused},
		}},
		{"* and null with credentials", one("shop", spec.PolicySpec{
			Hosts: []string{host}, CORS: &spec.CORS{AllowOrigins: []string{"*"}, AllowNullOrigin: new(true), AllowCredentials: new(true)},
			DangerouslyAllow: []spec.Danger{spec.AnyOriginWithCredentials, spec.NullOriginWithCredentials},
		}), []row{
			{"null is echoed where it is allowed", get("/").from("null"), "actual allow allowed shop continue 200", []string{acao + "null", acac, varyOrigin}},
		}},
		{"nobody", one("shop", doc(spec.CORS{AllowOrigins: []string{}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}})), []row{
			not("an empty list allows nobody", shop),
			{"not even by a preflight", preflight("PUT", "/").headers("x-a"), "preflight deny origin_not_allowed shop respond 403", []string{varyPreflight}},
		}},
		{"no origins at all", one("shop", doc(spec.CORS{})), []row{
			not("an unset list allows nobody", shop),
			{"nor null", get("/").from("null"), "actual deny origin_null shop continue 200", refused},
			malformed("nor does it take what is malformed for anything else", "x"),
		}},
	}
}

// day is midnight of a day of January 2027, UTC.
func day(n int) time.Time { return time.Date(2027, time.January, n, 0, 0, 0, 0, time.UTC) }
