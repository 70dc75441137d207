package cluster_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/cluster"
)

// right is that a ServiceAccount may do something in a namespace; in all of them if it is "".
type right struct{ verb, group, resource, subresource, namespace string }

// In the form for one namespace corsd reads the policies of that namespace, writes their status, and may do nothing else.
func TestRoleOfOneNamespace(t *testing.T) {
	ns, other := namespace(t), namespace(t)
	account := install(t, ns, "kubernetes")
	compareRights(t, account, []string{ns, other, ""}, func(r right) bool {
		return r.namespace == ns && readsAndReports(r, "corspolicies", "originsets")
	})
}

// In the form for a cluster corsd reads those of all namespaces, the defaults, and the namespaces themselves.
func TestRoleOfCluster(t *testing.T) {
	ns := namespace(t)
	account := install(t, ns, "kubernetes-all-namespaces")
	compareRights(t, account, []string{ns, ""}, func(r right) bool {
		return readsAndReports(r, "corspolicies", "originsets", "corsdefaults") || reads(r, "namespaces")
	})
}

// For policies with targets it reads Gateways and routes too, of one namespace or of all.
func TestRoleOfTargets(t *testing.T) {
	ns, other := namespace(t), namespace(t)
	targets := []string{"gateways", "grpcroutes", "httproutes"}
	account := install(t, ns, "kubernetes", "kubernetes-targets")
	compareRights(t, account, []string{ns, other, ""}, func(r right) bool {
		return r.namespace == ns && (readsAndReports(r, "corspolicies", "originsets") || reads(r, targets...))
	})
	account = install(t, other, "kubernetes-all-namespaces", "kubernetes-targets")
	compareRights(t, account, []string{ns, ""}, func(r right) bool {
		return readsAndReports(r, "corspolicies", "originsets", "corsdefaults") || reads(r, "namespaces") || reads(r, targets...)
	})
}

// What corsd does with its rights, and what it cannot do.
func TestServiceAccount(t *testing.T) {
	ns := namespace(t)
	account := install(t, ns, "kubernetes")
	must(t, api.Client, policy(ns, "shop", "{hosts: [api.shop.example], "+granted+"}"), "apply", "-f", "-")
	must(t, api.Client, "", "create", "secret", "generic", "key", "-n", ns, "--from-literal=a=b")
	status := `{"apiVersion":"corsd.dev/v1alpha1","kind":"CORSPolicy","metadata":{"name":"shop","namespace":"` + ns + `"},` +
		`"status":{"conditions":[{"type":"Accepted","status":"True","reason":"Accepted","message":"","observedGeneration":1,"lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`
	path := "/apis/corsd.dev/v1alpha1/namespaces/" + ns + "/corspolicies"
	for _, args := range [][]string{
		{"get", "--raw", path},
		{"get", "--raw", path + "?watch=1&timeoutSeconds=1"},
		{"apply", "--server-side", "--subresource=status", "--field-manager=corsd", "-f", "-"},
	} {
		if out, err := account.Kubectl(t.Context(), status, args...); err != nil || !strings.Contains(out, "shop") {
			t.Errorf("%v: %v", err, out)
		}
	}
	must(t, api.Client, "", "wait", "--for=condition=Accepted", "--timeout=5s", "cors/shop", "-n", ns)
	for _, args := range [][]string{
		{"get", "--raw", "/api/v1/namespaces/" + ns + "/secrets"},
		{"get", "--raw", "/apis/corsd.dev/v1alpha1/corspolicies"},
		{"apply", "-n", ns, "--server-side", "--force-conflicts", "-f", "-"},
		{"delete", "cors", "shop", "-n", ns},
	} {
		mustFail(t, account, policy(ns, "shop", "{hosts: ['*'], "+granted+"}"), args, "forbidden")
	}
}

// reads reports whether a right is to list or watch one of the resources.
func reads(r right, resources ...string) bool {
	return slices.Contains(resources, r.resource) && r.subresource == "" && (r.verb == "list" || r.verb == "watch")
}

// readsAndReports reports whether a right is to read one of the resources, or to write its status by server-side apply.
func readsAndReports(r right, resources ...string) bool {
	return reads(r, resources...) || slices.Contains(resources, r.resource) && r.subresource == "status" && r.verb == "patch"
}

// install applies the manifests of corsd with components to a namespace, and returns the client of its ServiceAccount.
// Nothing runs, since there is no controller.
func install(t *testing.T, namespace string, components ...string) *cluster.Client {
	t.Helper()
	return installOn(t, api, namespace, components...)
}

// installOn is install on another API server than the shared one.
func installOn(t *testing.T, c *cluster.Cluster, namespace string, components ...string) *cluster.Client {
	t.Helper()
	dir := t.TempDir()
	base, err := filepath.Rel(dir, manifest(""))
	if err != nil {
		t.Fatal(err)
	}
	text := "namespace: " + namespace + "\nresources: [" + base + "]\ncomponents:\n"
	for _, name := range components {
		text += "- " + base + "/components/" + name + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, c.Client, "", "apply", "-k", dir)
	account, err := c.ServiceAccount(t.Context(), namespace, "corsd")
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// compareRights asks the API server which of all rights on the resources of corsd, and on some others, an account has.
func compareRights(t *testing.T, account *cluster.Client, namespaces []string, wanted func(right) bool) {
	t.Helper()
	var all []right
	for _, namespace := range namespaces {
		for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"} {
			for _, resource := range []string{"corspolicies", "originsets", "corsdefaults"} {
				all = append(all, right{verb, "corsd.dev", resource, "", namespace}, right{verb, "corsd.dev", resource, "status", namespace})
			}
			for _, resource := range []string{"namespaces", "secrets", "configmaps", "serviceaccounts", "pods", "events"} {
				all = append(all, right{verb, "", resource, "", namespace})
			}
			for _, resource := range []string{"gateways", "grpcroutes", "httproutes"} {
				all = append(all, right{verb, "gateway.networking.k8s.io", resource, "", namespace})
			}
			all = append(all, right{verb, "coordination.k8s.io", "leases", "", namespace})
		}
	}
	var reviews strings.Builder
	var want []string
	for _, r := range all {
		fmt.Fprintf(&reviews, "---\napiVersion: authorization.k8s.io/v1\nkind: SelfSubjectAccessReview\n"+
			"spec: {resourceAttributes: {verb: %s, group: %q, resource: %s, subresource: %q, namespace: %q}}\n",
			r.verb, r.group, r.resource, r.subresource, r.namespace)
		want = append(want, fmt.Sprintf("%+v: %v", r, wanted(r)))
	}
	out, err := account.Kubectl(t.Context(), reviews.String(), "create", "--validate=false", "-f", "-", "-o", `jsonpath={.status.allowed}{"\n"}`)
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Fields(out)
	if len(answers) != len(all) {
		t.Fatalf("%d answers to %d questions", len(answers), len(all))
	}
	var got []string
	for i, r := range all {
		got = append(got, fmt.Sprintf("%+v: %v", r, answers[i]))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
