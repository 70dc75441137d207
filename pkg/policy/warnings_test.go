package policy_test

import (
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// warningRows are about what is odd, but taken.
func warningRows() []compileRow {
	expiring := withSet(withSet(forHost(spec.CORS{AllowOriginSets: []string{"s", "t"}}), "s", spec.OriginSetSpec{Origins: []string{shop}, Expires: new("2027-01-10")}), "t", spec.OriginSetSpec{Expires: new("2027-01-11")})
	any := func(c spec.CORS) spec.Config { c.AllowOrigins = []string{shop}; return forHost(c) }
	aged := func(kind spec.PathMatchType, path string, methods ...string) spec.Rule {
		r := at("", kind, path, methods...)
		r.CORS = &spec.CORS{MaxAge: new(spec.Seconds(60))}
		return r
	}
	opening := func(r spec.Rule) spec.Rule {
		r.CORS = allowing("*")
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
			config: one("shop", spec.PolicySpec{Hosts: []string{"{T}.shop.example"}, CORS: allowing("https://A.example", "HTTPS://b.example", "https://{T}.example", "https://[2001:DB8::1]:443", "https://{T}.Example")}),
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
			config:   withSet(forHost(spec.CORS{AllowOriginSets: []string{"s"}}), "s", spec.OriginSetSpec{Origins: []string{"https://a.example:443"}}),
			warnings: []string{`default_port OriginSet[0] spec.origins[0] "https://a.example:443": https://a.example`},
		},
		{
			name:     "a rule behind an expression that takes all",
			config:   ruled(at("a", spec.PathPrefix, "/a"), at("b", spec.PathRegularExpression, "/.*"), at("c", spec.PathExact, "/a")),
			warnings: []string{`rule_unreachable CORSPolicy[0] spec.rules[0].match "/a" (and CORSPolicy[0] spec.rules[1].match): a narrower expression, or remove the rule`},
		},
		{
			name:     "a rule behind an expression that takes all below it",
			config:   ruled(at("a", spec.PathPrefix, "/a/b"), at("b", spec.PathRegularExpression, "/a/.*"), at("c", spec.PathPrefix, "/a")),
			warnings: []string{`rule_unreachable CORSPolicy[0] spec.rules[0].match "/a/b" (and CORSPolicy[0] spec.rules[1].match): a narrower expression, or remove the rule`},
		},
		{
			name:     "a rule behind an expression that takes its methods",
			config:   ruled(at("a", spec.PathPrefix, "/a", "GET"), at("b", spec.PathRegularExpression, ".*", "GET"), at("c", spec.PathPrefix, "/a", "GET2")),
			warnings: []string{`rule_unreachable CORSPolicy[0] spec.rules[0].match "/a" (and CORSPolicy[0] spec.rules[1].match): a narrower expression, or remove the rule`},
		},
		{
			name:   "a rule behind an expression that takes some of its methods",
			config: ruled(at("a", spec.PathPrefix, "/a", "GET", "PUT"), at("b", spec.PathRegularExpression, ".*", "GET")),
		},
		{
			name:   "a rule that loses paths to an expression that allows more",
			config: ruled(at("a", spec.PathPrefix, "/a"), opening(at("b", spec.PathRegularExpression, `.*\.json`))),
			warnings: []string{
				`rule_partly_shadowed CORSPolicy[0] spec.rules[0].match "/a" (and CORSPolicy[0] spec.rules[1].match): an expression that matches none of these paths, or a rule of its own for them`,
			},
		},
		{
			name: "a path with wildcards or parameters of other routers",
			config: ruled(at("a", spec.PathPrefix, "/a/*"), at("b", spec.PathPrefix, "/b/:id/x"), at("c", spec.PathExact, "/c/{id}"), at("d", spec.PathPrefix, "/**"),
				at("e", spec.PathPrefix, "/e*/:/x:y"), at("f", spec.PathRegularExpression, "/f/.*")),
			warnings: []string{
				`rule_unreachable CORSPolicy[0] spec.rules[0].match.path.value "/a/*": /a, or a RegularExpression`,
				`rule_unreachable CORSPolicy[0] spec.rules[1].match.path.value "/b/:id/x": /b, or a RegularExpression`,
				`rule_unreachable CORSPolicy[0] spec.rules[2].match.path.value "/c/{id}": /c, or a RegularExpression`,
				`rule_unreachable CORSPolicy[0] spec.rules[3].match.path.value "/**": /, or a RegularExpression`,
			},
		},
		{
			name:     "a cors behind a rule for everything",
			config:   ruled(spec.Rule{}),
			warnings: []string{`own_cors_shadowed CORSPolicy[0] spec.cors: write that rule's settings here, or give it a longer path`},
		},
		{
			name:   "a cors behind a rule for every path and one method",
			config: ruled(at("", spec.PathPrefix, "/", "GET")),
		},
		{
			name:   "a set more than 30 days before it expires",
			config: expiring,
			opts:   []policy.Option{policy.At(day(10).AddDate(0, 0, -30).Add(-1))},
		},
		{
			name:   "sets that expire within 30 days",
			config: expiring,
			opts:   []policy.Option{policy.At(day(10).Add(-1))},
			warnings: []string{
				`origin_set_expires_soon OriginSet[0] spec.expires "2027-01-10": a later date, if the owner agrees`,
				`origin_set_expires_soon OriginSet[1] spec.expires "2027-01-11": a later date, if the owner agrees`,
			},
		},
		{
			name:   "a set on the day",
			config: expiring,
			opts:   []policy.Option{policy.At(day(10))},
			warnings: []string{
				`origin_set_expired OriginSet[0] spec.expires "2027-01-10": a later date, or remove the set`,
				`origin_set_expires_soon OriginSet[1] spec.expires "2027-01-11": a later date, if the owner agrees`,
			},
		},
		{
			name:     "a set that nobody names",
			config:   withSet(originList(shop), "s", spec.OriginSetSpec{}),
			warnings: []string{`origin_set_unused OriginSet[0] metadata.name "s": allowOriginSets: [s] in a policy, or remove the set`},
		},
		{
			name:   "a set that a rule names",
			config: withSet(ruled(spec.Rule{Match: prefix("/a"), CORS: &spec.CORS{AllowOriginSets: []string{"s"}}}), "s", spec.OriginSetSpec{}),
		},
		{
			name:     "* in headers with credentials",
			config:   any(spec.CORS{AllowHeaders: []string{"X-A", "*"}, AllowCredentials: new(true)}),
			warnings: []string{`authorization_not_covered CORSPolicy[0] spec.cors.allowHeaders[1] "*": ["*", Authorization]`},
		},
		{
			name:   "* in headers with Authorization",
			config: any(spec.CORS{AllowHeaders: []string{"*", "authorization"}, AllowCredentials: new(true)}),
		},
		{
			name:     "* in headers without credentials",
			config:   any(spec.CORS{AllowHeaders: []string{"*"}}),
			warnings: []string{`authorization_not_covered CORSPolicy[0] spec.cors.allowHeaders[0] "*": ["*", Authorization]`},
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
			config:   withSet(forHost(spec.CORS{AllowOriginSets: []string{"s"}, AllowCredentials: new(true)}), "s", spec.OriginSetSpec{Origins: []string{shop, "https://*.shop.example"}}),
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOriginSets[0] "s": the names that need it`},
		},
		{
			name:   "a max-age of a rule with methods",
			config: ruled(aged(spec.PathPrefix, "/a", "GET"), aged(spec.PathPrefix, "/a/"), aged(spec.PathPrefix, "/a/b"), aged(spec.PathExact, "/a")),
			warnings: []string{
				`max_age_unused CORSPolicy[0] spec.rules[0].cors.maxAge "60": remove it, or let one rule match every method of the path`,
				`max_age_unused CORSPolicy[0] spec.rules[1].cors.maxAge "60": remove it, or let one rule match every method of the path`,
			},
		},
		{
			name:   "a max-age of a rule behind an expression with methods that takes all its paths",
			config: ruled(aged(spec.PathRegularExpression, "/a/.*", "GET"), aged(spec.PathPrefix, "/a"), aged(spec.PathPrefix, "/a/b"), aged(spec.PathExact, "/a/c")),
			warnings: []string{
				`max_age_unused CORSPolicy[0] spec.rules[0].cors.maxAge "60": remove it, or let one rule match every method of the path`,
				`max_age_unused CORSPolicy[0] spec.rules[2].cors.maxAge "60": remove it, or let one rule match every method of the path`,
			},
		},
		{
			name:   "a max-age of 0 is what is sent",
			config: ruled(spec.Rule{Match: &spec.Match{Methods: []string{"GET"}}, CORS: &spec.CORS{MaxAge: new(spec.Seconds(0))}}),
		},
		{
			name: "a max-age that is sent on one of two hosts",
			config: with(one("a", spec.PolicySpec{Hosts: []string{host, "b.example"}, CORS: allowing(shop), Rules: []spec.Rule{aged(spec.PathPrefix, "/a")}}),
				"b", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{at("", spec.PathPrefix, "/a", "PUT")}, CORS: nil}),
		},
		{
			name:   "a max-age that a rule with methods inherits",
			config: one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{MaxAge: new(spec.Seconds(60))}, Rules: []spec.Rule{at("a", spec.PathPrefix, "/a", "GET")}}),
		},
	}
}
