package cluster_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// The admission policy refuses hosts that the namespace was not granted.
func TestHostGrants(t *testing.T) {
	c := startAPI(t).Client
	old := policy("default", "old", "{hosts: [old.example], "+granted+"}")
	must(t, c, old, "create", "-f", "-")
	must(t, c, "", "apply", "-k", manifest("tenancy"))
	await(t, func() error {
		return refused(t, c, policy("default", "a", "{hosts: [a.example], "+granted+"}"), "create", "-f", "-")
	})

	for i, row := range hostGrants(t) {
		t.Run(row.Why, func(t *testing.T) {
			ns := fmt.Sprintf("grants-%d", i)
			must(t, c, "", "create", "namespace", ns)
			if row.Grants != "" {
				must(t, c, "", "annotate", "namespace", ns, "corsd.dev/hosts="+row.Grants)
			}
			hosts := `["` + strings.Join(row.Hosts, `", "`) + `"]`
			create := []string{"create", "--dry-run=server", "-f", "-"}
			object := policy(ns, "a", "{hosts: "+hosts+", "+granted+"}")
			want := ", not " + strings.Join(row.Refused, ", ") + ": the annotation corsd.dev/hosts of the namespace lists the hosts"
			await(t, func() error { // the annotation reaches the admission policy a moment later
				out, err := c.Kubectl(t.Context(), object, create...)
				switch {
				case len(row.Refused) == 0:
					return err
				case err == nil:
					return errors.New("accepted")
				case !strings.Contains(out, "host_not_granted: namespace "+ns+" may name ") || !strings.Contains(out, want):
					return fmt.Errorf("%w, want %q", err, want)
				}
				return nil
			})
		})
	}

	t.Run("a policy that is older than the grants keeps its labels and status, but not its spec", func(t *testing.T) {
		must(t, c, "", "label", "cors", "old", "a=b")
		must(t, c, "", "patch", "cors", "old", "--subresource=status", "--type=merge", "-p", `{"status":{"hosts":["old.example"]}}`)
		mustFail(t, c, "", []string{"patch", "cors", "old", "--type=merge", "-p", `{"spec":{"enforcement":"Shadow"}}`},
			"host_not_granted: namespace default may name no host, not old.example")
		must(t, c, "", "delete", "cors", "old")
	})
	t.Run("a policy with targets names no host", func(t *testing.T) {
		must(t, c, policy("default", "target", "{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: a}], "+granted+"}"), "create", "-f", "-")
	})
	t.Run("many hosts and many grants are judged within the server's bounds", func(t *testing.T) {
		var hosts, grants []string
		for i := range 64 {
			hosts = append(hosts, fmt.Sprintf("h%d.example", i))
		}
		for i := range 256 {
			grants = append(grants, fmt.Sprintf("*.g%d.example", i))
		}
		must(t, c, "", "create", "namespace", "many")
		must(t, c, "", "annotate", "namespace", "many", "corsd.dev/hosts="+strings.Join(append(grants, hosts...), ","))
		object := policy("many", "a", "{hosts: ["+strings.Join(hosts, ", ")+"], "+granted+"}")
		await(t, func() error { _, err := c.Kubectl(t.Context(), object, "create", "-f", "-"); return err })
	})
}

// hostGrant is a row of testdata/host-grants.yaml.
type hostGrant struct {
	Why     string   `yaml:"why"`
	Grants  string   `yaml:"grants"`
	Hosts   []string `yaml:"hosts"`
	Refused []string `yaml:"refused"`
}

func hostGrants(t *testing.T) []hostGrant {
	t.Helper()
	text, err := os.ReadFile(root + "/api/v1alpha1/testdata/host-grants.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rows []hostGrant
	if err := yaml.Load(text, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 10 {
		t.Fatal(errors.New("the rows are not where they were"))
	}
	return rows
}
