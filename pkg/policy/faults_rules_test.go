package policy_test

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// ruleFaults are about rules that match some origins only, paths, families, and what is new beside them.
func ruleFaults() []compileRow {
	matching := func(m spec.Match) spec.Config { return ruled(spec.Rule{Name: "r", Match: &m}) }
	credentials := func(r spec.Rule) spec.Rule { r.CORS = &spec.CORS{AllowCredentials: new(true)}; return r }
	blocking := func(r spec.Rule) spec.Rule { r.Enforcement = new(spec.EnforcementBlock); return r }
	checking := func(r spec.Rule) spec.Rule {
		r.WebSocket = &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)}
		return r
	}
	allowingAlso := func(r spec.Rule) spec.Rule { r.CORS = allowing(partner); return r }
	from := func(origins ...string) spec.Rule { return ofOrigin("r", "/", origins) }
	return []compileRow{
		{
			name: "origins of a rule that are none", config: matching(spec.Match{Origins: []string{"*", shop + "/", "null", "https://*", "ws://a.example", "https://*shop.com", "https://pr-*.shop.com"}}),
			faults: []string{
				`origin_invalid CORSPolicy[0] spec.rules[0].match.origins[0] "*": a rule without match.origins, with allowOrigins: ["*"]`,
				`origin_invalid CORSPolicy[0] spec.rules[0].match.origins[1] "https://www.shop.example/": https://www.shop.example`,
				`origin_invalid CORSPolicy[0] spec.rules[0].match.origins[2] "null": allowNullOrigin: true in the policy`,
				`origin_invalid CORSPolicy[0] spec.rules[0].match.origins[4] "ws://a.example": http://a.example`,
				`origin_invalid CORSPolicy[0] spec.rules[0].match.origins[5] "https://*shop.com": origins: ["https://*.shop.com", "https://shop.com"]`,
				`origin_invalid CORSPolicy[0] spec.rules[0].match.origins[6] "https://pr-*.shop.com": allowOriginRegexes: ['https://pr-[a-z0-9-]+\.shop\.com'] in the policy`,
			},
		},
		{
			name: "no origins of a rule", config: matching(spec.Match{Origins: []string{}}),
			faults: []string{`value_invalid CORSPolicy[0] spec.rules[0].match.origins: leave origins out to match requests of every origin`},
		},
		{
			name: "no origin sets of a rule", config: matching(spec.Match{OriginSets: []string{}}),
			faults: []string{`value_invalid CORSPolicy[0] spec.rules[0].match.originSets: leave originSets out to match requests of every origin`},
		},
		{
			name: "neither of both", config: matching(spec.Match{Origins: []string{}, OriginSets: []string{}}),
			faults: []string{`value_invalid CORSPolicy[0] spec.rules[0].match.origins: leave origins out to match requests of every origin`},
		},
		{
			name: "an empty one beside another", config: withSet(matching(spec.Match{Origins: []string{}, OriginSets: []string{"s"}}), "s", spec.OriginSetSpec{Origins: []string{partner}}),
		},
		{
			name: "an origin set of a rule that is not there", config: matching(spec.Match{OriginSets: []string{"s"}}),
			faults: []string{`unknown_reference CORSPolicy[0] spec.rules[0].match.originSets[0] "s": an OriginSet document of this name`},
		},
		{
			name: "a tenant of a rule that nothing binds", config: matching(spec.Match{Origins: []string{"https://{t}.app.example"}}),
			faults: []string{`tenant_unbound CORSPolicy[0] spec.rules[0].match.origins[0] "https://{t}.app.example": hosts: ["{t}.shop.example"]`},
		},
		{
			name: "odd origins of a rule", config: matching(spec.Match{Origins: []string{"https://A.example:443"}}),
			warnings: []string{
				`origin_upper_case CORSPolicy[0] spec.rules[0].match.origins[0] "https://A.example:443": https://a.example`,
				`default_port CORSPolicy[0] spec.rules[0].match.origins[0] "https://A.example:443": https://a.example`,
			},
		},
		{
			name: "dangerous origins of a rule", config: ruled(credentials(from("https://*", "http://plain.example", "https://*.github.io", "file://"))),
			waivers: spec.Dangers()[:4],
			faults: []string{
				`any_origin_with_credentials CORSPolicy[0] spec.rules[0].match.origins[0] "https://*": the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`,
				`insecure_origin CORSPolicy[0] spec.rules[0].match.origins[1] "http://plain.example": https://plain.example; dangerouslyAllow: [InsecureOrigins] if you must`,
				`public_suffix CORSPolicy[0] spec.rules[0].match.origins[2] "https://*.github.io": the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must`,
				`null_origin_with_credentials CORSPolicy[0] spec.rules[0].match.origins[3] "file://": the origins that may, or allowCredentials: false; dangerouslyAllow: [NullOriginWithCredentials] if you must`,
			},
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.rules[0].match.origins[2] "https://*.github.io": the names that need it`},
		},
		{
			name: "dangerous origins of a rule that allows others", config: ruled(func() spec.Rule {
				r := credentials(from("https://*", "http://plain.example"))
				r.CORS.AllowOrigins = []string{partner}
				return r
			}()),
		},
		{
			name: "rules that refuse nobody", config: ruled(blocking(checking(from(partner)))),
			warnings: []string{
				`rule_never_refuses CORSPolicy[0] spec.rules[0].enforcement "Block": the same setting on the policy, or on a rule for the other origins`,
				`rule_never_refuses CORSPolicy[0] spec.rules[0].webSocket.originCheck "Enforce": the same setting on the policy, or on a rule for the other origins`,
			},
		},
		{name: "one that allows some of what it matches", config: ruled(allowingAlso(blocking(checking(from(partner, shop)))))},
		{
			name: "one that inherits Block", config: one("shop", spec.PolicySpec{
				Hosts: []string{host}, CORS: allowing(shop), Enforcement: new(spec.EnforcementBlock), Rules: []spec.Rule{from(partner)},
			}),
		},
		{
			name: "a policy for some origins only", config: one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{from(partner)}}),
		},
		{
			name: "a rule for an origin that another one matches", config: ruled(from(partner, shop), ofOrigin("other", "/", []string{shop})),
			faults: []string{`conflict CORSPolicy[0] spec.rules[1].match "https://www.shop.example" (and CORSPolicy[0] spec.rules[0].match): rules whose origins or methods have nothing in common`},
		},
		{
			name: "a tenant before an IP address", config: one("shop", spec.PolicySpec{Hosts: []string{"{t}.x.example"}, CORS: allowing("https://{t}.127.0.0.1", "https://{t}.[::1]")}),
			faults: []string{
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[0] "https://{t}.127.0.0.1": the address itself`,
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[1] "https://{t}.[::1]": the address itself`,
			},
		},
		{
			name: "upstreamHeaders that differ beside a rule with origins", config: ruled(from(partner), spec.Rule{Name: "m", Match: prefix("/m"), UpstreamHeaders: new(spec.UpstreamMerge)}),
			faults: []string{`conflict CORSPolicy[0] spec.rules[1].upstreamHeaders "Merge" (and CORSPolicy[0] spec.upstreamHeaders): the same for all entries of a host that has rules with match.origins`},
		},
		{
			name: "Shadow beside a rule with origins", config: ruled(from(partner), spec.Rule{Name: "m", Match: prefix("/m"), Enforcement: new(spec.EnforcementShadow)}),
			faults: []string{`conflict CORSPolicy[0] spec.rules[1].enforcement "Shadow" (and CORSPolicy[0] spec.enforcement): the same for all entries of a host that has rules with match.origins`},
		},
		{
			name: "Block beside a rule with origins", config: ruled(from(partner), blocking(spec.Rule{Name: "m", Match: prefix("/m")})),
		},
		{
			name: "Shadow and Disabled for all", config: one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Enforcement: new(spec.EnforcementShadow), Rules: []spec.Rule{
				from(partner), {Name: "m", Match: prefix("/m"), Enforcement: new(spec.EnforcementDisabled)},
			}}),
		},
	}
}

// foldFaults are about paths whose case or final slash is ignored.
func foldFaults() []compileRow {
	folding := func(rules ...spec.Rule) spec.Config {
		cfg := ruled(rules...)
		cfg.Policies[0].Spec.Paths = &spec.Paths{IgnoreCase: new(true), IgnoreTrailingSlash: new(true)}
		return cfg
	}
	other := spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{at("o", spec.PathPrefix, "/o")}}
	return []compileRow{
		{
			name: "a path that is not ASCII, where case is ignored", config: folding(
				at("a", spec.PathExact, "/caf%C3%A9"), at("b", spec.PathPrefix, "/caf\u00e9"), at("c", spec.PathRegularExpression, "/caf\u00e9.*"), at("d", spec.PathRegularExpression, "/%C3.*"),
			),
			faults: []string{
				`path_invalid CORSPolicy[0] spec.rules[0].match.path.value "/caf%C3%A9": an expression without them, or a policy without ignoreCase for this host`,
				`path_invalid CORSPolicy[0] spec.rules[1].match.path.value "/café": an expression without them, or a policy without ignoreCase for this host`,
				`path_invalid CORSPolicy[0] spec.rules[2].match.path.value "/café.*": an expression without them, or a policy without ignoreCase for this host`,
				`path_invalid CORSPolicy[0] spec.rules[3].match.path.value "/%C3.*": an expression without them, or a policy without ignoreCase for this host`,
			},
		},
		{
			name: "a long path where case is ignored", config: folding(at("a", spec.PathPrefix, "/"+strings.Repeat("a", 1024))),
			faults: []string{`limit_exceeded CORSPolicy[0] spec.rules[0].match.path.value "/aaaaaaaaa"... 1025 bytes: a shorter prefix`},
		},
		{
			name: "paths that are one without case and slash", config: folding(at("a", spec.PathExact, "/A/"), at("b", spec.PathExact, "/a"), at("c", spec.PathPrefix, "/B"), at("d", spec.PathPrefix, "/b/")),
			faults: []string{
				`conflict CORSPolicy[0] spec.rules[1].match "/a" (and CORSPolicy[0] spec.rules[0].match): one rule for each host, path and method`,
				`conflict CORSPolicy[0] spec.rules[3].match "/b/" (and CORSPolicy[0] spec.rules[2].match): one rule for each host, path and method`,
			},
		},
		{
			name: "policies of one host whose paths differ", config: with(folding(), "z", other),
			faults: []string{`conflict CORSPolicy[1] spec.paths (and CORSPolicy[0] spec.paths): the same paths in both policies, or in CORSDefaults`},
		},
		{
			name: "policies of one host that inherit one paths", config: withDefaults(with(ruled(), "z", other), spec.DefaultsSpec{Paths: &spec.Paths{IgnoreCase: new(true)}}),
		},
		{
			name: "policies of one host of which one writes what the other inherits", config: withDefaults(with(folding(), "z", other), spec.DefaultsSpec{
				Paths: &spec.Paths{IgnoreCase: new(true), IgnoreTrailingSlash: new(true)},
			}),
		},
	}
}

// nameFaults are about families, methods in lower case, the resource policy, and acknowledged warnings.
func nameFaults() []compileRow {
	lower := spec.CORS{AllowOrigins: []string{shop}, AllowMethods: []string{"patch", "put", "PATCH", "Query", "purge"}}
	resource := spec.CORS{AllowOrigins: []string{shop}, CrossOriginResourcePolicy: new(spec.ResourceSameSite)}
	acknowledging := func(c spec.CORS, codes ...spec.Code) spec.Config {
		return one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &c, Acknowledge: codes})
	}
	expired := withSet(forHost(spec.CORS{AllowOriginSets: []string{"s"}}), "s", spec.OriginSetSpec{Origins: []string{shop}, Expires: new("2027-01-10")})
	expired.Policies[0].Spec.Acknowledge = []spec.Code{spec.CodeOriginSetExpired}
	lowerCase := []string{
		`method_lower_case CORSPolicy[0] spec.cors.allowMethods[0] "patch": PATCH`,
		`method_lower_case CORSPolicy[0] spec.cors.allowMethods[3] "Query": QUERY`,
		`method_lower_case CORSPolicy[0] spec.cors.allowMethods[4] "purge": PURGE`,
	}
	return []compileRow{
		{
			name: "families that are none", config: forHost(spec.CORS{AllowOrigins: []string{shop}, AllowHeaders: []string{"X-*-A", "*-A", "X-**", "**", "X-Amz-*", "*", "Authorization"}, ExposeHeaders: []string{"X-*-A", "X-*"}}),
			faults: []string{
				`header_invalid CORSPolicy[0] spec.cors.allowHeaders[0] "X-*-A": the names, or the family X-*`,
				`header_invalid CORSPolicy[0] spec.cors.allowHeaders[1] "*-A": the names`,
				`header_invalid CORSPolicy[0] spec.cors.allowHeaders[2] "X-**": the names, or the family X-*`,
				`header_invalid CORSPolicy[0] spec.cors.allowHeaders[3] "**": the names`,
				`header_invalid CORSPolicy[0] spec.cors.exposeHeaders[0] "X-*-A": the names, or the family X-*`,
			},
		},
		{
			name: "families that no page can send", config: forHost(spec.CORS{AllowOrigins: []string{shop}, AllowHeaders: []string{"Sec-*", "Proxy-X-*", "Cook*", "A*"}}),
			warnings: []string{
				`header_never_sent CORSPolicy[0] spec.cors.allowHeaders[0] "Sec-*": remove it`,
				`header_never_sent CORSPolicy[0] spec.cors.allowHeaders[1] "Proxy-X-*": remove it`,
			},
		},
		{name: "methods in lower case", config: forHost(lower), warnings: lowerCase},
		{
			name: "a method in lower case of a rule", config: ruled(at("a", spec.PathPrefix, "/a", "patch")),
			warnings: []string{`method_lower_case CORSPolicy[0] spec.rules[0].match.methods[0] "patch": PATCH`},
		},
		{
			name: "a resource policy", config: forHost(resource),
			warnings: []string{`resource_policy_static CORSPolicy[0] spec.cors.crossOriginResourcePolicy "same-site": the header in the virtual host's response_headers_to_add too`},
		},
		{
			name: "a resource policy that is inherited, once", config: withDefaults(with(ruled(at("a", spec.PathPrefix, "/a")), "other", spec.PolicySpec{Hosts: []string{"b.example"}, CORS: allowing(shop)}),
				spec.DefaultsSpec{CORS: &spec.CORS{CrossOriginResourcePolicy: new(spec.ResourceSameSite)}}),
			warnings: []string{`resource_policy_static CORSDefaults[0] spec.cors.crossOriginResourcePolicy "same-site": the header in the virtual host's response_headers_to_add too`},
		},
		{
			name: "a resource policy that is none", config: forHost(spec.CORS{AllowOrigins: []string{shop}, CrossOriginResourcePolicy: new(spec.ResourcePolicy("SameSite"))}),
			faults:   []string{`value_invalid CORSPolicy[0] spec.cors.crossOriginResourcePolicy "SameSite": same-site`},
			warnings: []string{`resource_policy_static CORSPolicy[0] spec.cors.crossOriginResourcePolicy "SameSite": the header in the virtual host's response_headers_to_add too`},
		},
		{name: "warnings that are acknowledged", config: acknowledging(lower, spec.CodeMethodLowerCase)},
		{name: "others that are not", config: acknowledging(lower, spec.CodeResourcePolicyStatic), warnings: lowerCase},
		{name: "those of another policy", config: with(forHost(lower), "b", spec.PolicySpec{
			Hosts: []string{"b.example"}, CORS: allowing(shop), Acknowledge: []spec.Code{spec.CodeMethodLowerCase},
		}), warnings: lowerCase},
		{
			name: "those of a set are no policy's", config: expired, opts: []policy.Option{policy.At(day(10))},
			warnings: []string{`origin_set_expired OriginSet[0] spec.expires "2027-01-10": a later date, or remove the set`},
		},
		{
			name: "codes that are none, or of faults", config: acknowledging(spec.CORS{AllowOrigins: []string{shop}}, "method_lowercase", spec.CodeConflict, spec.CodeMaxAgeUnused),
			faults: []string{
				`value_invalid CORSPolicy[0] spec.acknowledge[0] "method_lowercase": method_lower_case`,
				`value_invalid CORSPolicy[0] spec.acknowledge[1] "conflict": one of default_port, origin_upper_case, max_age_capped, max_age_unused, rule_unreachable, own_cors_shadowed, origin_set_expired, origin_set_unused, authorization_not_covered, subdomain_takeover, redundant_regex, header_never_sent, method_never_sent, method_lower_case, grants_nobody, rule_never_refuses, resource_policy_static, origin_set_expires_soon, directory_ignored, regex_branch_dead, rule_partly_shadowed`,
			},
		},
		{
			name: "a policy that names no origin", config: forHost(spec.CORS{AllowMethods: []string{"PUT"}}),
			warnings: []string{`grants_nobody CORSPolicy[0] spec.cors: allowOrigins with those that may, or allowOrigins: [] if that is meant`},
		},
		{name: "one that says so", config: forHost(spec.CORS{AllowOrigins: []string{}}), warnings: []string{}},
		{
			name: "one without cors", config: one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{at("a", spec.PathPrefix, "/a")}}),
			warnings: []string{`grants_nobody CORSPolicy[0] spec: allowOrigins with those that may, or allowOrigins: [] if that is meant`},
		},
	}
}
