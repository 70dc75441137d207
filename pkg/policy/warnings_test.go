package policy_test

import (
	"github.com/corsd/corsd/pkg/policy"
)

// warningRows are about what is odd, but taken.
func warningRows() []compileRow {
	expiring := withSet(withSet(forHost(policy.CORS{AllowOriginSets: []string{"s", "t"}}), "s", policy.OriginSetSpec{Origins: []string{shop}, Expires: new("2027-01-10")}), "t", policy.OriginSetSpec{Expires: new("2027-01-11")})
	any := func(c policy.CORS) policy.Config { c.AllowOrigins = []string{shop}; return forHost(c) }
	aged := func(kind policy.PathMatchType, path string, methods ...string) policy.Rule {
		r := at("", kind, path, methods...)
		r.CORS = &policy.CORS{MaxAge: new(policy.Seconds(60))}
		return r
	}
	return []compileRow{
		{
			name:   "a default port",
			config: originList("https://a.example:443", "http://a.example:80", "https://*.a.example:443", "https://b.example:80", "http://b.example:443", "app://a:443"),
			warnings: []string{
				`default_port CORSPolicy[0] spec.cors.allowOrigins[0] "https://a.example:443": https://a.example`,
				`default_port CORSPolicy[0] spec.cors.allowOrigins[1] "http://a.example:80": http://a.example`,
				`default_port CORSPolicy[0] spec.cors.allowOrigins[2] "https://*.a.example:443": https://*.a.example`,
			},
		},
		{
			name:   "upper case",
			config: one("shop", policy.Spec{Hosts: []string{"{T}.shop.example"}, CORS: allowing("https://A.example", "HTTPS://b.example", "https://{T}.example", "https://[2001:DB8::1]:443", "https://{T}.Example")}),
			warnings: []string{
				`origin_upper_case CORSPolicy[0] spec.cors.allowOrigins[0] "https://A.example": https://a.example`,
				`origin_upper_case CORSPolicy[0] spec.cors.allowOrigins[1] "HTTPS://b.example": https://b.example`,
				`origin_upper_case CORSPolicy[0] spec.cors.allowOrigins[3] "https://[2001:DB8::1]:443": https://[2001:db8::1]`,
				`default_port CORSPolicy[0] spec.cors.allowOrigins[3] "https://[2001:DB8::1]:443": https://[2001:db8::1]`,
				`origin_upper_case CORSPolicy[0] spec.cors.allowOrigins[4] "https://{T}.Example": https://{T}.example`,
			},
		},
		{
			name:     "a default port in a set",
			config:   withSet(forHost(policy.CORS{AllowOriginSets: []string{"s"}}), "s", policy.OriginSetSpec{Origins: []string{"https://a.example:443"}}),
			warnings: []string{`default_port OriginSet[0] spec.origins[0] "https://a.example:443": https://a.example`},
		},
		{
			name:     "a rule behind an expression that takes all",
			config:   ruled(at("a", policy.PathPrefix, "/a"), at("b", policy.PathRegularExpression, "/.*"), at("c", policy.PathExact, "/a")),
			warnings: []string{`rule_unreachable CORSPolicy[0] spec.rules[0].match "/a": a narrower expression, or remove the rule`},
		},
		{
			name:     "a rule behind an expression that takes all below it",
			config:   ruled(at("a", policy.PathPrefix, "/a/b"), at("b", policy.PathRegularExpression, "/a/.*"), at("c", policy.PathPrefix, "/a")),
			warnings: []string{`rule_unreachable CORSPolicy[0] spec.rules[0].match "/a/b": a narrower expression, or remove the rule`},
		},
		{
			name:     "a rule behind an expression that takes its methods",
			config:   ruled(at("a", policy.PathPrefix, "/a", "GET"), at("b", policy.PathRegularExpression, ".*", "GET"), at("c", policy.PathPrefix, "/a", "GET2")),
			warnings: []string{`rule_unreachable CORSPolicy[0] spec.rules[0].match "/a": a narrower expression, or remove the rule`},
		},
		{
			name:   "a rule behind an expression that takes some of its methods",
			config: ruled(at("a", policy.PathPrefix, "/a", "GET", "PUT"), at("b", policy.PathRegularExpression, ".*", "GET")),
		},
		{
			name: "a path with wildcards or parameters of other routers",
			config: ruled(at("a", policy.PathPrefix, "/a/*"), at("b", policy.PathPrefix, "/b/:id/x"), at("c", policy.PathExact, "/c/{id}"), at("d", policy.PathPrefix, "/**"),
				at("e", policy.PathPrefix, "/e*/:/x:y"), at("f", policy.PathRegularExpression, "/f/.*")),
			warnings: []string{
				`rule_unreachable CORSPolicy[0] spec.rules[0].match.path.value "/a/*": /a, or a RegularExpression`,
				`rule_unreachable CORSPolicy[0] spec.rules[1].match.path.value "/b/:id/x": /b, or a RegularExpression`,
				`rule_unreachable CORSPolicy[0] spec.rules[2].match.path.value "/c/{id}": /c, or a RegularExpression`,
				`rule_unreachable CORSPolicy[0] spec.rules[3].match.path.value "/**": /, or a RegularExpression`,
			},
		},
		{
			name:     "a cors behind a rule for everything",
			config:   ruled(policy.Rule{}),
			warnings: []string{`own_cors_shadowed CORSPolicy[0] spec.cors: write that rule's settings here, or give it a longer path`},
		},
		{
			name:   "a cors behind a rule for every path and one method",
			config: ruled(at("", policy.PathPrefix, "/", "GET")),
		},
		{
			name:   "a set on the day before it expires",
			config: expiring,
			opts:   []policy.Option{policy.At(day(10).Add(-1))},
		},
		{
			name:     "a set on the day",
			config:   expiring,
			opts:     []policy.Option{policy.At(day(10))},
			warnings: []string{`origin_set_expired OriginSet[0] spec.expires "2027-01-10": a later date, or remove the set`},
		},
		{
			name:     "a set that nobody names",
			config:   withSet(originList(shop), "s", policy.OriginSetSpec{}),
			warnings: []string{`origin_set_unused OriginSet[0] metadata.name "s": allowOriginSets: [s] in a policy, or remove the set`},
		},
		{
			name:   "a set that a rule names",
			config: withSet(ruled(policy.Rule{Match: prefix("/a"), CORS: &policy.CORS{AllowOriginSets: []string{"s"}}}), "s", policy.OriginSetSpec{}),
		},
		{
			name:     "* in headers with credentials",
			config:   any(policy.CORS{AllowHeaders: []string{"X-A", "*"}, AllowCredentials: new(true)}),
			warnings: []string{`authorization_not_covered CORSPolicy[0] spec.cors.allowHeaders[1] "*": ["*", Authorization]`},
		},
		{
			name:   "* in headers with Authorization",
			config: any(policy.CORS{AllowHeaders: []string{"*", "authorization"}, AllowCredentials: new(true)}),
		},
		{
			name:   "* in headers without credentials",
			config: any(policy.CORS{AllowHeaders: []string{"*"}}),
		},
		{
			name:   "subdomains with credentials",
			config: withCredentials("https://*.shop.example", "https://*.localhost", "https://*.other.example:*"),
			warnings: []string{
				`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.shop.example": the names that need it`,
				`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[1] "https://*.localhost": the names that need it`,
				`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[2] "https://*.other.example:*": the names that need it`,
			},
		},
		{
			name:   "subdomains without credentials",
			config: originList("https://*.shop.example"),
		},
		{
			name:     "subdomains of a set with credentials",
			config:   withSet(forHost(policy.CORS{AllowOriginSets: []string{"s"}, AllowCredentials: new(true)}), "s", policy.OriginSetSpec{Origins: []string{shop, "https://*.shop.example"}}),
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOriginSets[0] "s": the names that need it`},
		},
		{
			name:   "a max-age of a rule with methods",
			config: ruled(aged(policy.PathPrefix, "/a", "GET"), aged(policy.PathPrefix, "/a/"), aged(policy.PathPrefix, "/a/b"), aged(policy.PathExact, "/a")),
			warnings: []string{
				`max_age_unused CORSPolicy[0] spec.rules[0].cors.maxAge "60": remove it, or let one rule take every method of the path`,
				`max_age_unused CORSPolicy[0] spec.rules[1].cors.maxAge "60": remove it, or let one rule take every method of the path`,
			},
		},
		{
			name:   "a max-age of a rule behind an expression with methods that takes all its paths",
			config: ruled(aged(policy.PathRegularExpression, "/a/.*", "GET"), aged(policy.PathPrefix, "/a"), aged(policy.PathPrefix, "/a/b"), aged(policy.PathExact, "/a/c")),
			warnings: []string{
				`max_age_unused CORSPolicy[0] spec.rules[0].cors.maxAge "60": remove it, or let one rule take every method of the path`,
				`max_age_unused CORSPolicy[0] spec.rules[2].cors.maxAge "60": remove it, or let one rule take every method of the path`,
			},
		},
		{
			name:   "a max-age of 0 is what is sent",
			config: ruled(policy.Rule{Match: &policy.Match{Methods: []string{"GET"}}, CORS: &policy.CORS{MaxAge: new(policy.Seconds(0))}}),
		},
		{
			name: "a max-age that is sent on one of two hosts",
			config: with(one("a", policy.Spec{Hosts: []string{host, "b.example"}, CORS: allowing(shop), Rules: []policy.Rule{aged(policy.PathPrefix, "/a")}}),
				"b", policy.Spec{Hosts: []string{host}, Rules: []policy.Rule{at("", policy.PathPrefix, "/a", "PUT")}, CORS: nil}),
		},
		{
			name:   "a max-age that a rule with methods inherits",
			config: one("shop", policy.Spec{Hosts: []string{host}, CORS: &policy.CORS{MaxAge: new(policy.Seconds(60))}, Rules: []policy.Rule{at("a", policy.PathPrefix, "/a", "GET")}}),
		},
	}
}
