package policyfile_test

import (
	"strings"
	"testing"

	"github.com/corsd/corsd/internal/reload"
)

// head begins a policy whose spec follows from line 5 on.
const head = "apiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nmetadata: {name: shop}\nspec:\n"

// granting is the rest of a policy with which nothing is wrong.
const granting = "  hosts: [a.example]\n  cors: {allowOrigins: [https://shop.example]}\n"

// set begins an OriginSet whose spec follows from line 5 on.
const set = "apiVersion: corsd.dev/v1alpha1\nkind: OriginSet\nmetadata: {name: partners}\nspec:\n"

// TestReports holds what is said of documents, and above all what is not: each row
// gives a file and the whole report.
func TestReports(t *testing.T) {
	tests := []struct {
		name string
		file string
		text string
		want string
	}{
		{"an empty file has no policy", "p.yaml", "", `
p.yaml: there is no CORSPolicy (no_policies); hint: a document of kind CORSPolicy`},
		{"empty documents and comments are passed over", "p.yaml", "---\n# c\n---\n" + head + granting + "---\n~\n...\n", ""},
		{"a byte order mark moves no column", "p.yaml", "\ufeffa: 1", `
p.yaml:1:1: a: is not a field here (unknown_field); hint: the fields here are apiVersion, kind, metadata, spec
p.yaml:1:1: apiVersion: is missing (missing_field); hint: corsd.dev/v1alpha1
p.yaml:1:1: kind: is missing (missing_field); hint: one of CORSPolicy, OriginSet, CORSDefaults, CORSTest
p.yaml:1:1: metadata: is missing (missing_field); hint: metadata: {name: …}
p.yaml:1:1: spec: is missing (missing_field); hint: spec: {…}`},
		{"columns count characters", "p.yaml", head + "  hosts: [a.example]\n  cors: {presets: [\"ü\", trace, 1]}", `
p.yaml:6:20: spec.cors.presets[0]: "ü" is not a value of this field (value_invalid); hint: one of grpc-web, connect, tus, mcp, trace, otlp
p.yaml:6:32: spec.cors.presets[2]: "1" is a number where a string is needed (wrong_type); hint: "1"`},
		{"a NUL byte is no text", "p.yaml", "a: b\nc: \x00d", `
p.yaml:2:4: a NUL byte (syntax); hint: UTF-8 text`},
		{"Latin-1 is no text", "p.yaml", "a: b\nc: \"ü\xfc\"", `
p.yaml:2:6: byte 0xFC is not UTF-8 (syntax); hint: UTF-8 text`},
		{"UTF-16 is no text", "p.yaml", "\xff\xfea\x00", `
p.yaml:1:1: is UTF-16 text, as some programs on Windows write it (syntax); hint: UTF-8 text`},

		{"a syntax error hides no other document", "p.yaml", "a: [\n---\nb: {\n---\nc: 'x\n---\n" + head + "  hosts: a\n", `
p.yaml:1:5: did not find expected node content while parsing a flow node (syntax); hint: a value, in quotes where it begins with a bracket, a comma or another sign
p.yaml:3:5: did not find expected node content while parsing a flow node (syntax); hint: a value, in quotes where it begins with a bracket, a comma or another sign
p.yaml:5:4: found unexpected end of stream while scanning a quoted scalar (syntax); hint: close the quote; within single quotes a backslash is itself
p.yaml:11:10: spec.hosts: "a" is a string where a list is needed (wrong_type); hint: ["a"]`},
		{"a second root needs a marker", "p.yaml", "[a]\n[b]\n", `
p.yaml:2:1: did not find expected <document start> (syntax); hint: indent what belongs to the document, or put a line "---" before the next`},
		{"an unknown anchor is mostly a star without quotes", "p.yaml", head + "  hosts: [*]\n---\n" + head + "  hosts: [*x]\n", `
p.yaml:5:12: did not find expected alphabetic or numeric character while scanning an alias (syntax); hint: quote a value that begins with "*"
p.yaml:11:11: unknown anchor 'x' referenced (syntax); hint: quote a value that begins with "*"`},
		{"an alias may not stand in itself", "p.yaml", head + "  hosts: &h [a.example, *h]\n", `
p.yaml:5:25: alias *h stands within what it stands for (syntax); hint: write the value out`},

		{"a set that is not understood is not called unknown", "p.yaml", set + "  origins: [\n---\n" + head + "  hosts: [a.example]\n  cors: {allowOriginSets: [partners]}\n", `
p.yaml:5:13: did not find expected node content while parsing a flow node (syntax); hint: a value, in quotes where it begins with a bracket, a comma or another sign`},
		{"nor one without a name", "p.yaml", strings.Replace(set, "name: partners", "nam: partners", 1) + "  origins: [https://a.example]\n---\n" + head + "  hosts: [a.example]\n  cors: {allowOriginSets: [partners]}\n", `
p.yaml:3:11: metadata.name: is missing (missing_field); hint: a name for the document
p.yaml:3:12: metadata.nam: is not a field here (unknown_field); hint: did you mean name?`},
		{"a set with a fault is known all the same", "p.yaml", set + "  origins: [1]\n---\n" + head + "  hosts: [a.example]\n  cors: {allowOriginSets: [partners, xyz]}\n", `
p.yaml:5:13: spec.origins[0]: "1" is a number where a string is needed (wrong_type); hint: "1"
p.yaml:12:38: spec.cors.allowOriginSets[1]: "xyz" is not the name of an OriginSet (unknown_reference); hint: an OriginSet document of this name`},
		{"a policy that is not understood is still one", "p.yaml", strings.Replace(head, "CORSPolicy", "CORSPolicies", 1) + "  hosts: [a.example]\n", `
p.yaml:2:7: kind: "CORSPolicies" is not a kind of policy document (unknown_kind); hint: did you mean CORSPolicy?`},
		{"hosts of a wrong type are not missing", "p.yaml", head + "  hosts: [1]\n  cors: {allowMethods: [TRACE]}\n", `
p.yaml:5:11: spec.hosts[0]: "1" is a number where a string is needed (wrong_type); hint: "1"
p.yaml:6:25: warning: spec.cors.allowMethods[0]: "TRACE" is a method that no page can use (method_never_sent); hint: remove it`},
		{"a field under another name is not missing", "p.yaml", head + "  domains: [a.example]\n", `
p.yaml:5:3: spec.domains: is not a field here (unknown_field); hint: the fields here are hosts, cors, enforcement, upstreamHeaders, preflight, webSocket, paths, rules, dangerouslyAllow, acknowledge`},
		{"targets of a resource lead nowhere in a file", "p.yaml", head + "  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]\n", `
p.yaml:5:3: spec.targetRefs: is not a field here (unknown_field); hint: hosts: only corsd serve --kubernetes can know where targetRefs lead`},
		{"a waiver that was misspelt does not count as none", "p.yaml", head + "  hosts: [a.example]\n  cors: {allowOrigins: [\"*\"], allowCredentials: true}\n  dangerouslyAllow: AnyOriginWithCredentials\n", `
p.yaml:7:21: spec.dangerouslyAllow: "AnyOriginWithCredentials" is a string where a list is needed (wrong_type); hint: ["AnyOriginWithCredentials"]`},
		{"a rule whose match is not understood conflicts with none", "p.yaml", head + "  hosts: [a.example]\n  rules:\n  - match: {paths: {value: /a}}\n  - match: {method: [GET]}\n", `
p.yaml:7:13: spec.rules[0].match.paths: is not a field here (unknown_field); hint: did you mean path?
p.yaml:8:13: spec.rules[1].match.method: is not a field here (unknown_field); hint: did you mean methods?`},
		{"nor does another with it", "p.yaml", head + "  hosts: [a.example]\n  rules:\n  - match: {paths: {value: /a}}\n---\n" + strings.Replace(head, "shop", "zoo", 1) + "  hosts: [a.example]\n  rules: [{match: {path: {value: /}}}]\n", `
p.yaml:7:13: spec.rules[0].match.paths: is not a field here (unknown_field); hint: did you mean path?`},
		{"a conflict between documents that are understood is told", "p.yaml", "[]\n---\n" + head + "  hosts: [a.example, a.example]\n", `
p.yaml:1:1: is a list where a mapping is needed (wrong_type); hint: {apiVersion: …, kind: …, metadata: …, spec: …}
p.yaml:7:22: spec.hosts[1]: "a.example" is the same host as "a.example", see p.yaml:7:11 (conflict); hint: each host once`},
		{"all faults of one document are told, whoever finds them", "p.yaml", head + "  hosts: [a.example]\n  cors: {allowMethods: PUT, allowHeaders: [Cookie], maxAge: 1d}\n  rules: [{cors: {maxAge: 100000}}]\n", `
p.yaml:6:24: spec.cors.allowMethods: "PUT" is a string where a list is needed (wrong_type); hint: ["PUT"]
p.yaml:6:61: spec.cors.maxAge: "1d" is not a duration (value_invalid); hint: write seconds (600) or a duration ("10m")
p.yaml:6:44: warning: spec.cors.allowHeaders[0]: "Cookie" is a header that no page can set (header_never_sent); hint: remove it
p.yaml:7:27: warning: spec.rules[0].cors.maxAge: "100000" is longer than some browsers remember: Firefox for 86400 s, Chromium for 7200 s, WebKit for 600 s at most (max_age_capped); hint: 600`},

		{"a date may do without quotes", "p.yaml", set + "  origins: [https://p.example]\n  expires: 2027-01-31\n---\n" + head + "  hosts: [a.example]\n  cors: {allowOriginSets: [partners]}\n", ""},
		{"long values are shortened", "p.yaml", head + "  hosts: [a.example]\n  rules: " + strings.Repeat("ü", 150) + "\n", `
p.yaml:6:10: spec.rules: "` + strings.Repeat("ü", 100) + `…" is a string where a list is needed (wrong_type); hint: ["` + strings.Repeat("ü", 100) + `…"]`},
		{"keys that are no names are refused", "p.yaml", head + "  hosts: [a.example]\n  [a]: 1\n  ? {a: 1}\n  : 1\n  \"\": 1\n  1: 1\n  ~: 1\n  \"<<\": 1\n  \"a\\nb\": 1\n", `
p.yaml:6:3: spec: is a list where the name of a field is needed (wrong_type); hint: a name before the colon
p.yaml:7:5: spec: is a mapping where the name of a field is needed (wrong_type); hint: a name before the colon
p.yaml:9:3: spec: is a field without a name (wrong_type); hint: a name before the colon
p.yaml:10:3: spec.1: is not a field here (unknown_field); hint: the fields here are hosts, cors, enforcement, upstreamHeaders, preflight, webSocket, paths, rules, dangerouslyAllow, acknowledge
p.yaml:11:3: spec["~"]: is not a field here (unknown_field); hint: the fields here are hosts, cors, enforcement, upstreamHeaders, preflight, webSocket, paths, rules, dangerouslyAllow, acknowledge
p.yaml:12:3: spec["<<"]: is not a field here (unknown_field); hint: the fields here are hosts, cors, enforcement, upstreamHeaders, preflight, webSocket, paths, rules, dangerouslyAllow, acknowledge
p.yaml:13:3: spec["a\nb"]: is not a field here (unknown_field); hint: the fields here are hosts, cors, enforcement, upstreamHeaders, preflight, webSocket, paths, rules, dangerouslyAllow, acknowledge`},

		{"JSON faults have their places", "p.json", "{\n\t\"apiVersion\": \"corsd.dev\\/v1alpha1\",\n\t\"kind\": \"CORSPolicy\", \"kind\": \"CORSTest\",\n\t\"metadata\": {\"name\": \"a\", \"\\ud83d\\ude80\": 1},\n\t\"spec\": {\"hosts\": [\"a.example\", 1], \"ü\": 1, \"cors\": {\"maxAge\": 1.5}}\n}", `
p.json:3:24: kind: stands here a second time, see p.json:3:2 (duplicate_field); hint: one of the two
p.json:4:28: metadata["🚀"]: is not a field here (unknown_field); hint: the fields here are name, namespace, labels, annotations
p.json:5:34: spec.hosts[1]: "1" is a number where a string is needed (wrong_type); hint: "1"
p.json:5:38: spec["ü"]: is not a field here (unknown_field); hint: the fields here are hosts, cors, enforcement, upstreamHeaders, preflight, webSocket, paths, rules, dangerouslyAllow, acknowledge
p.json:5:65: spec.cors.maxAge: "1.5" is a number where a whole number is needed (wrong_type); hint: seconds (600) or a duration ("10m")`},
		{"JSON may break off", "p.json", "{\n\"a\": [1,", `
p.json:2:9: unexpected end of the JSON document (syntax); hint: close every {, [ and quote`},
		{"JSON has no comma before the end", "p.json", "{\"a\": [1,\n]}", `
p.json:2:1: invalid character ']' looking for beginning of value (syntax); hint: names and texts in double quotes, commas between entries and none behind the last, no comments`},
		{"a JSON file holds one document", "p.json", "{}\n{}", `
p.json:2:1: text after the end of the document (syntax); hint: write one document into each .json file, or several into a YAML file`},
		{"a JSON file holds no YAML", "p.json", "a: b", `
p.json:1:1: invalid character 'a' looking for beginning of value (syntax); hint: names and texts in double quotes, commas between entries and none behind the last, no comments`},
		{"an empty JSON file has no policy", "p.json", " \n", `
p.json: there is no CORSPolicy (no_policies); hint: a document of kind CORSPolicy`},
		{"nor has null", "p.json", "null", `
p.json: there is no CORSPolicy (no_policies); hint: a document of kind CORSPolicy`},
		{"JSON in YAML has its places too", "p.yaml", "# c\n---\n{\"kind\": \"CORSPolicy\",\n\t\"\\ud83d\\ude80\": 1}", `
p.yaml:3:1: apiVersion: is missing (missing_field); hint: corsd.dev/v1alpha1
p.yaml:3:1: metadata: is missing (missing_field); hint: metadata: {name: …}
p.yaml:3:1: spec: is missing (missing_field); hint: spec: {hosts: [api.shop.example], cors: {allowOrigins: [https://www.shop.example]}}
p.yaml:4:2: ["🚀"]: is not a field here (unknown_field); hint: the fields here are apiVersion, kind, metadata, spec`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report := reload.Parse(test.file, []byte(test.text))
			if got := text(t, report); got != strings.TrimPrefix(test.want, "\n") {
				t.Errorf("report:\n%s\nwant:%s", got, test.want)
			}
			for _, d := range report.Faults {
				if d.Hint == "" {
					t.Errorf("no hint what to write instead: %v", d)
				}
			}
			if (report.Engine == nil) != (len(report.Faults) > 0) {
				t.Errorf("engine = %v with %d faults", report.Engine, len(report.Faults))
			}
		})
	}
}

// text is the report without the final line break.
func text(t *testing.T, report *reload.Report) string {
	t.Helper()
	var b strings.Builder
	if err := report.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
