package policyfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/corsd/corsd/pkg/policy/spec"
)

const (
	configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: corsd, labels: {a: 1}}\n"
	list      = "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: \"\"}\nitems:\n"
	// wrong is a policy with a fault at line 5, column 10.
	wrong = policyHead + "  hosts: a.example\n"
)

// indented is a text as the lines of a block scalar.
func indented(by int, text string) string {
	pad := strings.Repeat(" ", by)
	return pad + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+pad) + "\n"
}

// TestUnwrapped has where faults are of policies in ConfigMaps and Lists: in the outer file.
func TestUnwrapped(t *testing.T) {
	const fault = `spec.hosts: "a.example" is a string where a list is needed`
	tests := []struct{ name, text, want string }{
		{"a literal block", configMap + "data:\n  p.yaml: |\n" + indented(4, wrong), "p.yaml:10:14: " + fault},
		{"one that keeps or drops its end", configMap + "data:\n  p.yaml: |-\n" + indented(6, wrong) + "  q.yaml: ''\n", "p.yaml:10:16: " + fault},
		{"one with an indentation indicator", configMap + "data:\n  p.yaml: |2 # c\n" + indented(4, wrong), "p.yaml:10:14: " + fault},
		{"one after blank lines", configMap + "data:\n  p.yaml: |\n\n \n" + indented(4, wrong), "p.yaml:12:14: " + fault},
		{"its second document", configMap + "data:\n  p.yaml: |\n" + indented(4, "---\n# c\n---\n"+wrong), "p.yaml:13:14: " + fault},
		{"lines that end in CRLF", strings.ReplaceAll(configMap+"data:\n  p.yaml: |\n"+indented(4, wrong), "\n", "\r\n"), "p.yaml:10:14: " + fault},
		{"an anchor on the line above", configMap + "data:\n  p.yaml: &a\n    |\n" + indented(4, wrong), `p.yaml:5:11: ` + fault + `, at line 5 of data["p.yaml"]`},
		{"an alias", configMap + "data:\n  p.txt: &a |\n" + indented(4, wrong) + "  p.yaml: *a\n", "p.yaml:10:14: " + fault},
		{"a folded block that joins no lines", configMap + "data:\n  p.yaml: >\n    {apiVersion: corsd.dev/v1alpha1, kind: CORSPolicy,\n\n    metadata: {name: a}, spec: {hosts: a.example}}\n", `p.yaml:5:11: ` + fault + `, at line 2 of data["p.yaml"]`},
		{"double quotes", configMap + "data: {\"p.yaml\": " + fmt.Sprintf("%q", wrong) + "}\n", `p.yaml:4:18: ` + fault + `, at line 5 of data["p.yaml"]`},
		{"an entry of JSON", configMap + "data:\n  p.json: |\n    {\"apiVersion\": \"corsd.dev/v1alpha1\", \"kind\": \"CORSTest\", \"metadata\": {\"name\": \"a\"},\n     \"kind\": 1}\n", "p.yaml:7:6: kind: stands here a second time, see p.yaml:6:42"},
		{"a syntax error", configMap + "data:\n  p.yaml: |\n    a: [\n", "p.yaml:6:9: did not find expected node content while parsing a flow node"},
		{"a control character", configMap + "data:\n  p.yaml: \"a\\nb\\x01\"\n", `p.yaml:5:11: a control character, 0x01, at line 2 of data["p.yaml"]`},
		{"a warning of the policies", configMap + "data:\n  p.yaml: |\n" + indented(4, policyHead+"  hosts: [a.example]\n  host: b\n"), "p.yaml:11:7: spec.host: is not a field here"},
		{"only files that a directory has", configMap + "data:\n  p.txt: x\n  .p.yaml: x\n  p: x\n", ""},
		{"a List", list + "- kind: CORSPolicy\n  apiVersion: corsd.dev/v1alpha1\n  metadata: {name: a}\n  spec: {hosts: a.example}\n", "p.yaml:8:17: " + fault},
		{"a List of our own", strings.NewReplacer("v1", "corsd.dev/v1alpha1", ": List", ": CORSPolicyList").Replace(list) + "- {kind: CORSPolicy, apiVersion: corsd.dev/v1alpha1, metadata: {name: a}, spec: {hosts: a.example}}\n", "p.yaml:5:89: " + fault},
		{"a ConfigMap in a List", list + "-\n" + indented(2, configMap+"data:\n  p.yaml: |\n"+indented(4, wrong)), "p.yaml:15:16: " + fault},
		{"a List in a ConfigMap in a List", list + "-\n" + indented(2, configMap+"data:\n  p.yaml: |\n"+indented(4, list+"-\n"+indented(2, wrong))), "p.yaml:20:18: " + fault},
		{"an empty List", list[:len(list)-1] + " []\n", ""},

		{"a List in a List", list + "- {apiVersion: v1, kind: List, items: []}\n", `p.yaml:5:26: kind: "List" is a list within a list`},
		{"a ConfigMap in a ConfigMap", configMap + "data:\n  p.yaml: |\n" + indented(4, configMap), `p.yaml:7:11: kind: "ConfigMap" is in the data of another ConfigMap`},
		{"a ConfigMap in a List in a ConfigMap", configMap + "data:\n  p.yaml: |\n" + indented(4, list+"- {apiVersion: v1, kind: ConfigMap, data: {}}\n"), `p.yaml:10:30: kind: "ConfigMap" is in the data of another ConfigMap`},
		{"a List without items", "apiVersion: v1\nkind: List\nitem: []\n", "p.yaml:1:1: items: is missing\np.yaml:3:1: item: is not a field here"},
		{"items that are not a list", "apiVersion: v1\nkind: List\nitems: {}\n", "p.yaml:3:8: items: is a mapping where a list is needed"},
		{"another version of a List", "apiVersion: v2\nkind: List\nitems: []\n", `p.yaml:1:13: apiVersion: "v2" is not a known version`},
		{"data that is a list", configMap + "data: [a]\n", "p.yaml:4:7: data: is a list where a mapping is needed"},
		{"an entry that is a mapping", configMap + "data:\n  p.yaml: {a: b}\n", `p.yaml:5:11: data["p.yaml"]: is a mapping where a string is needed`},
		{"binary data", configMap + "binaryData: {p.txt: eA==, p.yaml: eA==}\n", `p.yaml:4:35: binaryData["p.yaml"]: is binary data, and policies are UTF-8 text`},
		{"a field that a ConfigMap does not have", configMap + "spec: {}\n", "p.yaml:4:1: spec: is not a field here"},
		{"a list of others", strings.Replace(list, ": List", ": PodList", 1), `p.yaml:2:7: kind: "PodList" is not a kind of policy document`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, d := range parsed(defaultLimits(), "p.yaml", test.text) {
				line, hint, _ := strings.Cut(d.String(), " ("+string(d.Code)+")")
				if got = append(got, line); hint == "" {
					t.Errorf("no hint what to write instead: %v", d)
				}
			}
			if strings.Join(got, "\n") != test.want {
				t.Errorf("faults:\n%s\nwant:\n%s", strings.Join(got, "\n"), test.want)
			}
		})
	}
}

// TestLost: a part of a List or ConfigMap that was not read is not called missing elsewhere.
func TestLost(t *testing.T) {
	for _, text := range []string{
		configMap + "binaryData: {p.yaml: eA==}\n", list + "- 1\n", configMap + "data: {p.yaml: 1}\n", "apiVersion: v1\nkind: List\n",
	} {
		f := parse(defaultLimits(), "p.yaml", []byte(text))
		unknown := spec.Diagnostic{Code: spec.CodeNoPolicies}
		if faults, _ := f.Locate([]spec.Diagnostic{unknown}, nil); has(faults, spec.CodeNoPolicies) || len(faults) == 0 {
			t.Errorf("%q: %v", text, faults)
		}
	}
}

// TestBoundsOfUnwrapped: what is in a List or a ConfigMap counts as if it was in the file.
func TestBoundsOfUnwrapped(t *testing.T) {
	bounds := defaultLimits()
	bounds.documents, bounds.fileBytes = 10, 1000
	items := func(n int) string { return list + strings.Repeat("- null\n", n) }
	// The file itself is one document, and each entry has one at least.
	entries := func(n int) string {
		return configMap + "data:\n  p.yaml: |\n" + strings.Repeat("    ---\n", n-2) + "  q.yaml: |\n    # c\n"
	}
	repeated := func(n int) string {
		return configMap + "data:\n  p.yaml: &a \"" + strings.Repeat("#", 200) + "\"\n  a.yaml: *a\n  b.yaml: *a\n  c.yaml: *a\n" +
			"  z.yaml: \"" + strings.Repeat("#", n-800) + "\"\n"
	}
	tests := []struct {
		name, text, want string
	}{
		{"nine items in a list", items(9), ""},
		{"ten items in a list", items(10), "p.yaml: more than 10 documents in one file (limit_exceeded); hint: several files"},
		{"ten documents with those of a ConfigMap", entries(10), ""},
		{"eleven documents with those of a ConfigMap", entries(11), "p.yaml: more than 10 documents in one file (limit_exceeded); hint: several files"},
		{"1,000 bytes of aliases", repeated(1000), ""},
		{"1,001 bytes of aliases", repeated(1001), `p.yaml:9:11: data["z.yaml"]: makes more than 1,000 bytes in the ConfigMaps of one file (limit_exceeded); hint: several files`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			for _, d := range parsed(bounds, "p.yaml", test.text) {
				if d.Code == spec.CodeLimitExceeded {
					got += d.String()
				}
			}
			if got != test.want {
				t.Errorf("limit_exceeded: %q, want %q", got, test.want)
			}
		})
	}
}

// TestInputBounds: standard input may have as many bytes as a file, and may fail.
func TestInputBounds(t *testing.T) {
	bounds := defaultLimits()
	bounds.fileBytes = 100
	for n, want := range map[int]string{
		100: "", 101: "<stdin>: more than 100 bytes in one file (limit_exceeded); hint: several files",
	} {
		got := ""
		for _, d := range faultsOf(readWithInput(bounds, []string{"-"}, bytes.NewReader(bytes.Repeat([]byte("#"), n)))) {
			got += d.String()
		}
		if got != want {
			t.Errorf("%d bytes: %q, want %q", n, got, want)
		}
	}
	faults := faultsOf(ReadWithInput([]string{"-"}, iotest.ErrReader(errors.New("gone"))))
	if len(faults) != 1 || faults[0].String() != "<stdin>: cannot be read: gone (source_unreadable); hint: another file" {
		t.Errorf("faults %v", faults)
	}
}

// TestSkipped has which documents of standard input are skipped. In files none is.
func TestSkipped(t *testing.T) {
	document := func(version, kind string) string { return "apiVersion: " + version + "\nkind: " + kind + "\n" }
	inData := func(text string) string { return configMap + "data:\n  p.yaml: |\n" + indented(4, text) }
	tests := []struct {
		name, text, skipped string // what is skipped, "" for nothing
	}{
		{"a Deployment", document("apps/v1", "Deployment"), "Deployment"},
		{"a policy of another", document("kuadrant.io/v1", "DNSPolicy"), "DNSPolicy"},
		{"a list of others", document("v1", "PodList"), "PodList"},
		{"a Secret", document("v1", "Secret") + "data: {a: eA==}\n", "Secret"},
		{"a policy whose hosts the cluster knows", document("corsd.dev/v1alpha1", "CORSPolicy") +
			"metadata: {name: a}\nspec: {targetRefs: [{kind: Gateway, name: g}]}\n", "CORSPolicy with targetRefs"},
		{"an item of a list", list + "- {apiVersion: v1, kind: Pod}\n", "Pod"},
		{"the configuration of another program", inData("server: {cors: true}\n"), skippedData},
		{"such that is not YAML", inData("a: [\n"), skippedData},
		{"such that is a list", inData("- a\n"), skippedData},
		{"the manifest of another program", inData(document("v1", "ConfigMap")), skippedData},
		{"binary data", configMap + "binaryData: {p.json: eA==}\n", ""},

		{"a kind that is misspelt", document("example.com/v1", "CorsPolicy"), ""},
		{"a group that is misspelt", document("corsd.de/v1", "Deployment"), ""},
		{"a version that there is not", document("corsd.dev/v7", "Deployment"), ""},
		{"no kind", "apiVersion: v1\n", ""},
		{"no apiVersion", "kind: Pod\n", ""},
		{"a kind that is not a string", "apiVersion: v1\nkind: 1\n", ""},
		{"a list at the top", "- a\n", ""},
		{"a Secret with policies", document("v1", "Secret") + "data: {a: Y29yc2QuZGV2}\n", ""},
		{"data with our group", inData("apiversion: corsd.dev/v1alpha1\n"), ""},
		{"data with our kind", inData("kynd: corspolicy\n"), ""},
		{"data with our kind that is not YAML", inData("kind: CORSPolicy\na: [\n"), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := ReadWithInput([]string{"-"}, strings.NewReader(test.text))
			faults := faultsOf(f)
			if test.skipped != "" && (len(f.Skipped) != 1 || f.Skipped[test.skipped] != 1 || len(faults) > 0) {
				t.Errorf("skipped %v, faults %v, want one %s", f.Skipped, faults, test.skipped)
			}
			if test.skipped == "" && (len(f.Skipped) > 0 || len(faults) == 0 && test.name != "binary data") {
				t.Errorf("skipped %v, faults %v", f.Skipped, faults)
			}
			if f = parse(defaultLimits(), "p.yaml", []byte(test.text)); len(f.Skipped) > 0 || len(faultsOf(f)) == 0 {
				t.Errorf("in a file: skipped %v, faults %v", f.Skipped, faultsOf(f))
			}
		})
	}
}
