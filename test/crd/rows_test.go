package crd_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// shop is a policy without a fault but for what is added to its spec.
const shop = "hosts: [api.shop.example]\n"

// many returns a list of n elements.
func many(n int, format string) string {
	var list []string
	for i := range n {
		list = append(list, strings.ReplaceAll(format, "N", fmt.Sprint(i)))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// What a definition refuses, `corsd check` refuses too, unless it is a bound of the definition. The message says what to write.
func TestRefused(t *testing.T) {
	for _, row := range []struct {
		why, kind, spec string
		want            string // a part of a message
		bound           bool   // `corsd check` accepts it
	}{
		{why: "a list is needed", spec: shop + "cors: {allowOrigins: https://www.shop.example}", want: `spec.cors.allowOrigins: Invalid value: "string": spec.cors.allowOrigins in body must be of type array`},
		{why: "true or false is needed", spec: shop + "cors: {allowOrigins: [], allowCredentials: 'true'}", want: `spec.cors.allowCredentials in body must be of type boolean: "string"`},
		{why: "a whole number is needed", spec: shop + "cors: {allowOrigins: [], maxAge: 1.5}", want: "spec.cors.maxAge in body must be of type integer,string"},
		{why: "YAML 1.1 reads Off as false, which is why the value is Disabled", spec: shop + "cors: {allowOrigins: []}\nenforcement: Off", want: `spec.enforcement in body must be of type string: "boolean"`},
		{why: "a misspelt value is refused with those that there are", spec: shop + "cors: {allowOrigins: []}\nenforcement: enforce", want: `spec.enforcement: Unsupported value: "enforce": supported values: "Disabled", "Shadow", "Enforce", "Block"`},
		{why: "a preset that there is not", spec: shop + "cors: {allowOrigins: [], presets: [grpc]}", want: `spec.cors.presets[0]: Unsupported value: "grpc": supported values: "grpc-web"`},
		{why: "a danger that there is not", spec: shop + "cors: {allowOrigins: []}\ndangerouslyAllow: [Everything]", want: `spec.dangerouslyAllow[0]: Unsupported value: "Everything"`},
		{why: "faults cannot be acknowledged", spec: shop + "cors: {allowOrigins: []}\nacknowledge: [origin_invalid]", want: `spec.acknowledge[0]: Unsupported value: "origin_invalid"`},
		{why: "a resource policy that there is not", spec: shop + "cors: {allowOrigins: [], crossOriginResourcePolicy: none}", want: `Unsupported value: "none": supported values: "same-origin", "same-site", "cross-origin"`},
		{why: "a field that there is not", spec: shop + "cors: {allowOrigins: [], allowOrigin: []}", want: `unknown field "spec.cors.allowOrigin"`},
		{why: "a field of cors beside it", spec: shop + "cors: {}\nallowOrigins: []", want: `unknown field "spec.allowOrigins"`},
		{why: "null is not an item", spec: shop + "cors: {allowOrigins: [null]}", want: `spec.cors.allowOrigins[0] in body must be of type string: "null"`},

		{why: "a policy names hosts or targets, not both", spec: shop + "cors: {allowOrigins: []}\ntargetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: a}]", want: "write hosts or targetRefs, exactly one of the two"},
		{why: "a policy names hosts or targets, not neither", spec: "cors: {allowOrigins: []}", want: "write hosts or targetRefs, exactly one of the two"},
		{why: "no host is named", spec: "hosts: []\ncors: {allowOrigins: []}", want: "spec.hosts in body should have at least 1 items"},
		{why: "a host has no scheme", spec: "hosts: [https://api.shop.example]\ncors: {allowOrigins: []}", want: "spec.hosts[0]: Invalid value: \"https://api.shop.example\": is not a host: write api.shop.example"},
		{why: "a host has no port", spec: "hosts: ['api.shop.example:8443']\ncors: {allowOrigins: []}", want: "without scheme, port and path"},
		{why: "a host has no path", spec: "hosts: [api.shop.example/a]\ncors: {allowOrigins: []}", want: "without scheme, port and path"},
		{why: "a wildcard is the whole first label", spec: "hosts: ['api.*.example']\ncors: {allowOrigins: []}", want: "is not a host: write"},
		{why: "a Service is not a target", spec: "cors: {allowOrigins: []}\ntargetRefs: [{group: gateway.networking.k8s.io, kind: Service, name: a}]", want: `supported values: "Gateway", "HTTPRoute", "GRPCRoute"`},
		{why: "a target is of the Gateway API", spec: "cors: {allowOrigins: []}\ntargetRefs: [{group: networking.istio.io, kind: Gateway, name: a}]", want: `supported values: "gateway.networking.k8s.io"`},
		{why: "a target has a name", spec: "cors: {allowOrigins: []}\ntargetRefs: [{group: gateway.networking.k8s.io, kind: Gateway}]", want: "spec.targetRefs[0].name: Required value"},
		{why: "a target is of the same namespace", spec: "cors: {allowOrigins: []}\ntargetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: a, namespace: b}]", want: `unknown field "spec.targetRefs[0].namespace"`},

		{why: "an origin has a scheme", spec: shop + "cors: {allowOrigins: [www.shop.example]}", want: "spec.cors.allowOrigins[0]: Invalid value: \"www.shop.example\": spec.cors.allowOrigins[0] in body should match '^([*]|[^:/]+://.*)$'"},
		{why: "null is allowed elsewhere", spec: shop + "cors: {allowOrigins: ['null']}", want: "in body should match '^([*]|[^:/]+://.*)$'"},
		{why: "every origin and one more", spec: shop + "cors: {allowOrigins: ['*', https://www.shop.example]}", want: `spec.cors.allowOrigins: Invalid value: "*" allows every origin, so what stands beside it has no meaning: write "*" alone`},
		{why: "every origin and an expression", spec: shop + "cors: {allowOrigins: ['*'], allowOriginRegexes: ['https://a\\.shop\\.example']}", want: `what stands beside it has no meaning`},
		{why: "every origin and a set", spec: shop + "cors: {allowOrigins: ['*'], allowOriginSets: [partners]}", want: `what stands beside it has no meaning`},
		{why: "every origin and one more, in a rule", spec: shop + "rules: [{cors: {allowOrigins: ['*', https://www.shop.example]}}]", want: `spec.rules[0].cors.allowOrigins: Invalid value`},
		{why: "every origin and one more, in the defaults", kind: "CORSDefaults", spec: "cors: {allowOrigins: ['*', https://www.shop.example]}", want: `what stands beside it has no meaning`},
		{why: "every origin with credentials", spec: shop + "cors: {allowOrigins: ['*'], allowCredentials: true}", want: `spec.cors.allowOrigins: Invalid value: "*" lets every site read with credentials: write the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		{why: "every origin with credentials, in a rule", spec: shop + "rules: [{cors: {allowOrigins: ['*'], allowCredentials: true}}]", want: `spec.rules: Invalid value: "*" in the allowOrigins of a rule lets every site read with credentials`},
		{why: "every origin with credentials is another danger", spec: shop + "cors: {allowOrigins: ['*'], allowCredentials: true}\ndangerouslyAllow: [InsecureOrigins]", want: "lets every site read with credentials"},
		{why: "every origin in a set", kind: "OriginSet", spec: "origins: ['*']", want: `spec.origins[0]: Invalid value: "*": is not an origin: write scheme://host[:port]`},
		{why: "a set ends on a day", kind: "OriginSet", spec: "origins: []\nexpires: next year", want: `spec.expires: Invalid value: "next year": is not a date: write one such as 2027-01-31`},

		{why: "one name for each item", spec: shop + "cors: {allowOrigins: [], allowHeaders: ['X-A, X-B']}", want: `spec.cors.allowHeaders[0]: Invalid value: "X-A, X-B": is not one header name: write one entry of the list for each name`},
		{why: "one exposed name for each item", spec: shop + "cors: {allowOrigins: [], exposeHeaders: ['X-A X-B']}", want: "is not one header name: write one entry of the list for each name"},
		{why: "one method for each item", spec: shop + "cors: {allowOrigins: [], allowMethods: ['GET,PUT']}", want: "is not one method: write one entry of the list for each method"},
		{why: "a time has a unit", spec: shop + "cors: {allowOrigins: [], maxAge: '600'}", want: "spec.cors.maxAge in body should match"},
		{why: "a time is not in days", spec: shop + "cors: {allowOrigins: [], maxAge: 1d}", want: "spec.cors.maxAge in body should match"},

		{why: "a rule by origin has some", spec: shop + "rules: [{match: {origins: []}, cors: {allowOrigins: []}}]", want: "a rule that matches no origin matches nothing: leave origins and originSets out"},
		{why: "a rule by origin is not for every origin", spec: shop + "rules: [{match: {origins: ['*']}, cors: {allowOrigins: []}}]", want: "spec.rules[0].match.origins[0] in body should match '^[^:/]+://.*$'"},
		{why: "a rule by method has some", spec: shop + "rules: [{match: {methods: []}, cors: {allowOrigins: []}}]", want: "spec.rules[0].match.methods in body should have at least 1 items"},
		{why: "a rule by method is not for every method", spec: shop + "rules: [{match: {methods: ['*']}, cors: {allowOrigins: []}}]", want: "leave methods out to match every method"},
		{why: "a path begins with a slash", spec: shop + "rules: [{match: {path: {value: api}}, cors: {allowOrigins: []}}]", want: `spec.rules[0].match.path.value: Invalid value: does not begin with "/": write a path such as /api`},
		{why: "a path has a value", spec: shop + "rules: [{match: {path: {type: Exact}}, cors: {allowOrigins: []}}]", want: "spec.rules[0].match.path.value: Required value"},
		{why: "the name of a rule is visible", spec: shop + "rules: [{name: a b, cors: {allowOrigins: []}}]", want: "is not made of visible ASCII characters: write letters, digits and -"},
		{why: "a redirect does not refuse", spec: shop + "cors: {allowOrigins: []}\npreflight: {denyStatus: 301}", want: "spec.preflight.denyStatus: Invalid value: 301: is not 200 to 299 or 400 to 499: write 403"},
		{why: "a failure does not grant", spec: shop + "cors: {allowOrigins: []}\npreflight: {successStatus: 403}", want: "spec.preflight.successStatus in body should be less than or equal to 299"},
		{why: "an empty list of hosts that no policy names", kind: "CORSDefaults", spec: "unmatchedHosts: Refuse", want: `supported values: "PassThrough", "Deny"`},

		{why: "65 hosts", spec: "hosts: " + many(65, "hN.example") + "\ncors: {allowOrigins: []}", want: "spec.hosts: Too many: 65: must have at most 64 items", bound: true},
		{why: "1001 origins", spec: shop + "cors: {allowOrigins: " + many(1001, "https://hN.example") + "}", want: "spec.cors.allowOrigins: Too many: 1001: must have at most 1000 items", bound: true},
		{why: "257 rules", spec: shop + "rules: " + many(257, "{match: {path: {value: /N}}, cors: {allowOrigins: []}}"), want: "spec.rules: Too many: 257: must have at most 256 items", bound: true},
		{why: "257 headers", spec: shop + "cors: {allowOrigins: [], allowHeaders: " + many(257, "X-N") + "}", want: "spec.cors.allowHeaders: Too many: 257: must have at most 256 items", bound: true},
		{why: "10001 origins of a set", kind: "OriginSet", spec: "origins: " + many(10001, "https://hN.example"), want: "spec.origins: Too many: 10001: must have at most 10000 items", bound: true},
		{why: "a danger that is named twice", spec: shop + "cors: {allowOrigins: []}\ndangerouslyAllow: [InsecureOrigins, InsecureOrigins]", want: `spec.dangerouslyAllow[1]: Duplicate value: "InsecureOrigins"`, bound: true},
	} {
		t.Run(row.why, func(t *testing.T) {
			faults := judge(t, row.kind, row.spec)
			if !strings.Contains(strings.Join(faults, "\n"), row.want) {
				t.Errorf("got  %q\nwant one with %q", faults, row.want)
			}
			if err := check(row.kind, row.spec); (err == nil) != row.bound {
				t.Errorf("corsd check: %v", err)
			}
		})
	}
}

// What stands at the edge of what `corsd check` accepts, the definitions accept too.
func TestAccepted(t *testing.T) {
	for _, row := range []struct{ why, kind, spec string }{
		{why: "hosts of every form", spec: "hosts: ['*', '*.shop.example', '{Tenant_1-a}.app.example', API.Shop.Example., '[2001:db8::1]', 192.0.2.1, localhost, under_score.example]\ncors: {allowOrigins: []}"},
		{why: "64 hosts", spec: "hosts: " + many(64, "hN.example") + "\ncors: {allowOrigins: []}"},
		{why: "the longest host", spec: "hosts: ['{" + strings.Repeat("t", 63) + "}." + strings.Repeat("abcdefg.", 31) + "abcde']\ncors: {allowOrigins: []}"},
		{why: "a policy without cors and rules", spec: shop + "enforcement: Shadow"},
		{why: "origins of every form", spec: shop + "cors: {allowOrigins: [https://www.shop.example, 'http://localhost:*', https://*.shop.example, 'HTTPS://A.example:443', 'https://[2001:db8::1]:8443', app://., capacitor://, file://, 'https://*']}"},
		{why: "the longest origin", spec: shop + "cors: {allowOrigins: [" + strings.Repeat("a", 64) + "://" + strings.Repeat("abcdefg.", 31) + "abcde:65535]}"},
		{why: "a tenant's origin", spec: "hosts: ['{tenant}.app.example']\ncors: {allowOrigins: ['https://{tenant}.shop.example:*']}"},
		{why: "every origin, and null", spec: shop + "cors: {allowOrigins: ['*'], allowNullOrigin: true, allowOriginRegexes: [], allowOriginSets: []}"},
		{why: "every origin with credentials, waived", spec: shop + "cors: {allowOrigins: ['*'], allowCredentials: true}\nrules: [{match: {path: {value: /a}}, cors: {allowOrigins: ['*'], allowCredentials: true}}]\ndangerouslyAllow: [AnyOriginWithCredentials]"},
		{why: "every origin with credentials in the defaults grants nothing by itself", kind: "CORSDefaults", spec: "cors: {allowOrigins: ['*'], allowCredentials: true}"},
		{why: "exposed headers that are expanded by the policy", spec: shop + "cors: {allowOrigins: [https://www.shop.example], expandExposeHeaders: true}\nrules: [{match: {path: {value: /a}}, cors: {allowCredentials: true, exposeHeaders: ['*']}}]"},
		{why: "names of every character", spec: shop + "cors: {allowOrigins: [], allowHeaders: [\"!#$%&'+-.^_`|~09azAZ\", '*', X-Amz-*], exposeHeaders: [X-*, ETag], allowMethods: [\"!#$%&'+-.^_`|~09azAZ\", '*', get]}"},
		{why: "times of every form", spec: shop + "cors: {allowOrigins: [], maxAge: 1h30m}\nrules: [" + times("0", "86400", "'0'", "'+10m'", "1.5h", "90000ms", ".5h", "2.m", "60000000us", "60000000µs", "60000000000ns", "9223372036854775807") + "]"},
		{why: "empty lists mean none", spec: shop + "cors: {allowOrigins: [], allowOriginRegexes: [], allowOriginSets: [], allowMethods: [], allowHeaders: [], exposeHeaders: [], presets: []}\nrules: []\ndangerouslyAllow: []\nacknowledge: []"},
		{why: "empty mappings", spec: shop + "cors: {}\npreflight: {}\nwebSocket: {}\npaths: {}\nrules: [{match: {path: {value: /}}, cors: {}, preflight: {}, webSocket: {}}]"},
		{why: "a rule for sets of origins alone", spec: shop + "rules: [{match: {origins: [], originSets: [s]}, cors: {allowCredentials: true}}]"},
		{why: "paths of every type", spec: shop + "cors: {allowOrigins: []}\nrules: [" + strings.Join([]string{
			"{match: {path: {value: /a}}}", "{match: {path: {type: Exact, value: /caf%C3%A9}}}", "{match: {path: {type: RegularExpression, value: '.*[.]json'}}}", "{name: 'a#b/c', match: {path: {type: PathPrefix, value: /b/}, methods: [GET, put]}}", "{name: '', match: {path: {type: Exact, value: /d}}}",
		}, ", ") + "]"},
		{why: "statuses at the bounds", spec: shop + "cors: {allowOrigins: []}\npreflight: {successStatus: 200, denyStatus: 499}\nrules: [{match: {path: {value: /a}}, preflight: {successStatus: 299, denyStatus: 400}}, {match: {path: {value: /b}}, preflight: {denyStatus: 299}}, {match: {path: {value: /c}}, preflight: {denyStatus: 200}}]"},
		{why: "1000 origins", spec: shop + "cors: {allowOrigins: " + many(1000, "https://hN.example") + "}"},
		{why: "256 rules", spec: shop + "rules: " + many(256, "{match: {path: {value: /N}}, cors: {allowOrigins: []}}")},
		{why: "10000 origins of a set", kind: "OriginSet", spec: "origins: " + many(10000, "https://hN.example")},
		{why: "a set that sets nothing", kind: "OriginSet", spec: "{}"},
		{why: "a set without origins", kind: "OriginSet", spec: "origins: []\nowner: Team A\nexpires: 2027-01-31"},
		{why: "defaults without settings", kind: "CORSDefaults", spec: "{}"},
	} {
		t.Run(row.why, func(t *testing.T) {
			if faults := judge(t, row.kind, row.spec); len(faults) > 0 {
				t.Errorf("refused: %q", faults)
			}
			if err := check(row.kind, row.spec); err != nil {
				t.Errorf("the row is wrong: corsd check: %v", err)
			}
		})
	}
}

// Targets are for resources alone.
func TestTargetsAccepted(t *testing.T) {
	const spec = `targetRefs:
- {group: gateway.networking.k8s.io, kind: Gateway, name: public, sectionName: https}
- {group: gateway.networking.k8s.io, kind: HTTPRoute, name: cart}
- {group: gateway.networking.k8s.io, kind: GRPCRoute, name: stock}
cors: {allowOrigins: [https://www.shop.example]}`
	if faults := judge(t, "CORSPolicy", spec); len(faults) > 0 {
		t.Errorf("refused: %q", faults)
	}
}

// times returns rules with these values of maxAge.
func times(values ...string) string {
	var rules []string
	for i, value := range values {
		rules = append(rules, fmt.Sprintf("{match: {path: {value: /%d}}, cors: {maxAge: %s}}", i, value))
	}
	return strings.Join(rules, ", ")
}

// check returns the faults that `corsd check` reports of a document, beside a policy and a set named s.
func check(kind, spec string) error {
	text := document(kind, spec)
	if kind == "" || kind == "CORSPolicy" {
		text += "---\n" + document("OriginSet", "origins: [https://a.example]")
	} else {
		text += "---\n" + document("CORSPolicy", shop+"cors: {allowOrigins: []}")
	}
	_, err := compile([]byte(text))
	return err
}

// document returns a document as text; kind "" stands for CORSPolicy.
func document(kind, spec string) string {
	if kind == "" {
		kind = "CORSPolicy"
	}
	return "apiVersion: corsd.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: s}\nspec:\n  " + strings.ReplaceAll(spec, "\n", "\n  ") + "\n"
}

// judge returns why a definition refuses a document.
func judge(t *testing.T, kind, spec string) []string {
	t.Helper()
	object := decode(t, []byte(document(kind, spec)))[0]
	kind, _ = object["kind"].(string)
	faults := definitionOf(t, kind).faults(object)
	slices.Sort(faults)
	return faults
}
