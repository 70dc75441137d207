package policy_test

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// hostFaults are about hosts.
func hostFaults() []compileRow {
	hosts := func(names ...string) spec.Config {
		return one("shop", spec.PolicySpec{Hosts: names, CORS: allowing(shop)})
	}
	return []compileRow{
		{
			name:   "more than a host",
			config: one("shop", spec.PolicySpec{Hosts: []string{"https://u@api.shop.example/v1", "api.shop.example/v1"}, CORS: &spec.CORS{}}),
			faults: []string{
				`host_invalid CORSPolicy[0] spec.hosts[0] "https://u@api.shop.example/v1": api.shop.example`,
				`host_invalid CORSPolicy[0] spec.hosts[1] "api.shop.example/v1": api.shop.example`,
			},
		},
		{
			name:   "hosts of every form",
			config: hosts("API.shop.example", "*.Shop.example", "{Tenant_1-x}.shop.example", "*", "localhost", "1.2.3.4", "[2001:db8::1]", "final.dot.", "_x.y", "*.localhost"),
		},
		{
			name:   "no hosts",
			config: hosts(),
			faults: []string{`missing_field CORSPolicy[0] spec.hosts: hosts: [api.shop.example], or ["*"] for every host`},
		},
		{
			name:   "an empty host",
			config: hosts(""),
			faults: []string{`host_invalid CORSPolicy[0] spec.hosts[0]: api.shop.example, or "*" for every host`},
		},
		badHost("a host with a wildcard without a name", "*.", "*.shop.example or {tenant}.shop.example"),
		badHost("a host with a tenant without a name behind it", "{t}.", "a name such as {tenant}.shop.example"),
		badHost("a host with a tenant alone", "{t}", "a name such as {tenant}.shop.example"),
		badHost("a host with a tenant within a label", "{t}x.example", "a name such as {tenant}.shop.example"),
		{
			name:   "a host with a tenant name that is none",
			config: hosts("{1}.example", "{}.example", "{"+strings.Repeat("a", 64)+"}.example"),
			faults: []string{
				`host_invalid CORSPolicy[0] spec.hosts[0] "{1}.example": {tenant}.example`,
				`host_invalid CORSPolicy[0] spec.hosts[1] "{}.example": {tenant}.example`,
				`host_invalid CORSPolicy[0] spec.hosts[2] "{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}.example": {tenant}.example`,
			},
		},
		{
			name:   "a host with a tenant name of 63 bytes",
			config: hosts("{" + strings.Repeat("a", 63) + "}.example"),
		},
		badHost("a host with a tenant that is not first", "a.{t}.example", "*.shop.example or {tenant}.shop.example"),
		badHost("a host with a wildcard that is not first", "a.*.example", "*.shop.example or {tenant}.shop.example"),
		badHost("a host with a wildcard within a label", "a*.example", "*.shop.example or {tenant}.shop.example"),
		badHost("a host with two wildcards", "*.*.example", "*.shop.example or {tenant}.shop.example"),
		badHost("a host that is a URL", "https://api.shop.example/x", "api.shop.example"),
		badHost("a host with a path", "api.shop.example/x", "api.shop.example"),
		badHost("a host with user info", "user@api.shop.example", "api.shop.example"),
		badHost("a host with a port", "api.shop.example:8443", "api.shop.example"),
		badHost("a host with a port behind an IPv6 address", "[::1]:8443", "[::1]"),
		badHost("a host with a port behind a wildcard", "*.shop.example:8443", "*.shop.example"),
		badHost("a host that is an IPv6 address without brackets", "2001:db8::1", "[2001:db8::1]"),
		badHost("a host that is an IPv6 address in its long form", "[0:0::1]", "[::1]"),
		badHost("a host that is an IPv4 address in hexadecimal", "0x7f.1", "127.0.0.1"),
		{
			name:   "a host with a wildcard before an IP address",
			config: hosts("*.[::1]", "*.1.2.3.4"),
			faults: []string{`host_invalid CORSPolicy[0] spec.hosts[0] "*.[::1]": [::1]`, `host_invalid CORSPolicy[0] spec.hosts[1] "*.1.2.3.4": 1.2.3.4`},
		},
		badHost("a host that is not ASCII", "bücher.example", "xn--bcher-kva.example"),
		badHost("a wildcard before what is not ASCII", "*.bücher.example", "*.xn--bcher-kva.example"),
		badHost("a tenant before what is not ASCII", "{shopName}.bücher.example", "{shopName}.xn--bcher-kva.example"),
		badHost("a tenant and a port", "{shopName}.shop.example:8443", "{shopName}.shop.example"),
		badHost("a URL that is not ASCII", "https://bücher.example:8443/x", "xn--bcher-kva.example"),
		badHost("a wildcard with an empty label", "*.a..example", "a name such as api.shop.example"),
		badHost("a host with an empty label", "a..example", "a name such as api.shop.example"),
		badHost("a host with two final dots", "a.example..", "a name such as api.shop.example"),
		{
			name:   "a host with a blank",
			config: hosts("a example", " a.example"),
			faults: []string{
				`host_invalid CORSPolicy[0] spec.hosts[0] "a example": a name such as api.shop.example`,
				`host_invalid CORSPolicy[0] spec.hosts[1] " a.example": a.example`,
			},
		},
		{
			name:   "a host of 253 bytes",
			config: hosts(strings.Repeat("a", 253)),
		},
		{
			name:   "a host of 254 bytes",
			config: hosts(strings.Repeat("a", 254)),
			faults: []string{`host_invalid CORSPolicy[0] spec.hosts[0] "aaaaaaaaaa"... 254 bytes: a name such as api.shop.example`},
		},
		{
			name:   "a host twice",
			config: hosts(host, "API.Shop.Example."),
			faults: []string{`conflict CORSPolicy[0] spec.hosts[1] "API.Shop.Example." (and CORSPolicy[0] spec.hosts[0]): each host once`},
		},
		{
			name:   "a captured host twice",
			config: hosts("{a}.shop.example", "{b}.shop.example"),
			faults: []string{`conflict CORSPolicy[0] spec.hosts[1] "{b}.shop.example" (and CORSPolicy[0] spec.hosts[0]): each host once`},
		},
	}
}

// pathFaults are about paths.
func pathFaults() []compileRow {
	exact := func(path string) spec.Config { return ruled(at("a", spec.PathExact, path)) }
	return []compileRow{
		badPath("a path without a slash", "api", "/api"),
		badPath("a path with a query", "/api?x", "/api"),
		badPath("a path with a fragment", "/api#x", "/api"),
		badPath("a path with two slashes", "/a//b", "the path in its plain form"),
		badPath("a path with dots", "/a/../b", "the path in its plain form"),
		badPath("a path that ends with a dot", "/a/.", "the path in its plain form"),
		badPath("a path with a semicolon", "/a;b", "the path in its plain form"),
		badPath("a path with a backslash", `/a\b`, "the path in its plain form"),
		{
			name:   "a path with a control byte",
			config: exact("/a\nb"),
			faults: []string{`path_invalid CORSPolicy[0] spec.rules[0].match.path.value "/a\nb": the path in its plain form`},
		},
		badPath("a path with an encoded letter", "/%61", "the path in its plain form"),
		badPath("a path with an encoded slash", "/a%2Fb", "the path in its plain form"),
		badPath("a path with a percent sign", "/100%", "the path in its plain form"),
		{
			name:   "a path with an encoded percent sign",
			config: exact("/100%25"),
		},
		badPath("a path that is encoded twice", "/100%2520", "the path in its plain form"),
		{
			name:     "a path that browsers write otherwise",
			config:   exact("/a b"),
			warnings: []string{`rule_unreachable CORSPolicy[0] spec.rules[0].match.path.value "/a b": /a%20b`},
		},
		{
			name:     "a path in lower-case escapes",
			config:   exact("/caf%c3%a9"),
			warnings: []string{`rule_unreachable CORSPolicy[0] spec.rules[0].match.path.value "/caf%c3%a9": /caf%C3%A9`},
		},
		{
			name:   "a path that is encoded as browsers do",
			config: exact("/caf%C3%A9"),
		},
		{
			name:   "a prefix is judged likewise",
			config: ruled(at("a", spec.PathPrefix, "/a/./")),
			faults: []string{`path_invalid CORSPolicy[0] spec.rules[0].match.path.value "/a/./": the path in its plain form`},
		},
		{
			name:   "an expression is not",
			config: ruled(at("a", spec.PathRegularExpression, `/a/.*`)),
		},
		{
			name:   "no path",
			config: ruled(at("a", spec.PathExact, "")),
			faults: []string{`missing_field CORSPolicy[0] spec.rules[0].match.path.value: a path that begins with /`},
		},
		{
			name:   "no expression",
			config: ruled(at("a", spec.PathRegularExpression, "")),
			faults: []string{`missing_field CORSPolicy[0] spec.rules[0].match.path.value: a path that begins with /`},
		},
		{
			name:   "a type that is none",
			config: ruled(at("a", "Prefix", "/a")),
			faults: []string{`value_invalid CORSPolicy[0] spec.rules[0].match.path.type "Prefix": PathPrefix`},
		},
	}
}

// conflictFaults are about what is there twice.
func conflictFaults() []compileRow {
	rule := func(kind spec.PathMatchType, path string, methods ...string) spec.Rule {
		return at("", kind, path, methods...)
	}
	second := func(hosts []string, c *spec.CORS, rules ...spec.Rule) spec.Config {
		return with(ruled(rule(spec.PathPrefix, "/a", "GET", "PUT")), "second", spec.PolicySpec{Hosts: hosts, CORS: c, Rules: rules})
	}
	same := []string{host}
	return []compileRow{
		{
			name:   "a path twice",
			config: ruled(rule(spec.PathExact, "/a"), rule(spec.PathExact, "/a")),
			faults: []string{`conflict CORSPolicy[0] spec.rules[1].match "/a" (and CORSPolicy[0] spec.rules[0].match): one rule for each host, path and method`},
		},
		{
			name:   "a prefix with and without its slash",
			config: ruled(rule(spec.PathPrefix, "/a"), rule(spec.PathPrefix, "/a/")),
			faults: []string{`conflict CORSPolicy[0] spec.rules[1].match "/a/" (and CORSPolicy[0] spec.rules[0].match): one rule for each host, path and method`},
		},
		{
			name:   "an exact path with and without its slash is two",
			config: ruled(rule(spec.PathExact, "/a"), rule(spec.PathExact, "/a/")),
		},
		{
			name:   "a path of two types is two",
			config: ruled(rule(spec.PathExact, "/a"), rule(spec.PathPrefix, "/a"), rule(spec.PathRegularExpression, "/a.?")),
		},
		{
			name:   "an expression twice",
			config: ruled(rule(spec.PathRegularExpression, "/a."), rule(spec.PathRegularExpression, "/a.")),
			faults: []string{`conflict CORSPolicy[0] spec.rules[1].match "/a." (and CORSPolicy[0] spec.rules[0].match): one rule for each host, path and method`},
		},
		{
			name:   "a method twice",
			config: ruled(rule(spec.PathExact, "/a", "GET", "PUT"), rule(spec.PathExact, "/a", "put", "DELETE")),
			faults: []string{`conflict CORSPolicy[0] spec.rules[1].match "/a" (and CORSPolicy[0] spec.rules[0].match): one rule for each host, path and method`},
		},
		{
			name:   "a method twice within one rule is one",
			config: ruled(rule(spec.PathExact, "/a", "PUT", "put")),
		},
		{
			name:   "GET and HEAD are two",
			config: ruled(rule(spec.PathExact, "/a", "GET"), rule(spec.PathExact, "/a", "HEAD")),
		},
		{
			name:     "every root twice",
			config:   ruled(spec.Rule{}, spec.Rule{Match: prefix("/")}),
			faults:   []string{`conflict CORSPolicy[0] spec.rules[1].match "/" (and CORSPolicy[0] spec.rules[0]): one rule for each host, path and method`},
			warnings: []string{`own_cors_shadowed CORSPolicy[0] spec.cors: write that rule's settings here, or give it a longer path`},
		},
		{
			name:   "a rule of another policy",
			config: second(same, nil, rule(spec.PathPrefix, "/a/", "PUT")),
			faults: []string{`conflict CORSPolicy[0] spec.rules[0].match "/a" (and CORSPolicy[1] spec.rules[0].match): one rule for each host, path and method`},
		},
		{
			name:   "on one of its hosts",
			config: second([]string{"b.example", "API.shop.example"}, nil, rule(spec.PathPrefix, "/a", "PUT")),
			faults: []string{`conflict CORSPolicy[0] spec.rules[0].match "/a" (and CORSPolicy[1] spec.rules[0].match): one rule for each host, path and method`},
		},
		{
			name:   "on another host it is none",
			config: second([]string{"b.example", "*.shop.example"}, allowing(shop), rule(spec.PathPrefix, "/a", "PUT")),
		},
		{
			name:   "another method is none",
			config: second(same, nil, rule(spec.PathPrefix, "/a", "DELETE"), rule(spec.PathPrefix, "/a")),
		},
		{
			name:   "two policies with a cors of their own",
			config: second(same, allowing(shop)),
			faults: []string{`conflict CORSPolicy[0] spec.cors (and CORSPolicy[1] spec.cors): one policy with a cors of its own for each host; the others with rules`},
		},
		{
			name:     "a cors beside a rule for everything",
			config:   second(same, nil, rule(spec.PathPrefix, "/")),
			warnings: []string{`own_cors_shadowed CORSPolicy[0] spec.cors: write that rule's settings here, or give it a longer path`},
		},
		{
			name:   "a cors that is only inherited from",
			config: second(same, allowing(shop), rule(spec.PathPrefix, "/")),
			warnings: []string{
				`own_cors_shadowed CORSPolicy[0] spec.cors: write that rule's settings here, or give it a longer path`,
				`own_cors_shadowed CORSPolicy[1] spec.cors: write that rule's settings here, or give it a longer path`,
			},
		},
		{
			name:   "two that are only inherited from, beside a third policy's rule",
			config: with(second(same, nil, rule(spec.PathPrefix, "/")), "third", spec.PolicySpec{Hosts: same, CORS: allowing(shop)}),
			warnings: []string{
				`own_cors_shadowed CORSPolicy[0] spec.cors: write that rule's settings here, or give it a longer path`,
				`own_cors_shadowed CORSPolicy[2] spec.cors: write that rule's settings here, or give it a longer path`,
			},
		},
		{
			name:   "captures of one suffix with other names",
			config: with(one("a", spec.PolicySpec{Hosts: []string{"{a}.x.example"}, CORS: allowing(shop)}), "b", spec.PolicySpec{Hosts: []string{"{b}.x.example"}, CORS: allowing(shop)}),
			faults: []string{`conflict CORSPolicy[1] spec.cors (and CORSPolicy[0] spec.cors): one policy with a cors of its own for each host; the others with rules`},
		},
		{
			name:   "a capture and a wildcard are two",
			config: with(one("a", spec.PolicySpec{Hosts: []string{"{a}.x.example"}, CORS: allowing(shop)}), "b", spec.PolicySpec{Hosts: []string{"*.x.example"}, CORS: allowing(shop)}),
		},
		{
			name:   "rules of one name",
			config: ruled(at("a", spec.PathExact, "/a"), at("a", spec.PathExact, "/b")),
			faults: []string{`duplicate_name CORSPolicy[0] spec.rules[1].name "a" (and CORSPolicy[0] spec.rules[0]): a name of its own`},
		},
		{
			name:   "a rule with the name of a nameless one",
			config: ruled(at("", spec.PathExact, "/a"), at("rules[0]", spec.PathExact, "/b")),
			faults: []string{`duplicate_name CORSPolicy[0] spec.rules[1].name "rules[0]" (and CORSPolicy[0] spec.rules[0]): a name of its own`},
		},
	}
}
