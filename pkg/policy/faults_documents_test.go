package policy_test

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// listFaults are about methods, headers, presets and max-age.
func listFaults() []compileRow {
	exposes := func(names ...string) spec.Config { return forHost(spec.CORS{ExposeHeaders: names}) }
	headers := func(names ...string) spec.Config { return forHost(spec.CORS{AllowHeaders: names}) }
	methods := func(names ...string) spec.Config { return forHost(spec.CORS{AllowMethods: names}) }
	age := func(s spec.Seconds) spec.Config { return forHost(spec.CORS{MaxAge: &s}) }
	forbidden := headers("Cookie", "cookie2", "HOST", "Origin", "Sec-Fetch-Mode", "Proxy-X", "Access-Control-Allow-Origin", "DNT", "X-Fine", "Content-Type", "Authorization", "*")
	return []compileRow{
		{
			name:   "methods that are none",
			config: methods("GET", "", "P T", "GET,PUT", "Ü"),
			faults: []string{
				`method_invalid CORSPolicy[0] spec.cors.allowMethods[1]: one entry of the list for each method`,
				`method_invalid CORSPolicy[0] spec.cors.allowMethods[2] "P T": one entry of the list for each method`,
				`method_invalid CORSPolicy[0] spec.cors.allowMethods[3] "GET,PUT": one entry of the list for each method`,
				`method_invalid CORSPolicy[0] spec.cors.allowMethods[4] "Ü": one entry of the list for each method`,
			},
		},
		{
			name:   "forbidden methods",
			config: methods("CONNECT", "trace", "Track", "*"),
			warnings: []string{
				`method_never_sent CORSPolicy[0] spec.cors.allowMethods[0] "CONNECT": remove it`,
				`method_never_sent CORSPolicy[0] spec.cors.allowMethods[1] "trace": remove it`,
				`method_never_sent CORSPolicy[0] spec.cors.allowMethods[2] "Track": remove it`,
			},
		},
		{
			name:   "methods of a rule that are none",
			config: one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: []spec.Rule{{Match: &spec.Match{Methods: []string{"GET", "*", "TRACE", "A B"}}}}}),
			faults: []string{
				`method_invalid CORSPolicy[0] spec.rules[0].match.methods[1] "*": leave methods out to match every method`,
				`method_invalid CORSPolicy[0] spec.rules[0].match.methods[3] "A B": one entry of the list for each method`,
			},
			warnings: []string{`method_never_sent CORSPolicy[0] spec.rules[0].match.methods[2] "TRACE": remove it`},
		},
		{
			name:   "headers that are none",
			config: headers("X-A", "", "X A", "X-A,X-B", "X-Ä", "X:"),
			faults: []string{
				`header_invalid CORSPolicy[0] spec.cors.allowHeaders[1]: one entry of the list for each name`,
				`header_invalid CORSPolicy[0] spec.cors.allowHeaders[2] "X A": one entry of the list for each name`,
				`header_invalid CORSPolicy[0] spec.cors.allowHeaders[3] "X-A,X-B": one entry of the list for each name`,
				`header_invalid CORSPolicy[0] spec.cors.allowHeaders[4] "X-Ä": one entry of the list for each name`,
				`header_invalid CORSPolicy[0] spec.cors.allowHeaders[5] "X:": one entry of the list for each name`,
			},
		},
		{
			name:   "forbidden headers",
			config: forbidden,
			warnings: []string{
				`header_never_sent CORSPolicy[0] spec.cors.allowHeaders[0] "Cookie": remove it`,
				`header_never_sent CORSPolicy[0] spec.cors.allowHeaders[1] "cookie2": remove it`,
				`header_never_sent CORSPolicy[0] spec.cors.allowHeaders[2] "HOST": remove it`,
				`header_never_sent CORSPolicy[0] spec.cors.allowHeaders[3] "Origin": remove it`,
				`header_never_sent CORSPolicy[0] spec.cors.allowHeaders[4] "Sec-Fetch-Mode": remove it`,
				`header_never_sent CORSPolicy[0] spec.cors.allowHeaders[5] "Proxy-X": remove it`,
				`header_never_sent CORSPolicy[0] spec.cors.allowHeaders[7] "DNT": remove it`,
			},
		},
		{
			name:   "exposed headers that are none",
			config: exposes("X-A", "", "X A"),
			faults: []string{
				`header_invalid CORSPolicy[0] spec.cors.exposeHeaders[1]: one entry of the list for each name`,
				`header_invalid CORSPolicy[0] spec.cors.exposeHeaders[2] "X A": one entry of the list for each name`,
			},
		},
		{
			name:   "exposed headers that no page reads",
			config: exposes("Set-Cookie", "set-cookie2", "Cookie", "*"),
			faults: []string{
				`header_invalid CORSPolicy[0] spec.cors.exposeHeaders[0] "Set-Cookie": remove it`,
				`header_invalid CORSPolicy[0] spec.cors.exposeHeaders[1] "set-cookie2": remove it`,
			},
		},
		{
			name:   "a header name of 256 bytes",
			config: headers(strings.Repeat("x", 256)),
		},
		{
			name:   "a header name of 257 bytes",
			config: headers(strings.Repeat("x", 257)),
			faults: []string{`limit_exceeded CORSPolicy[0] spec.cors.allowHeaders[0] "xxxxxxxxxx"... 257 bytes`},
		},
		{
			name:   "an exposed name of 257 bytes",
			config: exposes(strings.Repeat("x", 256), strings.Repeat("x", 257)),
			faults: []string{`limit_exceeded CORSPolicy[0] spec.cors.exposeHeaders[1] "xxxxxxxxxx"... 257 bytes`},
		},
		{
			name:   "a max-age of -1",
			config: age(-1),
			faults: []string{`max_age_out_of_range CORSPolicy[0] spec.cors.maxAge "-1": 600, which every browser honours`},
		},
		{
			name:   "a max-age of 0",
			config: age(0),
		},
		{
			name:   "a max-age of 600",
			config: age(600),
		},
		{
			name:     "a max-age of 601",
			config:   age(601),
			warnings: []string{`max_age_capped CORSPolicy[0] spec.cors.maxAge "601": 600`},
		},
		{
			name:     "a max-age of 7200",
			config:   age(7200),
			warnings: []string{`max_age_capped CORSPolicy[0] spec.cors.maxAge "7200": 600`},
		},
		{
			name:     "a max-age of 7201",
			config:   age(7201),
			warnings: []string{`max_age_capped CORSPolicy[0] spec.cors.maxAge "7201": 600`},
		},
		{
			name:     "a max-age of 86400",
			config:   age(86400),
			warnings: []string{`max_age_capped CORSPolicy[0] spec.cors.maxAge "86400": 600`},
		},
		{
			name:     "a max-age of 86401",
			config:   age(86401),
			warnings: []string{`max_age_capped CORSPolicy[0] spec.cors.maxAge "86401": 600`},
		},
		{
			name:   "a preset that is none",
			config: forHost(spec.CORS{Presets: []spec.Preset{"grpc_web", "trace", "x"}}),
			faults: []string{
				`value_invalid CORSPolicy[0] spec.cors.presets[0] "grpc_web": grpc-web`,
				`value_invalid CORSPolicy[0] spec.cors.presets[2] "x": one of grpc-web, connect, tus, mcp, trace, otlp`,
			},
		},
	}
}

// documentFaults are about documents as a whole.
func documentFaults() []compileRow {
	doc := spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop)}
	elsewhere := spec.PolicySpec{Hosts: []string{"b.example"}, CORS: allowing(shop)}
	set := spec.OriginSetSpec{Origins: []string{other}}
	expiring := func(date string) spec.Config {
		return withSet(forHost(spec.CORS{AllowOriginSets: []string{"s"}}), "s", spec.OriginSetSpec{Expires: new(date)})
	}
	defaults := withDefaults(one("shop", doc), spec.DefaultsSpec{})
	defaults.Defaults = append(defaults.Defaults, spec.Defaults{Name: "other", Spec: spec.DefaultsSpec{CORS: allowing("x")}})
	nameless := withDefaults(withSet(one("", doc), "", set), spec.DefaultsSpec{})
	nameless.Defaults[0].Name = ""
	return []compileRow{
		{
			name:   "nothing",
			faults: []string{`no_policies: a document of kind CORSPolicy`},
		},
		{
			name:     "no policy beside a set",
			config:   withSet(spec.Config{}, "s", set),
			faults:   []string{`no_policies: a document of kind CORSPolicy`},
			warnings: []string{`origin_set_unused OriginSet[0] metadata.name "s": allowOriginSets: [s] in a policy, or remove the set`},
		},
		{
			name:   "no names",
			config: nameless,
			faults: []string{
				`missing_field CORSDefaults[0] metadata.name: a name for the document`,
				`missing_field CORSPolicy[0] metadata.name: a name for the document`,
				`missing_field OriginSet[0] metadata.name: a name for the document`,
			},
			warnings: []string{`origin_set_unused OriginSet[0] metadata.name: allowOriginSets: [] in a policy, or remove the set`},
		},
		{
			name:   "names that are none",
			config: with(one("a/b", doc), "a b", elsewhere),
			faults: []string{
				`value_invalid CORSPolicy[0] metadata.name "a/b": letters, digits and -`,
				`value_invalid CORSPolicy[1] metadata.name "a b": letters, digits and -`,
			},
		},
		{
			name:   "a name of 253 bytes",
			config: one(strings.Repeat("a", 253), doc),
		},
		{
			name:   "a name of 254 bytes",
			config: one(strings.Repeat("a", 254), doc),
			faults: []string{`value_invalid CORSPolicy[0] metadata.name "aaaaaaaaaa"... 254 bytes: letters, digits and -`},
		},
		{
			name:   "two policies of one name",
			config: with(one("shop", doc), "shop", elsewhere),
			faults: []string{`duplicate_name CORSPolicy[1] metadata.name "shop" (and CORSPolicy[0] metadata.name): a name of its own`},
		},
		{
			name:   "two sets of one name",
			config: withSet(withSet(forHost(spec.CORS{AllowOriginSets: []string{"s"}}), "s", set), "s", set),
			faults: []string{`duplicate_name OriginSet[1] metadata.name "s" (and OriginSet[0] metadata.name): a name of its own`},
		},
		{
			name:   "a policy and a set of one name",
			config: withSet(forHost(spec.CORS{AllowOriginSets: []string{"shop"}}), "shop", set),
		},
		{
			name:   "a second CORSDefaults, which is judged all the same",
			config: defaults,
			faults: []string{
				`duplicate_name CORSDefaults[1] "other" (and CORSDefaults[0]): one document with the settings of both`,
				`origin_invalid CORSDefaults[1] spec.cors.allowOrigins[0] "x": https://x`,
			},
		},
		{
			name:   "a set that is not there",
			config: withSet(forHost(spec.CORS{AllowOriginSets: []string{"partner", "zzzzzzzzzz", "partners"}}), "partners", set),
			faults: []string{
				`unknown_reference CORSPolicy[0] spec.cors.allowOriginSets[0] "partner": partners`,
				`unknown_reference CORSPolicy[0] spec.cors.allowOriginSets[1] "zzzzzzzzzz": an OriginSet document of this name`,
			},
		},
		{
			name: "values that are none",
			config: one("shop", spec.PolicySpec{
				Hosts: []string{host}, CORS: allowing(shop), Enforcement: new(spec.Enforcement("enforce")), UpstreamHeaders: new(spec.UpstreamHeaders("Replace")),
				WebSocket:        &spec.WebSocket{OriginCheck: new(spec.OriginCheck("On"))},
				Preflight:        &spec.Preflight{Mode: new(spec.PreflightMode("Forwards")), Detail: new(spec.PreflightDetail("")), SuccessStatus: new(300), DenyStatus: new(399)},
				DangerouslyAllow: []spec.Danger{"InsecureOrigin", spec.InsecureOrigins},
			}),
			faults: []string{
				`value_invalid CORSPolicy[0] spec.enforcement "enforce": Enforce`,
				`value_invalid CORSPolicy[0] spec.upstreamHeaders "Replace": one of Override, Preserve, Merge`,
				`value_invalid CORSPolicy[0] spec.preflight.mode "Forwards": Forward`,
				`value_invalid CORSPolicy[0] spec.preflight.detail: one of Full, Minimal`,
				`value_invalid CORSPolicy[0] spec.preflight.successStatus "300": 204`,
				`value_invalid CORSPolicy[0] spec.preflight.denyStatus "399": 403`,
				`value_invalid CORSPolicy[0] spec.webSocket.originCheck "On": one of Disabled, Enforce`,
				`value_invalid CORSPolicy[0] spec.dangerouslyAllow[0] "InsecureOrigin": InsecureOrigins`,
			},
		},
		{
			name: "values of CORSDefaults that are none",
			config: withDefaults(one("shop", doc), spec.DefaultsSpec{
				UnmatchedHosts: new(spec.UnmatchedHosts("Passthrough")), Enforcement: new(spec.Enforcement("x")),
			}),
			faults: []string{
				`value_invalid CORSDefaults[0] spec.enforcement "x": one of Disabled, Shadow, Enforce, Block`,
				`value_invalid CORSDefaults[0] spec.unmatchedHosts "Passthrough": PassThrough`,
			},
		},
		{
			name: "values of a rule that are none",
			config: one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: []spec.Rule{
				{Name: "a b", Enforcement: new(spec.Enforcement("Enforced")), Match: &spec.Match{Methods: []string{}}, Preflight: &spec.Preflight{DenyStatus: new(500)}},
			}}),
			faults: []string{
				`value_invalid CORSPolicy[0] spec.rules[0].enforcement "Enforced": Enforce`,
				`value_invalid CORSPolicy[0] spec.rules[0].preflight.denyStatus "500": 403`,
				`value_invalid CORSPolicy[0] spec.rules[0].match.methods: leave methods out to match every method`,
				`value_invalid CORSPolicy[0] spec.rules[0].name "a b": letters, digits and -`,
			},
		},
		{
			name: "statuses at their bounds",
			config: one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: []spec.Rule{
				{Match: prefix("/a"), Preflight: &spec.Preflight{SuccessStatus: new(200), DenyStatus: new(200)}},
				{Match: prefix("/b"), Preflight: &spec.Preflight{SuccessStatus: new(299), DenyStatus: new(299)}},
				{Match: prefix("/c"), Preflight: &spec.Preflight{DenyStatus: new(400)}},
				{Match: prefix("/d"), Preflight: &spec.Preflight{DenyStatus: new(499)}},
			}}),
		},
		{
			name: "statuses beyond their bounds",
			config: one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: []spec.Rule{
				{Match: prefix("/a"), Preflight: &spec.Preflight{SuccessStatus: new(199), DenyStatus: new(199)}},
				{Match: prefix("/b"), Preflight: &spec.Preflight{DenyStatus: new(300)}},
				{Match: prefix("/c"), Preflight: &spec.Preflight{SuccessStatus: new(400)}},
				{Match: prefix("/d"), Preflight: &spec.Preflight{SuccessStatus: new(0), DenyStatus: new(0)}},
			}}),
			faults: []string{
				`value_invalid CORSPolicy[0] spec.rules[0].preflight.successStatus "199": 204`,
				`value_invalid CORSPolicy[0] spec.rules[0].preflight.denyStatus "199": 403`,
				`value_invalid CORSPolicy[0] spec.rules[1].preflight.denyStatus "300": 403`,
				`value_invalid CORSPolicy[0] spec.rules[2].preflight.successStatus "400": 204`,
				`value_invalid CORSPolicy[0] spec.rules[3].preflight.successStatus "0": 204`,
				`value_invalid CORSPolicy[0] spec.rules[3].preflight.denyStatus "0": 403`,
			},
		},
		{
			name:   "a date that is none",
			config: expiring(""),
			faults: []string{`value_invalid OriginSet[0] spec.expires: a date such as 2027-01-31`},
		},
		{
			name:   "a day that is none",
			config: expiring("2027-02-30"),
			faults: []string{`value_invalid OriginSet[0] spec.expires "2027-02-30": a date such as 2027-01-31`},
		},
		{
			name:   "a date in another form",
			config: expiring("31.01.2027"),
			faults: []string{`value_invalid OriginSet[0] spec.expires "31.01.2027": a date such as 2027-01-31`},
		},
		{
			name:   "a date with a time",
			config: expiring("2027-01-31T00:00:00Z"),
			faults: []string{`value_invalid OriginSet[0] spec.expires "2027-01-31T00:00:00Z": a date such as 2027-01-31`},
		},
		{
			name:   "faults of several documents at once",
			config: withSet(with(forHost(spec.CORS{AllowOrigins: []string{"x"}, AllowMethods: []string{"TRACE"}, MaxAge: new(spec.Seconds(-1))}), "shop", spec.PolicySpec{Rules: []spec.Rule{{Match: prefix("a")}}}), "s", spec.OriginSetSpec{Origins: []string{"null"}, Expires: new("never")}),
			faults: []string{
				`origin_invalid CORSPolicy[0] spec.cors.allowOrigins[0] "x": https://x`,
				`max_age_out_of_range CORSPolicy[0] spec.cors.maxAge "-1": 600, which every browser honours`,
				`duplicate_name CORSPolicy[1] metadata.name "shop" (and CORSPolicy[0] metadata.name): a name of its own`,
				`missing_field CORSPolicy[1] spec.hosts: hosts: [api.shop.example], or ["*"] for every host`,
				`path_invalid CORSPolicy[1] spec.rules[0].match.path.value "a": /a`,
				`origin_invalid OriginSet[0] spec.origins[0] "null": allowNullOrigin: true in the policy`,
				`value_invalid OriginSet[0] spec.expires "never": a date such as 2027-01-31`,
			},
			warnings: []string{
				`method_never_sent CORSPolicy[0] spec.cors.allowMethods[0] "TRACE": remove it`,
				`origin_set_unused OriginSet[0] metadata.name "s": allowOriginSets: [s] in a policy, or remove the set`,
			},
		},
	}
}
