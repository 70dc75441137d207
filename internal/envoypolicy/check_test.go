package envoypolicy_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/internal/envoyconfig"
	"github.com/corsd/corsd/internal/envoypolicy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// check compares a configuration with policies. It returns each finding as "fault LINE CODE" or "warning LINE CODE".
func check(t testing.TB, policies, config string) (found []string, messages string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	c, fault := envoyconfig.Read(file)
	if fault != nil {
		t.Fatal(fault)
	}
	faults, warnings := envoypolicy.Check(planOf(t, documents(t, policies)), c)
	lines := strings.Split(config, "\n")
	for severity, list := range map[string][]spec.Diagnostic{"fault": faults, "warning": warnings} {
		for _, d := range list {
			place := d.Place.Path.String()
			if d.Position.Line > 0 {
				place = strings.TrimSpace(lines[d.Position.Line-1])
			}
			found = append(found, fmt.Sprintf("%s %s: %s", severity, strings.TrimPrefix(string(d.Code), "envoy_"), place))
			messages += d.String() + "\n"
			if d.Hint == "" {
				t.Errorf("no hint: %s", d)
			}
		}
	}
	slices.Sort(found)
	return found, messages
}

const (
	shop  = "{hosts: [api.example], cors: {allowOrigins: [https://www.example]}}"
	block = "{hosts: [api.example], enforcement: Block, cors: {allowOrigins: [https://www.example]}}"
	two   = `
apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: {name: shop}
spec: {hosts: [api.example], cors: {allowOrigins: [https://www.example]}}
---
apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: {name: legacy}
spec: {hosts: [legacy.example], enforcement: Shadow, cors: {allowOrigins: [https://www.example]}}
`
	merge    = "{hosts: [api.example], upstreamHeaders: Merge, cors: {allowOrigins: [https://www.example]}}"
	shadow   = "{hosts: [api.example], enforcement: Shadow, cors: {allowOrigins: [https://www.example]}}"
	socket   = "{hosts: [api.example], webSocket: {originCheck: Enforce}, cors: {allowOrigins: [https://www.example]}}"
	tenants  = `{hosts: ["{tenant}.example"], cors: {allowOrigins: ["https://{tenant}.www.example"]}}`
	timing   = "{hosts: [api.example], cors: {allowOrigins: [https://www.example], timingAllowOrigin: true}}"
	resource = "{hosts: [api.example], cors: {allowOrigins: [https://www.example], crossOriginResourcePolicy: same-site}}"
	deny     = `
apiVersion: corsd.dev/v1alpha1
kind: CORSDefaults
metadata: {name: default}
spec: {unmatchedHosts: Deny}
---
apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: {name: shop}
spec: {hosts: [api.example], cors: {allowOrigins: [https://www.example]}}
`
)

// row is a change to the configuration that corsd envoy writes for policies, and the diagnostics of the result.
type row struct {
	name     string
	policies string   // the configuration is for these,
	against  string   // and compared with these if they differ
	change   []string // old and new text
	want     []string
}

// The configuration has these lines, which changes refer to.
const (
	vhost     = "- name: shop\n"
	domain    = "  - api.example\n"
	remove    = "              response_headers_to_remove:\n"
	perFilter = "              typed_per_filter_config:\n"
	routes    = "              routes:\n              - match: { prefix: / }\n"
	filters   = "          http_filters:\n"

	// offByDefault is another filter that calls corsd, which no route enables.
	offByDefault = "          - name: corsd-other\n            disabled: true\n            typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor, grpc_service: { envoy_grpc: { cluster_name: corsd } }, message_timeout: 0.5s, processing_mode: { response_header_mode: SKIP }, allow_mode_override: true }\n"
	routeStrips  = "                response_headers_to_remove: [access-control-allow-origin, access-control-allow-credentials, access-control-allow-methods, access-control-allow-headers, access-control-allow-private-network, access-control-expose-headers, access-control-max-age]\n"
	staticLine   = `- { key: corsd-static, value: "strip,vary" }`
	open         = "                              failure_mode_allow: true       # safe if the virtual host strips\n"
	notStatic    = "# no corsd-static"
)

func filter(name, kind string) string {
	return fmt.Sprintf("          - name: %s\n            typed_config: { \"@type\": type.googleapis.com/%s }\n", name, kind)
}

const (
	jwt        = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
	native     = "envoy.extensions.filters.http.cors.v3.Cors"
	corsPolicy = "                envoy.filters.http.cors: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy }\n"
	lua        = "envoy.extensions.filters.http.lua.v3.Lua"
	health     = "envoy.extensions.filters.http.health_check.v3.HealthCheck"
)

// perRoute is a configuration of corsd's filter on the route.
func perRoute(fields string) string {
	return routes + "                typed_per_filter_config: { corsd: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute, " + fields + " } }\n"
}

func rows() []row {
	return []row{
		{name: "the configuration that is written", policies: shop},
		{name: "for a policy that blocks", policies: block},
		{name: "for a policy that changes nothing", policies: shadow},
		{name: "for tenants", policies: tenants},
		{name: "for denied hosts", policies: deny},

		{name: "no filter", policies: shop, change: []string{"ext_proc.v3.ExternalProcessor", "other.v3.Filter"}, want: []string{"fault filter_missing: \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"}},
		{
			name: "no filter on a table for every host", policies: shop,
			change: []string{"ext_proc.v3.ExternalProcessor", "other.v3.Filter", domain, "  - \"*\"\n"},
			want:   []string{"warning filter_missing: \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"},
		},
		{
			name: "no filter, and a redirect to https", policies: shop,
			change: []string{"ext_proc.v3.ExternalProcessor", "other.v3.Filter", "route: { cluster: your-application }", "redirect: { https_redirect: true }"},
		},
		{name: "no filter, and no host of policies", policies: shop, change: []string{"ext_proc.v3.ExternalProcessor", "other.v3.Filter", domain, "  - www.example\n"}},
		{name: "ext_proc of someone else", policies: shop, change: []string{"name: corsd\n            typed", "name: scanner\n            typed", "stat_prefix: corsd", "stat_prefix: scanner", "envoy_grpc: { cluster_name: corsd", "envoy_grpc: { cluster_name: scanner"}, want: []string{"fault filter_missing: \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"}},

		{name: "authentication first", policies: shop, change: []string{filters, filters + filter("auth", jwt)}, want: []string{"fault filter_order: - name: corsd"}},
		{name: "authentication that is disabled", policies: shop, change: []string{filters, filters + filter("auth", jwt) + "            disabled: true\n"}},
		{
			name: "authentication that a route enables", policies: shop,
			change: []string{filters, filters + filter("auth", jwt) + "            disabled: true\n", routes, routes + "                typed_per_filter_config: { auth: {} }\n"},
			want:   []string{"fault filter_order: - name: corsd"},
		},
		{name: "an unknown filter first", policies: shop, change: []string{filters, filters + filter("mine", lua)}, want: []string{"warning filter_order: - name: corsd"}},
		{name: "a filter without a configuration first", policies: shop, change: []string{filters, filters + "          - name: envoy.filters.http.rbac\n"}, want: []string{"fault filter_order: - name: corsd"}},
		{name: "a health check first", policies: shop, change: []string{filters, filters + filter("health", health)}},

		{name: "the filter is disabled", policies: shop, change: []string{filters + "          # corsd is", filters + "          # off\n          # corsd is", "          - name: corsd\n            typed", "          - name: corsd\n            disabled: true\n            typed"}},
		{
			name: "the filter is disabled, and no virtual host enables it", policies: shadow,
			change: []string{"          - name: corsd\n            typed", "          - name: corsd\n            disabled: true\n            typed"},
			want:   []string{"fault filter_disabled: " + strings.TrimSpace(vhost)},
		},
		{
			name: "the filter is disabled, and a route enables it", policies: shadow,
			change: []string{"          - name: corsd\n            typed", "          - name: corsd\n            disabled: true\n            typed", routes, perRoute("overrides: {}")},
		},
		{
			name: "the filter is disabled, and one of two routes enables it", policies: shadow,
			change: []string{"          - name: corsd\n            typed", "          - name: corsd\n            disabled: true\n            typed", routes, perRoute("overrides: {}") + "                route: { cluster: your-application }\n              - match: { path: /other }\n"},
			want:   []string{"warning filter_disabled: - match: { path: /other }"},
		},
		{
			name: "the filter is disabled, and one of two routes enables it, of which Envoy answers the other", policies: shadow,
			change: []string{"          - name: corsd\n            typed", "          - name: corsd\n            disabled: true\n            typed", routes, perRoute("overrides: {}") + "                route: { cluster: your-application }\n              - match: { path: /other }\n                redirect: {}\n" + strings.TrimPrefix(perRoute("overrides: {}"), "              routes:\n")},
		},
		{
			name: "two filters, of which a route enables the second", policies: shadow,
			change: []string{filters, filters + offByDefault, "          - name: corsd\n            typed", "          - name: corsd\n            disabled: true\n            typed", routes, perRoute("overrides: {}")},
		},
		{
			name: "the virtual host disables the filter", policies: shop,
			change: []string{"                  overrides:\n                    grpc_initial_metadata:\n                    " + staticLine, "                  disabled: true"},
			want:   []string{"fault filter_disabled: corsd:"},
		},
		{name: "a route disables the filter", policies: shop, change: []string{routes, perRoute("disabled: true")}, want: []string{"warning filter_disabled: typed_per_filter_config: { corsd: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute, disabled: true } }"}},
		{name: "another name of the filter", policies: shop, change: []string{"                corsd:\n", "                ext_proc:\n"}, want: []string{"fault filter_name: ext_proc:"}},

		{name: "no mode override", policies: shop, change: []string{"allow_mode_override: true", "allow_mode_override: false"}, want: []string{"fault mode_override: allow_mode_override: false"}},
		{name: "mode override unset", policies: shop, change: []string{"                              allow_mode_override: true\n", ""}, want: []string{"fault mode_override: \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor"}},
		{name: "a mode override to bodies", policies: shop, change: []string{"[{ response_header_mode: SEND }]", "[{ request_body_mode: BUFFERED }]"}, want: []string{"fault mode_override: \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor"}},
		{name: "responses are always sent", policies: shop, change: []string{"response_header_mode: SKIP", "response_header_mode: SEND"}, want: []string{"warning response_mode: response_header_mode: SEND   # corsd requests the response if it needs it"}},
		{
			name: "no processing mode", policies: shop, change: []string{"                              processing_mode:\n                                request_header_mode: SEND\n                                response_header_mode: SKIP ", "                              # "},
			want: []string{"warning response_mode: \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor"},
		},
		{name: "only responses", policies: shop, change: []string{"request_header_mode: SEND", "request_header_mode: SKIP", "response_header_mode: SKIP", "response_header_mode: SEND"}},
		{
			name: "only responses, of a policy that blocks", policies: block, change: []string{"request_header_mode: SEND", "request_header_mode: SKIP", "response_header_mode: SKIP", "response_header_mode: SEND"},
			want: []string{"fault unsupported: \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor"},
		},

		{name: "headers of the request that corsd does not get", policies: shop, change: []string{"- prefix: \":\"", "- exact: \":method\"", "- exact: origin", "- exact: cookie"}, want: []string{"fault forward_rules: allowed_headers:"}},
		{name: "headers of the response that corsd does not get", policies: shop, change: []string{"- prefix: access-control-", "- prefix: access-control-request-"}, want: []string{"fault forward_rules: allowed_headers:"}},
		{
			name: "other patterns for the same headers", policies: timing,
			change: []string{"- prefix: \":\"", "- safe_regex: { regex: \":.*\" }\n                                  - exact: x-other", "- exact: origin", "- suffix: RIGIN", "- exact: sec-fetch-site", "- contains: fetch", "- exact: upgrade", "- safe_regex: { regex: \"(?<bad\" }", "- exact: vary", "- exact: Vary"},
		},
		{name: "headers that are kept from corsd", policies: shop, change: []string{"                                allowed_headers:", "                                disallowed_headers: { patterns: [{ exact: origin }] }\n                                allowed_headers:"}, want: []string{"fault forward_rules: disallowed_headers: { patterns: [{ exact: origin }] }"}},
		{name: "no rules of headers", policies: timing, change: []string{"forward_rules:", "unknown:", "mutation_rules:", "unknown2:"}},
		{name: "Timing-Allow-Origin that corsd does not get", policies: timing, change: []string{"- exact: timing-allow-origin\n", "- exact: x-other\n"}, want: []string{"fault forward_rules: allowed_headers:"}},
		{name: "Timing-Allow-Origin that corsd may not set", policies: timing, change: []string{"|timing-allow-origin|", "|"}, want: []string{"fault mutation_rules: disallow_all: true"}},
		{name: "Timing-Allow-Origin that no policy uses", policies: shop, change: []string{"|timing-allow-origin|cross-origin-resource-policy|", "|", "- exact: timing-allow-origin\n", "- exact: x-other\n"}},
		{name: "Cross-Origin-Resource-Policy that corsd may not set", policies: resource, change: []string{"|cross-origin-resource-policy|", "|"}, want: []string{"fault mutation_rules: disallow_all: true"}},
		{name: "CORS headers that corsd may not set", policies: shop, change: []string{"disallow_all: true", "disallow_all: true\n                                disallow_expression: { regex: \".*-methods\" }"}, want: []string{"fault mutation_rules: disallow_all: true"}},

		{name: "no timeout", policies: shop, change: []string{"message_timeout: 0.5s", "# none"}, want: []string{"warning timeout: \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor"}},
		{name: "a timeout of 5 s", policies: shop, change: []string{"message_timeout: 0.5s", "message_timeout: 5s"}},
		{name: "a longer timeout", policies: shop, change: []string{"message_timeout: 0.5s", "message_timeout: 5.001s"}, want: []string{"warning timeout: message_timeout: 5.001s          # the default, 0.2s, fires in bursts on a busy machine"}},
		{name: "no breakers", policies: shop, change: []string{"    circuit_breakers:", "    unknown_field:"}, want: []string{"warning breakers: - name: corsd"}},
		{name: "breakers of the other priority", policies: shop, change: []string{"priority: DEFAULT", "priority: HIGH"}, want: []string{"warning breakers: - name: corsd"}},
		{name: "1025 requests", policies: shop, change: []string{"DEFAULT, max_requests: 4500", "DEFAULT, max_requests: 1025"}},
		{name: "1024 requests", policies: shop, change: []string{"DEFAULT, max_requests: 4500", "DEFAULT, max_requests: 1024"}, want: []string{"warning breakers: - { priority: DEFAULT, max_requests: 1024, max_pending_requests: 4500, max_retries: 4500, track_remaining: true }"}},
		{name: "another cluster", policies: shop, change: []string{"envoy_grpc: { cluster_name: corsd", "envoy_grpc: { cluster_name: corsd-2"}, want: []string{"warning incomplete: envoy_grpc: { cluster_name: corsd-2, skip_envoy_headers: true }"}},
		{
			name: "a table that is discovered", policies: shop, change: []string{"          route_config:\n            name: local\n", "          rds: { route_config_name: local }\n          other:\n            name: local\n"},
			want: []string{"warning incomplete: rds: { route_config_name: local }"},
		},

		{
			name: "corsd-static in the filter", policies: shop, change: []string{"skip_envoy_headers: true }\n                              failure", "skip_envoy_headers: true }\n                                initial_metadata: [{ key: corsd-static, value: strip }]\n                              failure"},
			want: []string{"fault static_in_filter: initial_metadata: [{ key: corsd-static, value: strip }]"},
		},
		{
			name: "its authority in the filter", policies: shop, change: []string{"cluster_name: corsd, skip_envoy_headers: true }\n                              failure", "cluster_name: corsd, authority: strip.vary.corsd-static }\n                              failure"},
			want: []string{"fault static_in_filter: envoy_grpc: { cluster_name: corsd, authority: strip.vary.corsd-static }"},
		},
		{name: "strip that is not done", policies: shop, change: []string{"- access-control-allow-origin\n", "- x-other\n"}, want: []string{"fault static_false: " + staticLine}},
		{name: "Vary that is not added", policies: shop, change: []string{"value: Origin", "value: Accept"}, want: []string{"fault static_false: " + staticLine}},
		{name: "headers that are not set", policies: shop, change: []string{"strip,vary", "strip, vary, set"}, want: []string{"fault static_false: - { key: corsd-static, value: \"strip, vary, set\" }"}},
		{name: "a route that reports more", policies: merge, change: []string{routes, perRoute("overrides: { grpc_initial_metadata: [{ key: corsd-static, value: strip }] }")}, want: []string{
			"fault static_false: typed_per_filter_config: { corsd: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute, overrides: { grpc_initial_metadata: [{ key: corsd-static, value: strip }] } } }",
			"fault strip_conflict: typed_per_filter_config: { corsd: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute, overrides: { grpc_initial_metadata: [{ key: corsd-static, value: strip }] } } }",
		}},
		{name: "a strip of the whole table", policies: shop, change: []string{"            ignore_port", "            response_headers_to_remove: [access-control-allow-origin, access-control-allow-credentials, access-control-allow-methods, access-control-allow-headers, access-control-allow-private-network, access-control-expose-headers, access-control-max-age]\n            ignore_port", remove, "              unknown:\n"}},
		{name: "a strip in camelCase and capitals", policies: shop, change: []string{remove, "              responseHeadersToRemove:\n", "- access-control-allow-origin\n", "- Access-Control-Allow-Origin\n"}},

		{name: "a strip of Shadow", policies: shop, against: shadow, want: []string{"fault strip_conflict: " + strings.TrimSpace(vhost)}},
		{name: "a strip of Merge", policies: shop, against: merge, want: []string{"fault strip_conflict: " + strings.TrimSpace(vhost)}},
		{name: "a strip of both", policies: two, change: []string{"  - legacy.example\n", "  - old.example\n", domain, "  - api.example\n              - legacy.example\n"}, want: []string{"fault strip_conflict: " + strings.TrimSpace(vhost)}},
		{name: "a strip of a wildcard", policies: two, change: []string{"  - legacy.example\n", "  - old.example\n", domain, "  - api.example\n              - \"*.example\"\n"}, want: []string{"fault strip_conflict: " + strings.TrimSpace(vhost), "warning strip_ungoverned: " + strings.TrimSpace(vhost)}},
		{name: "a strip of a prefix", policies: two, change: []string{"  - legacy.example\n", "  - old.example\n", domain, "  - api.example\n              - legacy.*\n"}, want: []string{"fault strip_conflict: " + strings.TrimSpace(vhost), "warning strip_ungoverned: " + strings.TrimSpace(vhost)}},
		{name: "a strip of other hosts", policies: shop, change: []string{domain, "  - api.example\n              - www.example\n"}, want: []string{"warning strip_ungoverned: " + strings.TrimSpace(vhost)}},
		{name: "a strip of denied hosts", policies: deny, change: []string{domain, "  - api.example\n              - www.example\n"}},
		{name: "a strip of a part", policies: shop, change: []string{"- access-control-expose-headers\n", "- x-other\n"}, want: []string{"warning strip_incomplete: " + strings.TrimSpace(vhost)}},
		{name: "a strip without Timing-Allow-Origin", policies: timing, change: []string{"              - timing-allow-origin\n", ""}, want: []string{"warning strip_incomplete: " + strings.TrimSpace(vhost)}},
		{name: "Cross-Origin-Resource-Policy of the policy", policies: resource},
		{name: "no Cross-Origin-Resource-Policy", policies: resource, change: []string{"key: cross-origin-resource-policy", "key: x-other"}, want: []string{"fault resource_policy: " + strings.TrimSpace(vhost)}},
		{name: "another Cross-Origin-Resource-Policy", policies: resource, change: []string{"value: same-site", "value: cross-origin"}, want: []string{"fault resource_policy: " + strings.TrimSpace(vhost)}},
		{name: "a filter for every request", policies: resource, change: []string{"key: cross-origin-resource-policy", "key: x-other", "common.matching.v3.ExtensionWithMatcher", "other.v3.Wrapper"}},
		{name: "no strip", policies: shop, change: []string{remove, "              unknown:\n", staticLine, "- { key: corsd-static, value: vary }"}, want: []string{"warning strip_missing: " + strings.TrimSpace(vhost)}},
		{name: "no strip, but each route strips", policies: shop, change: []string{remove, "              unknown:\n", staticLine, "- { key: corsd-static, value: vary }", routes, routes + routeStrips}},
		{
			name: "no strip, and one route does not either", policies: shop,
			change: []string{remove, "              unknown:\n", staticLine, "- { key: corsd-static, value: vary }", routes, routes + routeStrips + "                route: { cluster: your-application }\n              - match: { path: /other }\n"},
			want:   []string{"warning strip_missing: " + strings.TrimSpace(vhost)},
		},
		{
			name: "no strip, and a route that Envoy answers", policies: shop,
			change: []string{remove, "              unknown:\n", staticLine, "- { key: corsd-static, value: vary }", routes, routes + routeStrips + "                route: { cluster: your-application }\n              - match: { path: /other }\n                redirect: {}\n              - match: { path: /third }\n" + routeStrips},
		},
		{name: "no strip, failing closed", policies: shop, change: []string{remove, "              unknown:\n", staticLine, "- { key: corsd-static, value: vary }", open, ""}},

		{name: "Block that fails open", policies: block, change: []string{"failure_mode_allow: false", "failure_mode_allow: true"}, want: []string{"warning fails_open: failure_mode_allow: true"}},
		{name: "a WebSocket check that fails open", policies: shop, against: socket, want: []string{"warning fails_open: " + strings.TrimSpace(vhost)}},
		{name: "a filter that fails closed", policies: shop, against: block, change: []string{open, ""}},
		{name: "a route that fails open", policies: block, change: []string{routes, perRoute("overrides: { failure_mode_allow: true }")}, want: []string{"warning fails_open: typed_per_filter_config: { corsd: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute, overrides: { failure_mode_allow: true } } }"}},

		{name: "the native filter with a policy", policies: shop, change: []string{"          - name: envoy.filters.http.router", filter("envoy.filters.http.cors", native) + "          - name: envoy.filters.http.router", perFilter, perFilter + corsPolicy}, want: []string{"fault native_cors: " + strings.TrimSpace(corsPolicy)}},
		{name: "the native filter without a policy", policies: shop, change: []string{"          - name: envoy.filters.http.router", filter("envoy.filters.http.cors", native) + "          - name: envoy.filters.http.router"}},
		{name: "a policy without the native filter", policies: shop, change: []string{perFilter, perFilter + corsPolicy}},
		{name: "the old field cors", policies: shop, change: []string{"          - name: envoy.filters.http.router", filter("envoy.filters.http.cors", native) + "          - name: envoy.filters.http.router", "route: { cluster: your-application }", "route: { cluster: your-application, cors: {} }"}, want: []string{"fault native_cors: route: { cluster: your-application, cors: {} }"}},
		{name: "a static CORS header", policies: shop, change: []string{"- header: { key: vary", "- header: { key: Access-Control-Allow-Origin, value: \"*\" }\n              - header: { key: vary"}, want: []string{"fault native_cors: - header: { key: Access-Control-Allow-Origin, value: \"*\" }"}},

		{name: "a selector", policies: two, change: []string{routes, perRoute("overrides: { grpc_initial_metadata: [{ key: corsd-policy, value: shop }] }")}, want: []string{"warning strip_missing: - match: { prefix: / }"}},
		{name: "a selector of a policy that changes nothing", policies: two, change: []string{staticLine, staticLine + "\n                    - { key: corsd-policy, value: legacy }"}, want: []string{"fault strip_conflict: " + strings.TrimSpace(vhost)}},
		{name: "an unknown selector", policies: shop, change: []string{staticLine, staticLine + "\n                    - { key: corsd-policy, value: shopp }"}, want: []string{"fault selector_unknown: - { key: corsd-policy, value: shopp }"}},
		{name: "an unknown rule", policies: shop, change: []string{staticLine, staticLine + "\n                    - { key: corsd-policy, value: \"shop#cart\" }"}, want: []string{"fault selector_unknown: - { key: corsd-policy, value: \"shop#cart\" }"}},
		{name: "a selector that Envoy computes", policies: shop, change: []string{staticLine, staticLine + "\n                    - { key: corsd-policy, value: \"%ROUTE_NAME%\" }"}},
		{name: "a misspelt key", policies: shop, change: []string{staticLine, staticLine + "\n                    - { key: corsd_policy, value: shop }"}, want: []string{"fault metadata_unknown: - { key: corsd_policy, value: shop }"}},
		{name: "a key of someone else", policies: shop, change: []string{staticLine, staticLine + "\n                    - { key: x-team, value: shop }"}},

		{name: "another domain", policies: shop, change: []string{domain, "  - www.example\n", staticLine, notStatic, remove, "              unknown:\n"}, want: []string{"warning host_unserved: spec.hosts[0]"}},
		{name: "a domain with a port", policies: shop, change: []string{domain, "  - API.example:443\n"}},
		{name: "a domain with every port", policies: shop, change: []string{domain, "  - \"api.example:*\"\n"}},
		{name: "a domain that ends alike", policies: shop, change: []string{domain, "  - \"*pi.example\"\n"}, want: []string{"warning strip_ungoverned: " + strings.TrimSpace(vhost)}},
		{name: "a longer domain before a shorter", policies: two, change: []string{"  - legacy.example\n", "  - \"*y.example\"\n", domain, "  - \"*.example\"\n"}, want: []string{"warning strip_ungoverned: " + strings.TrimSpace(vhost)}},
	}
}

func TestCheck(t *testing.T) {
	seen := map[string]bool{}
	for _, tt := range rows() {
		t.Run(tt.name, func(t *testing.T) {
			config := write(t, planOf(t, documents(t, tt.policies)), envoypolicy.Options{})
			for i := 0; i < len(tt.change); i += 2 {
				if !strings.Contains(config, tt.change[i]) {
					t.Fatalf("there is no %q in\n%s", tt.change[i], config)
				}
				config = strings.Replace(config, tt.change[i], tt.change[i+1], 1)
			}
			found, messages := check(t, cmp.Or(tt.against, tt.policies), config)
			if diff := gocmp.Diff(tt.want, found); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, messages)
			}
			for _, f := range found {
				seen[f[:strings.Index(f, ":")]] = true
			}
		})
	}
	checkShipped(t, seen)
	text, err := os.ReadFile("codes.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range regexp.MustCompile(`"envoy_(\w+)"`).FindAllStringSubmatch(string(text), -1) {
		if !seen["fault "+code[1]] && !seen["warning "+code[1]] {
			t.Errorf("no row finds envoy_%s", code[1])
		}
		if listed := slices.Contains(envoypolicy.WarningCodes(), spec.Code("envoy_"+code[1])); listed != seen["warning "+code[1]] {
			t.Errorf("envoy_%s is a warning: %v, and WarningCodes lists it: %v", code[1], !listed, listed)
		}
	}
}

// checkShipped compares the configurations of deploy/ with the demo's policies, for which they are, and with changes.
func checkShipped(t *testing.T, seen map[string]bool) {
	demo, err := os.ReadFile("../../deploy/demo/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// ext_authz cannot merge, and cannot fail closed for one virtual host.
	merge, office := "warning unsupported: - name: search", "warning fails_open: - name: office"
	for _, tt := range []struct {
		file, old, new string
		policies       string // replace the demo's
		want           []string
	}{
		{file: "envoy.yaml"},
		{file: "envoy-lean.yaml"},
		{file: "envoy-ext-authz.yaml", want: []string{office, merge}},
		{file: "envoy.yaml", old: "                - { key: corsd-static, value: vary }", new: "                - { key: corsd-static, value: \"vary,strip\" }", want: []string{
			"fault static_false: - { key: corsd-static, value: \"vary,strip\" }",
			"fault strip_conflict: - { key: corsd-static, value: \"vary,strip\" }",
		}},
		{
			file: "envoy-lean.yaml", old: "key: access-control-expose-headers, value: \"%DYN", new: "key: x-expose, value: \"%DYN",
			want: []string{ // three virtual hosts share the headers
				"fault static_false: envoy_grpc: { cluster_name: corsd, authority: strip.vary.set.corsd-static, skip_envoy_headers: true }",
				"fault static_false: envoy_grpc: { cluster_name: corsd, authority: strip.vary.set.corsd-static, skip_envoy_headers: true }",
				"fault static_false: envoy_grpc: { cluster_name: corsd, authority: strip.vary.set.corsd-static, skip_envoy_headers: true }",
			},
		},
		{
			file: "envoy-ext-authz.yaml", old: "              response_headers_to_remove: *cors_headers\n", new: "",
			want: []string{"fault strip_missing: - name: weather", office, merge},
		},
		{
			file: "envoy-ext-authz.yaml", old: "              response_headers_to_add: *vary_origin\n", new: "",
			want: []string{office, merge, "warning vary_missing: - name: weather"},
		},
		{
			file: "envoy-ext-authz.yaml", old: "                    timeout: 0.5s", new: "                    timeout: 600s",
			want: []string{office, "warning timeout: timeout: 600s                            # the default, 0.2s, fires in bursts on a busy machine", merge},
		},
		{
			file: "envoy-ext-authz.yaml", old: "                    timeout: 0.5s", new: "",
			want: []string{office, "warning timeout: envoy_grpc: { cluster_name: corsd, skip_envoy_headers: true }", merge},
		},
		{
			file:     "envoy-ext-authz.yaml",
			policies: "{hosts: [api.shop.example, search.shop.example, legacy.shop.example, office.shop.example, weather.third-party.example], enforcement: Block, preflight: {mode: Forward}, cors: {allowOrigins: [https://www.example], allowCredentials: true, exposeHeaders: [\"*\"], expandExposeHeaders: true}}",
			want: []string{
				"fault strip_missing: - name: legacy",
				"warning fails_open: - name: legacy", "warning fails_open: - name: office", "warning fails_open: - name: search", "warning fails_open: - name: shop", "warning fails_open: - name: weather",
				"warning unsupported: - name: legacy", "warning unsupported: - name: legacy", "warning unsupported: - name: office", "warning unsupported: - name: office", "warning unsupported: - name: search", "warning unsupported: - name: search",
				"warning unsupported: - name: shop", "warning unsupported: - name: shop", "warning unsupported: - name: weather", "warning unsupported: - name: weather",
				"warning vary_missing: - name: legacy",
			},
		},
	} {
		t.Run(tt.file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("../../deploy", tt.file))
			if err != nil || !strings.Contains(string(text), tt.old) {
				t.Fatalf("no %q in %s (%v)", tt.old, tt.file, err)
			}
			found, messages := check(t, cmp.Or(tt.policies, string(demo)), strings.Replace(string(text), tt.old, tt.new, 1))
			if diff := gocmp.Diff(tt.want, found); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, messages)
			}
			for _, f := range found {
				seen[f[:strings.Index(f, ":")]] = true
			}
		})
	}
}

// TestModule: the dynamic module needs what its virtual hosts have, and nothing that only gRPC needs.
func TestModule(t *testing.T) {
	shipped, err := os.ReadFile("../../deploy/envoy-module.yaml")
	if err != nil {
		t.Fatal(err)
	}
	demo, err := os.ReadFile("../../deploy/demo/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const (
		config  = `'{"policy": ["/etc/corsd"]}'`
		selects = "                route: { cluster: weather }\n                typed_per_filter_config: { corsd: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilterPerRoute, filter_name: corsd, filter_config: { \"@type\": type.googleapis.com/google.protobuf.StringValue, value: '{\"policy\": \"NAME\"}' } } }\n"
	)
	for _, row := range []struct {
		name     string
		policies string // "" for the demo's
		change   []string
		want     []string
	}{
		{"the shipped configuration", "", nil, nil},
		{"a module of someone else", "", []string{"- name: corsd\n", "- name: other\n", "filter_name: corsd\n              filter", "filter_name: other\n              filter"}, []string{
			"fault filter_missing: \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
		}},
		{"a route names a policy", "", []string{"                route: { cluster: weather }\n", strings.Replace(selects, "NAME", "weather", 1)}, nil},
		{"a route names none that there is", "", []string{"                route: { cluster: weather }\n", strings.Replace(selects, "NAME", "wether", 1)}, []string{
			"fault selector_unknown: " + strings.TrimSpace(strings.SplitN(strings.Replace(selects, "NAME", "wether", 1), "\n", 2)[1]),
		}},
		{"requests without an Origin need the virtual host", resource, []string{"domains: [api.shop.example]", "domains: [api.example]"}, []string{
			"fault resource_policy: - name: shop", "warning strip_ungoverned: - name: office", "warning strip_ungoverned: - name: weather",
		}},
		{"unless the module decides on all", resource, []string{"domains: [api.shop.example]", "domains: [api.example]", config, `'{"policy": ["/etc/corsd"], "requests": "All"}'`}, []string{
			"warning strip_ungoverned: - name: office", "warning strip_ungoverned: - name: weather",
		}},
	} {
		text := strings.NewReplacer(row.change...).Replace(string(shipped))
		found, messages := check(t, cmp.Or(row.policies, string(demo)), text)
		found = slices.Compact(found)
		if diff := gocmp.Diff(row.want, found); diff != "" {
			t.Errorf("%s (-want +got):\n%s%s", row.name, diff, messages)
		}
	}
}
