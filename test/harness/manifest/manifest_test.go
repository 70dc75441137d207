package manifest_test

import (
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/manifest"
)

const service = `
apiVersion: v1
kind: Service
metadata: { name: corsd }
spec:
  clusterIP: None
  ports: [{ port: 9002, targetPort: grpc }]
`

func TestCheck(t *testing.T) {
	s, err := manifest.Load([]byte(`
kind: CustomResourceDefinition
spec:
  group: corsd.dev
  names: { kind: Sample }
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              hosts: { type: array, items: { type: string, pattern: '^[a-z.]+$' } }
              maxAge: { x-kubernetes-int-or-string: true }
              any: { type: object, x-kubernetes-preserve-unknown-fields: true }
            oneOf: [{ required: [hosts] }, { required: [any] }]
`))
	if err != nil {
		t.Fatal(err)
	}
	sample := func(spec string) string { return "apiVersion: corsd.dev/v1\nkind: Sample\nspec: " + spec }
	for _, row := range []struct{ why, text, fault string }{
		{"a Service", service, ""},
		{"two documents and an empty one", service + "\n---\n# nothing\n---\n" + service, ""},
		{"no document", "# nothing", "there is no manifest"},
		{"an unknown field", strings.Replace(service, "clusterIP", "clusterIp", 1), "additional properties 'clusterIp' not allowed"},
		{"a wrong type", strings.Replace(service, "9002", "'9002'", 1), "want integer"},
		{"a value of YAML 1.1", strings.Replace(service, "None", "Off", 1), "got boolean, want string"},
		{"a field that stands twice", service + "  clusterIP: None", `"clusterIP" already set`},
		{"an unknown kind", "apiVersion: v1\nkind: Services", `there is no schema of "v1 Services"`},
		{"an unknown version", "apiVersion: apps/v2\nkind: Deployment", `there is no schema of "apps/v2 Deployment"`},
		{"a list", "- a", "is not a mapping"},
		{"a kind of a definition", sample("{ hosts: [a.b], maxAge: 10m }"), ""},
		{"a number for an int-or-string", sample("{ hosts: [a.b], maxAge: 600 }"), ""},
		{"a pattern", sample("{ hosts: [A] }"), "does not match pattern"},
		{"an unknown field of a definition", sample("{ host: a }"), "additional properties 'host' not allowed"},
		{"fields that are not listed", sample("{ any: { thing: 1 } }"), ""},
		{"both of one of two", sample("{ hosts: [a], any: {} }"), "oneOf"},
	} {
		t.Run(row.why, func(t *testing.T) {
			switch err := s.Check([]byte(row.text)); {
			case row.fault == "" && err != nil:
				t.Error(err)
			case row.fault != "" && (err == nil || !strings.Contains(err.Error(), row.fault)):
				t.Errorf("%v, want %q", err, row.fault)
			}
		})
	}
}

func TestNotADefinition(t *testing.T) {
	for _, text := range []string{service, "kind: CustomResourceDefinition", "a: [", "kind: CustomResourceDefinition\nspec: { versions: [{ name: v1 }] }"} {
		if _, err := manifest.Load([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
