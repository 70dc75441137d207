package cluster_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const granted = "cors: {allowOrigins: [https://www.shop.example]}"

// The server has its own opinion of a definition: conditions that are not Established, and warnings.
func TestDefinitionsAreEstablished(t *testing.T) {
	namespace(t) // skips the test if there is no API server
	for _, file := range []string{"corsd.dev_corsdefaults.yaml", "corsd.dev_corspolicies.yaml", "corsd.dev_originsets.yaml"} {
		out := must(t, api.Client, "", "apply", "--server-side", "-f", manifest("crds/"+file))
		if strings.Contains(out, "Warning") {
			t.Errorf("%s: %s", file, out)
		}
	}
	const conditions = `{range .items[*]}{.metadata.name}:{range .status.conditions[?(@.status=="True")]} {.type}{end}{"\n"}{end}`
	want := "corsdefaults.corsd.dev: NamesAccepted Established\n" +
		"corspolicies.corsd.dev: NamesAccepted Established\n" +
		"originsets.corsd.dev: NamesAccepted Established\n"
	if diff := cmp.Diff(want, must(t, api.Client, "", "get", "crd", "-o", "jsonpath="+conditions)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// kubectl shows each fault with its field and what to write. Package test/crd has the rows of the schema; here are those of
// each way in which the server refuses.
func TestFaultsAreShown(t *testing.T) {
	ns := namespace(t)
	for _, row := range []struct {
		why, spec string
		want      []string
		typed     string // the message of server-side apply, if it judges types before the schema does
	}{
		{why: "a rule of the schema", spec: "{hosts: [a.example], cors: {allowOrigins: ['*', https://b.example]}}", want: []string{"spec.cors.allowOrigins: Invalid value", `write "*" alone, or the list without it`}},
		{why: "a rule for an item", spec: "{hosts: ['https://a.example'], " + granted + "}", want: []string{`spec.hosts[0]: Invalid value: "https://a.example": is not a host: write api.shop.example`}},
		{why: "a pattern", spec: "{hosts: [a.example], cors: {allowOrigins: [www.shop.example]}}", want: []string{`spec.cors.allowOrigins[0]: Invalid value: "www.shop.example": spec.cors.allowOrigins[0] in body should match '^([*]|[^:/]+://.*)$'`}},
		{why: "hosts and targets", spec: "{hosts: [a.example], targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: a}], " + granted + "}", want: []string{"write hosts or targetRefs, exactly one of the two"}},
		{why: "neither", spec: "{" + granted + "}", want: []string{"write hosts or targetRefs, exactly one of the two"}},
		{why: "a misspelt value", spec: "{hosts: [a.example], enforcement: enforce, " + granted + "}", want: []string{`spec.enforcement: Unsupported value: "enforce": supported values: "Disabled", "Shadow", "Enforce", "Block"`}},
		{why: "an item that is null", spec: "{hosts: [a.example], cors: {allowOrigins: [null]}}", want: []string{`spec.cors.allowOrigins[0] in body must be of type string: "null"`}},
		{why: "a field that there is not", spec: "{hosts: [a.example], cors: {allowOrigin: []}}", want: []string{`unknown field "spec.cors.allowOrigin"`}, typed: ".spec.cors.allowOrigin: field not declared in schema"},
		{why: "a wrong type", spec: "{hosts: [a.example], enforcement: Off, " + granted + "}", want: []string{`spec.enforcement`, `must be of type string: "boolean"`}, typed: ".spec.enforcement: expected string, got"},
		{why: "two equal dangers", spec: "{hosts: [a.example], dangerouslyAllow: [InsecureOrigins, InsecureOrigins], " + granted + "}", want: []string{`spec.dangerouslyAllow[1]: Duplicate value: "InsecureOrigins"`}, typed: `.spec.dangerouslyAllow: duplicate entries for key [="InsecureOrigins"]`},
	} {
		t.Run(row.why, func(t *testing.T) {
			bad := policy(ns, "bad", row.spec)
			mustFail(t, api.Client, bad, []string{"create", "-f", "-"}, row.want...)
			mustFail(t, api.Client, bad, []string{"apply", "-f", "-"}, row.want...)
			if row.typed != "" {
				row.want = []string{row.typed}
			}
			mustFail(t, api.Client, bad, []string{"apply", "--server-side", "-f", "-"}, row.want...)
		})
	}
}

// The API server takes a null out before it judges an object, unless it comes by server-side apply. So it is unset, while a
// policy file may not have it.
func TestNullIsUnset(t *testing.T) {
	ns := namespace(t)
	object := policy(ns, "nothing", "{hosts: [a.example], cors: {allowOrigins: null, maxAge: 600}}")
	mustFail(t, api.Client, object, []string{"apply", "--server-side", "-f", "-"}, "spec.cors.allowOrigins")
	must(t, api.Client, object, "create", "-f", "-")
	if got := must(t, api.Client, "", "get", "cors", "nothing", "-n", ns, "-o", "jsonpath={.spec.cors}"); got != `{"maxAge":600}` {
		t.Errorf("stored as %s", got)
	}
}

// Unset, an empty list and zero have different meanings, so the API server has to keep them apart.
func TestUnsetStaysUnset(t *testing.T) {
	ns := namespace(t)
	const spec = `{"cors":{"allowMethods":[],"allowOrigins":["https://www.shop.example"],"maxAge":0},"hosts":["api.shop.example"],"rules":[{"match":{"path":{"value":"/a"}},"cors":{"allowCredentials":false,"maxAge":"1h30m"}}]}`
	must(t, api.Client, policy(ns, "shop", spec), "apply", "-f", "-")
	var got, want any
	for text, into := range map[string]*any{spec: &want, must(t, api.Client, "", "get", "cors", "shop", "-n", ns, "-o", "jsonpath={.spec}"): &got} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-applied +stored):\n%s", diff)
	}
}

func TestColumns(t *testing.T) {
	ns := namespace(t)
	must(t, api.Client, policy(ns, "shop", "{hosts: [api.shop.example, '*.cart.example'], "+granted+"}"), "apply", "-f", "-")
	must(t, api.Client, "apiVersion: corsd.dev/v1alpha1\nkind: OriginSet\nmetadata: {name: partners, namespace: "+ns+"}\nspec: {origins: [https://a.example], expires: 2037-01-31}\n", "apply", "-f", "-")
	for _, kind := range []string{"corspolicy/shop", "originset/partners"} {
		must(t, api.Client, "", "patch", kind, "-n", ns, "--subresource=status", "--type=merge", "-p",
			`{"status":{"conditions":[{"type":"Accepted","status":"False","reason":"Conflicted","message":"m","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`)
	}
	for _, row := range []struct{ resource, want string }{
		{"cors", "NAME HOSTS ACCEPTED REASON AGE\nshop [\"api.shop.example\",\"*.cart.example\"] False Conflicted AGE\n"},
		{"originsets", "NAME EXPIRES ACCEPTED REASON AGE\npartners 2037-01-31 False Conflicted AGE\n"},
	} {
		got := regexp.MustCompile(` +`).ReplaceAllString(must(t, api.Client, "", "get", row.resource, "-n", ns), " ")
		got = regexp.MustCompile(`\d+m?\d*s\n`).ReplaceAllString(got, "AGE\n")
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("kubectl get %s (-want +got):\n%s", row.resource, diff)
		}
	}
}

// When a definition becomes stricter, the objects that it would refuse still take labels, status and other fields: only a
// changed field is judged.
func TestOldObjectsCanBeChanged(t *testing.T) {
	c := startAPI(t).Client
	shipped, err := os.ReadFile(manifest("crds/corsd.dev_corspolicies.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	loose := strings.ReplaceAll(string(shipped), "maximum: 299", "maximum: 399")
	must(t, c, loose, "apply", "--server-side", "-f", "-")
	// The server takes a moment until it judges by the new definition.
	const old = "{hosts: [a.example], preflight: {successStatus: 302}, " + granted + "}"
	await(t, func() error {
		_, err := c.Kubectl(t.Context(), policy("default", "old", old), "create", "-f", "-")
		return err
	})
	must(t, c, string(shipped), "apply", "--server-side", "-f", "-")
	await(t, func() error { return refused(t, c, policy("default", "new", old), "create", "-f", "-") })

	must(t, c, "", "label", "cors", "old", "a=b")
	must(t, c, "", "patch", "cors", "old", "--subresource=status", "--type=merge", "-p", `{"status":{"hosts":["a.example"]}}`)
	must(t, c, "", "patch", "cors", "old", "--type=merge", "-p", `{"spec":{"enforcement":"Shadow"}}`)
	mustFail(t, c, "", []string{"patch", "cors", "old", "--type=merge", "-p", `{"spec":{"preflight":{"successStatus":301}}}`}, "should be less than or equal to 299")
	must(t, c, "", "patch", "cors", "old", "--type=merge", "-p", `{"spec":{"preflight":{"successStatus":200}}}`)
}

// lastAccepted keeps a spec as it was written, also fields that the definition does not know.
func TestStatusKeepsTheLastAcceptedSpec(t *testing.T) {
	ns := namespace(t)
	must(t, api.Client, policy(ns, "shop", "{hosts: [a.example], "+granted+"}"), "apply", "-f", "-")
	const status = `{"lastAccepted":{"generation":7,"spec":{"hosts":["a.example"],"newer":{"field":[1,{"a":null}]}}},"ancestors":[{"ancestorRef":{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"a"},"controllerName":"corsd.dev/corsd","conditions":[]}],"diagnostics":[{"severity":"Fault","code":"origin_invalid","message":"m"}]}`
	must(t, api.Client, `{"apiVersion":"corsd.dev/v1alpha1","kind":"CORSPolicy","metadata":{"name":"shop","namespace":"`+ns+`"},"status":`+status+`}`,
		"apply", "--server-side", "--subresource=status", "--field-manager=corsd", "-f", "-")
	var got, want any
	for text, into := range map[string]*any{status: &want, must(t, api.Client, "", "get", "cors", "shop", "-n", ns, "-o", "jsonpath={.status}"): &got} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-applied +stored):\n%s", diff)
	}
}

// What kubectl prints of all resources is a policy file.
func TestCheckReadsWhatKubectlPrints(t *testing.T) {
	ns := namespace(t)
	for _, example := range []string{"docs/examples/shop.yaml", "docs/examples/gateway.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, example))
		if err != nil {
			t.Fatal(err)
		}
		must(t, api.Client, string(text), "apply", "-n", ns, "-f", "-")
	}
	check := exec.CommandContext(t.Context(), corsd, "check", "-")
	check.Stdin = strings.NewReader(must(t, api.Client, "", "get", "corspolicies,originsets", "-n", ns, "-o", "yaml"))
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("corsd check -: %v\n%s", err, out)
	}
}
