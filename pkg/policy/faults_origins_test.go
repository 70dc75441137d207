package policy_test

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// originFaults are about the form of origins.
func originFaults() []compileRow {
	const tenantWords = "a name that the policy's hosts bind, as in https://{tenant}.app.example"
	return []compileRow{
		{
			name:   "regular expressions",
			config: originList(`^https://a\.example$`, ".*", `https://.*\.example\.com`, "/https:..a/", "regex:https://a", "https?://a.example", "(a|b)://c", "https://[a-z]+.example"),
			faults: []string{
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[0] "^https://a\\.example$": https://a.example`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[1] ".*": the origins that may, one entry each`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[2] "https://.*\\.example\\.com": https://*.example.com`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[3] "/https:..a/": https://a`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[4] "regex:https://a": https://a`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[5] "https?://a.example": allowOrigins: ["https://a.example", "http://a.example"]`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[6] "(a|b)://c": allowOrigins: ["a://c", "b://c"]`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[7] "https://[a-z]+.example": one entry for each origin, or an expression in allowOriginRegexes`,
			},
		},
		{
			name:   "schemes whose pages have no origin",
			config: originList("data:x", "about:blank", "file:/home/me", "javascript:1", "blob:x"),
			faults: []string{
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[0] "data:x": allowNullOrigin: true, if you must`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[1] "about:blank": allowNullOrigin: true, if you must`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[2] "file:/home/me": file://`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[3] "javascript:1": allowNullOrigin: true, if you must`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[4] "blob:x": allowNullOrigin: true, if you must`,
			},
		},
		{
			name:   "an empty origin",
			config: originList(""),
			faults: []string{`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[0]: an origin such as https://www.shop.example`},
		},
		badOrigin("an origin with a path", "https://a.example/x/", "https://a.example"),
		badOrigin("an origin with a trailing slash", "https://a.example/", "https://a.example"),
		badOrigin("an origin with a query", "https://a.example?x", "https://a.example"),
		badOrigin("an origin with a fragment", "https://a.example#x", "https://a.example"),
		badOrigin("an origin with a backslash", `https://a.example\x`, "https://a.example"),
		badOrigin("an origin with user info", "https://user:pw@a.example:8443", "https://a.example:8443"),
		badOrigin("a blank within", "https://a b.example", "one entry of the list for each origin"),
		badOrigin("a scheme without slashes", "https:a.example", "https://a.example"),
		badOrigin("a scheme with one slash", "HTTP:/a.example", "http://a.example"),
		badOrigin("a port without a scheme", "localhost:3000", "http://localhost:3000"),
		badOrigin("an address of another origin's data", "blob:https://a.example", "https://a.example"),
		badOrigin("two faults, and a hint that has neither", "HTTPS://bücher.example:443/", "https://xn--bcher-kva.example"),
		badOrigin("three faults", "https://user@bücher.example:08443/", "https://xn--bcher-kva.example:8443"),
		badOrigin("a bracket that is not closed", "https://[::1", "https://192.0.2.7 or https://[2001:db8::7]"),
		badOrigin("a tenant that is not bound, before what is not ASCII", "https://{t}.bücher.example", "the origins that are yours, one entry each"),
		{
			name:   "a tenant before what is not ASCII",
			config: one("shop", spec.PolicySpec{Hosts: []string{"{t}.shop.example"}, CORS: allowing("https://{t}.bücher.example")}),
			faults: []string{`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[0] "https://{t}.bücher.example": https://{t}.xn--bcher-kva.example`},
		},
		badOrigin("an origin that is not ASCII", "https://bücher.example:8443", "https://xn--bcher-kva.example:8443"),
		badOrigin("a wildcard that is not ASCII", "https://*.bücher.example", "https://*.xn--bcher-kva.example"),
		{
			name:   "an origin that is not ASCII and no name",
			config: originList("https://a\u2028b\xff.example"),
			faults: []string{`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[0] "https://a\u2028b\xff.example": an origin such as https://www.shop.example`},
		},
		badOrigin("a file", "file:///home/me/a.html", "file://"),
		badOrigin("a port without a host", "capacitor://:80", "capacitor://"),
		badOrigin("a port of a dot", "app://.:80", "app://."),
		{
			name:   "origins of web views",
			config: withCredentials("app://.", "capacitor://", "ionic://localhost"),
		},
		{
			name:    "anybody's files with credentials",
			config:  withCredentials("file://"),
			waivers: []spec.Danger{spec.NullOriginWithCredentials},
			faults:  []string{`null_origin_with_credentials CORSPolicy[0] spec.cors.allowOrigins[0] "file://": the origins that may, or allowCredentials: false; dangerouslyAllow: [NullOriginWithCredentials] if you must`},
		},
		{
			name:   "anybody's files without credentials",
			config: originList("file://"),
		},
		badOrigin("a port out of range", "https://a.example:65536", "a port such as :8443, or :* for every port"),
		badOrigin("port 0", "https://a.example:0", "a port such as :8443, or :* for every port"),
		{
			name:   "port 65535 and 1",
			config: originList("https://a.example:65535", "https://a.example:1"),
		},
		badOrigin("a port with a leading zero", "https://a.example:08443", "https://a.example:8443"),
		badOrigin("a colon without a port", "https://a.example:", "https://a.example"),
		badOrigin("a port that is no number", "https://a.example:https", "a port such as :8443, or :* for every port"),
		badOrigin("an IPv4 address in hexadecimal", "https://0x7f.1", "https://127.0.0.1"),
		badOrigin("an IPv4 address as one number", "https://2130706433:8443", "https://127.0.0.1:8443"),
		badOrigin("an IPv4 address in octal", "https://0177.0.0.1", "https://127.0.0.1"),
		badOrigin("an IPv4 address out of range", "https://256.0.0.1", "https://192.0.2.7 or https://[2001:db8::7]"),
		badOrigin("five numbers", "https://1.2.3.4.5", "https://192.0.2.7 or https://[2001:db8::7]"),
		badOrigin("a name that ends with a number", "https://a.09", "https://192.0.2.7 or https://[2001:db8::7]"),
		badOrigin("an IPv4 address with a final dot", "https://127.0.0.1.", "https://127.0.0.1"),
		badOrigin("an IPv6 address in its long form", "https://[0:0:0:0:0:0:0:1]", "https://[::1]"),
		{
			name:     "an IPv6 address in upper case is an origin in upper case",
			config:   originList("https://[2001:DB8::1]"),
			warnings: []string{`origin_upper_case CORSPolicy[0] spec.cors.allowOrigins[0] "https://[2001:DB8::1]": https://[2001:db8::1]`},
		},
		badOrigin("an IPv6 address with a dotted quad", "https://[::ffff:1.2.3.4]:8443", "https://[::ffff:102:304]:8443"),
		badOrigin("an IPv6 address with a zone", "https://[fe80::1%25eth0]", "https://192.0.2.7 or https://[2001:db8::7]"),
		badOrigin("no IPv6 address", "https://[1:2]", "https://192.0.2.7 or https://[2001:db8::7]"),
		badOrigin("null", "null", "allowNullOrigin: true"),
		badOrigin("null in upper case", "NULL", "allowNullOrigin: true"),
		badOrigin("a wildcard within a label", "https://pr-*.a.example", `allowOriginRegexes: ['https://pr-[a-z0-9-]+\.a\.example']`),
		badOrigin("a wildcard that is not the first label", "https://a.*.a.example", `allowOriginRegexes: ['https://a\.[a-z0-9-]+\.a\.example']`),
		badOrigin("a wildcard at the end", "https://a.*", "one entry for each origin, or an expression in allowOriginRegexes"),
		badOrigin("two wildcards", "https://*.*.a.example", `allowOriginRegexes: ['https://[a-z0-9-]+\.[a-z0-9-]+\.a\.example']`),
		badOrigin("a wildcard in a custom scheme", "chrome-extension://*", `allowOriginRegexes: ['chrome-extension://[a-p]{32}']`),
		badOrigin("a wildcard for the port of a custom scheme", "app://a:*", `allowOriginRegexes: ['app://a(:[0-9]+)?']`),
		badOrigin("a wildcard before an IP address", "https://*.127.0.0.1", "the address itself"),
		badOrigin("no scheme", "www.shop.example", "https://www.shop.example"),
		badOrigin("an empty scheme", "://www.shop.example", "https://www.shop.example"),
		badOrigin("a scheme that is none", "ht_tp://www.shop.example", "https://www.shop.example"),
		badOrigin("no host", "https://", "an origin such as https://www.shop.example"),
		badOrigin("an empty label", "https://a..example", "an origin such as https://www.shop.example"),
		badOrigin("a host that is none", "https://a!.example", "an origin such as https://www.shop.example"),
		{
			name:   "white space around",
			config: originList(" https://a.example\n"),
			faults: []string{`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[0] " https://a.example\n": https://a.example`},
		},
		badOrigin("two origins in one entry", "https://a.example, https://b.example", `allowOrigins: ["https://a.example", "https://b.example"]`),
		{
			name:   "an origin that is too long",
			config: originList("https://" + strings.Repeat("a", 319)),
			faults: []string{`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[0] "https://aa"... 327 bytes: an origin such as https://www.shop.example`},
		},
		{
			name:   "one that is not",
			config: originList("https://" + strings.Repeat("a", 318)),
		},
		{
			name:   "* in an OriginSet",
			config: withSet(forHost(spec.CORS{AllowOriginSets: []string{"s"}}), "s", spec.OriginSetSpec{Origins: []string{"*"}}),
			faults: []string{`origin_invalid OriginSet[0] spec.origins[0] "*": allowOrigins: ["*"] in the policy, alone and without credentials`},
		},
		{
			name:   "an origin of a set that is none",
			config: withSet(forHost(spec.CORS{AllowOriginSets: []string{"s"}}), "s", spec.OriginSetSpec{Origins: []string{"https://a.example", "null"}}),
			faults: []string{`origin_invalid OriginSet[0] spec.origins[1] "null": allowNullOrigin: true in the policy`},
		},
		{
			name:   "an origin of a rule that is none",
			config: one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{{}, {Match: prefix("/a"), CORS: allowing("x")}}}),
			faults: []string{`origin_invalid CORSPolicy[0] spec.rules[1].cors.allowOrigins[0] "x": https://x`},
		},
		{
			name:   "an origin of CORSDefaults that is none",
			config: withDefaults(originList(shop), spec.DefaultsSpec{CORS: allowing("x")}),
			faults: []string{`origin_invalid CORSDefaults[0] spec.cors.allowOrigins[0] "x": https://x`},
		},
		badOrigin("braces that are not the first label", "https://a.{t}.example", tenantWords),
		badOrigin("braces within a label", "https://x{t}.example", tenantWords),
		badOrigin("a tenant name that is none", "https://{t!}.example", tenantWords),
		badOrigin("a tenant in a custom scheme", "app://{t}.example", "an https: origin"),
		badOrigin("a tenant without a host", "https://{t}.", "an origin such as https://www.shop.example"),
		{
			name:   "* beside an origin",
			config: originList("*", shop),
			faults: []string{`origin_any_mixed CORSPolicy[0] spec.cors.allowOrigins[0] "*": either "*" alone or the list without it; a rule with match.origins has other terms for some of them`},
		},
		{
			name:   "* twice",
			config: originList("*", "*"),
			faults: []string{`origin_any_mixed CORSPolicy[0] spec.cors.allowOrigins[0] "*": either "*" alone or the list without it; a rule with match.origins has other terms for some of them`},
		},
		{
			name:   "* beside a regex",
			config: forHost(spec.CORS{AllowOrigins: []string{"*"}, AllowOriginRegexes: []string{`https://[a-z]+\.b`}}),
			faults: []string{`origin_any_mixed CORSPolicy[0] spec.cors.allowOrigins[0] "*": either "*" alone or the list without it; a rule with match.origins has other terms for some of them`},
		},
		{
			name:   "* beside a set",
			config: withSet(forHost(spec.CORS{AllowOrigins: []string{"*"}, AllowOriginSets: []string{"s"}}), "s", spec.OriginSetSpec{}),
			faults: []string{`origin_any_mixed CORSPolicy[0] spec.cors.allowOrigins[0] "*": either "*" alone or the list without it; a rule with match.origins has other terms for some of them`},
		},
		{
			name:   "* beside allowNullOrigin",
			config: forHost(spec.CORS{AllowOrigins: []string{"*"}, AllowNullOrigin: new(true)}),
		},
		{
			name:   "a tenant that no host binds",
			config: originList("https://{t}.example"),
			faults: []string{`tenant_unbound CORSPolicy[0] spec.cors.allowOrigins[0] "https://{t}.example": hosts: ["{t}.shop.example"]`},
		},
		{
			name:   "a tenant that another policy binds",
			config: with(originList("https://{t}.example"), "b", spec.PolicySpec{Hosts: []string{"{t}.b.example"}, CORS: allowing(shop)}),
			faults: []string{`tenant_unbound CORSPolicy[0] spec.cors.allowOrigins[0] "https://{t}.example": hosts: ["{t}.shop.example"]`},
		},
		{
			name:   "a tenant that a host binds by another name",
			config: one("shop", spec.PolicySpec{Hosts: []string{"{a}.shop.example"}, CORS: allowing("https://{b}.example")}),
			faults: []string{`tenant_unbound CORSPolicy[0] spec.cors.allowOrigins[0] "https://{b}.example": {a}, which the policy's hosts bind`},
		},
		{
			name:   "a tenant in another case",
			config: one("shop", spec.PolicySpec{Hosts: []string{"{Tenant}.shop.example"}, CORS: allowing("https://{tenant}.example")}),
			faults: []string{`tenant_unbound CORSPolicy[0] spec.cors.allowOrigins[0] "https://{tenant}.example": {Tenant}, which the policy's hosts bind`},
		},
		{
			name:   "a tenant in one case",
			config: one("shop", spec.PolicySpec{Hosts: []string{host, "{Tenant}.shop.example"}, CORS: allowing("https://{Tenant}.example")}),
		},
		{
			name:   "a tenant of a set",
			config: withSet(forHost(spec.CORS{AllowOriginSets: []string{"s"}}), "s", spec.OriginSetSpec{Origins: []string{"https://{t}.example"}}),
			faults: []string{`tenant_unbound CORSPolicy[0] spec.cors.allowOriginSets[0] "s": hosts: ["{t}.shop.example"]`},
		},
		{
			name:   "a tenant of CORSDefaults",
			config: withDefaults(with(one("a", spec.PolicySpec{Hosts: []string{"{t}.a.example"}, CORS: &spec.CORS{}}), "b", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{}}), spec.DefaultsSpec{CORS: allowing("https://{t}.example")}),
			faults: []string{`tenant_unbound CORSDefaults[0] spec.cors.allowOrigins[0] "https://{t}.example": hosts: ["{t}.shop.example"]`},
		},
	}
}
