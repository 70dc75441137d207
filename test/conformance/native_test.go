package conformance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Envoy's own filter, beside corsd on the same Envoy: a configuration for each
// field of its CorsPolicy.
func TestNative(t *testing.T) {
	o := other{name: "native", title: "Envoy's `cors` filter", hosts: nativeHost, configs: nativeConfigs(), reasons: nativeReasons()}
	o.version = "Envoy " + parts.Envoy.Version.String()
	o.filters, o.after = nativeFilter, checkShadow
	results := o.run(t)
	table := o.checkDocumented(t, results)
	o.publish(t, results)
	if !t.Failed() {
		publishPart(t, "docs/conformance.md", "documented", table)
	}
}

const nativeFilter = `- name: envoy.filters.http.cors
  typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors }
`

// nativeHost is a virtual host with a CorsPolicy. What a configuration has after a
// line "route:" is the policy of a route of its own.
func nativeHost(c config) string {
	own, route, _ := strings.Cut(c.said, "route:\n")
	policy := func(fields, by string) string {
		return fmt.Sprintf("envoy.filters.http.cors:\n  \"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy\n%s",
			indent(strings.ReplaceAll(fields, "\n"+by, "\n"), "  "))
	}
	routed := ""
	if route != "" {
		routed = "- match: { path: /catalogue }\n  route: { cluster: app }\n  typed_per_filter_config:\n" +
			indent(policy(strings.TrimPrefix(route, "  "), "  "), "    ")
	}
	return fmt.Sprintf(`- name: "%[1]s"
  domains: [%[1]s.native.test]
  typed_per_filter_config:
    corsd: { "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true }
%[2]s  routes:
%[3]s`, c.name, indent(policy(own, ""), "    "), indent(routed+routes("app"), "  "))
}

// nativeLists has the lists of most of the configurations.
const nativeLists = `allow_methods: "GET, PUT, DELETE"
allow_headers: "Content-Type, X-Trace"
`

const specLists = `  allowMethods: [GET, PUT, DELETE]
  allowHeaders: [Content-Type, X-Trace]
`

func nativeConfigs() []config {
	const exact = "allow_origin_string_match: [ { exact: \"https://www.shop.example\" } ]\n"
	const shop = "cors:\n  allowOrigins: [https://www.shop.example]\n"
	row := func(name, what, said, spec string) config {
		return config{name: name, what: what, said: said, lang: "yaml", spec: spec}
	}
	return []config{
		row("exact", "An exact origin", exact+nativeLists, shop+specLists),
		row("prefix", "A prefix", "allow_origin_string_match: [ { prefix: \"https://www.shop.example\" } ]\n"+nativeLists, shop+specLists),
		row("suffix", "A suffix", "allow_origin_string_match: [ { suffix: \".shop.example\" } ]\n"+nativeLists,
			"cors:\n  allowOrigins: [\"https://*.shop.example\"]\n"+specLists),
		row("contains", "A part of an origin", "allow_origin_string_match: [ { contains: \"shop.example\" } ]\n"+nativeLists,
			"cors:\n  allowOrigins: [https://shop.example, \"https://*.shop.example\"]\n"+specLists),
		row("regex", "A regular expression", "allow_origin_string_match: [ { safe_regex: { regex: \"https://(www|admin)\\\\.shop\\\\.example\" } } ]\n"+nativeLists,
			"cors:\n  allowOriginRegexes: ['https://(www|admin)\\.shop\\.example']\n"+specLists),
		row("ignore-case", "An origin in any case", "allow_origin_string_match: [ { exact: \"https://www.shop.example\", ignore_case: true } ]\n"+nativeLists, shop+specLists),
		row("several", "Several origins", "allow_origin_string_match: [ { exact: \"https://www.shop.example\" }, { exact: \"https://admin.shop.example\" } ]\n"+nativeLists,
			"cors:\n  allowOrigins: [https://www.shop.example, https://admin.shop.example]\n"+specLists),
		row("everyone", "Every origin", "allow_origin_string_match: [ { exact: \"*\" } ]\n"+nativeLists, "cors:\n  allowOrigins: [\"*\"]\n"+specLists),
		row("everyone-credentials", "Every origin, with credentials", "allow_origin_string_match: [ { exact: \"*\" } ]\n"+nativeLists+"allow_credentials: true\n",
			"cors:\n  allowOrigins: [\"*\"]\n"+specLists+"  allowCredentials: true\ndangerouslyAllow: [AnyOriginWithCredentials]\n"),
		row("methods", "Every method", exact+"allow_methods: \"*\"\nallow_headers: \"Content-Type, X-Trace\"\n",
			shop+"  allowMethods: [\"*\"]\n  allowHeaders: [Content-Type, X-Trace]\n"),
		row("headers", "Every header", exact+"allow_methods: \"GET, PUT, DELETE\"\nallow_headers: \"*\"\n",
			shop+"  allowMethods: [GET, PUT, DELETE]\n  allowHeaders: [\"*\", Authorization]\n"),
		row("expose", "Exposed headers", exact+nativeLists+"expose_headers: \"X-Total, ETag\"\n", shop+specLists+"  exposeHeaders: [X-Total, ETag]\n"),
		row("max-age", "A maximum age", exact+nativeLists+"max_age: \"600\"\n", shop+specLists+"  maxAge: 600\n"),
		row("credentials", "Credentials", exact+nativeLists+"allow_credentials: true\n", shop+specLists+"  allowCredentials: true\n"),
		row("private-network", "A private network", exact+nativeLists+"allow_private_network_access: true\n", shop+specLists+"  allowPrivateNetwork: true\n"),
		row("forward", "Preflights that match no origin, not forwarded", exact+nativeLists+"forward_not_matching_preflights: false\n", shop+specLists),
		row("off", "Not enabled", exact+nativeLists+"filter_enabled: { default_value: { numerator: 0 } }\n", shop+specLists+"enforcement: Disabled\n"),
		row("shadow", "Shadow", exact+nativeLists+"filter_enabled: { default_value: { numerator: 0 } }\nshadow_enabled: { default_value: { numerator: 100 } }\n",
			shop+specLists+"enforcement: Shadow\n"),
		row("route", "A route of its own, which inherits field by field", exact+nativeLists+"allow_credentials: true\nroute:\n  allow_methods: \"PUT, PATCH\"\n  max_age: \"60\"\n",
			shop+specLists+"  allowCredentials: true\nrules:\n- match: {path: {type: Exact, value: /catalogue}}\n  cors: {allowMethods: [PUT, PATCH], maxAge: 60}\n"),
	}
}

func nativeReasons() []reason {
	return slices.Concat([]reason{
		{
			name: "matchers of text",
			why: "A prefix, a suffix or a part of an origin also fits origins that others can have: `https://www.shop.example.evil.example` begins as the " +
				"page's, and `http:` is another scheme. corsd's patterns know scheme, host and port.",
			aspects: both, in: []string{"prefix", "suffix", "contains"},
			when: difference.stricter,
		},
		{
			name:    "`null` with credentials",
			why:     "Any site can make a frame whose origin is `null`. A `*` of the filter takes it, with credentials; corsd needs two more words for that.",
			aspects: both, in: []string{"everyone-credentials"},
			when: func(d difference) bool { return d.is("`null`") && d.stricter() },
		},
		{
			name:    "200 or 204",
			why:     "The filter answers preflights by 200. corsd's status can be chosen (`preflight.successStatus`), and is 204.",
			aspects: []aspect{status},
			when:    func(d difference) bool { return d.granted() && d.theirs == "200" && d.ours == "204" },
		},
	}, because(
		"the application's own headers", "no origin", "not looked at", "default port", "many headers", "malformed wishes",
		"gateway's answers", "preflights first", "`Vary` of a preflight", "`Vary` for everyone", "`Vary: Origin`",
		"status of a refusal", "silence", "a star for everyone",
	))
}
