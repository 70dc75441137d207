package cluster_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/cluster"
	"github.com/corsd/corsd/test/harness/tools"
)

const shopPolicy = `
apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: { name: shop, namespace: gateway }
spec:
  hosts: [api.shop.example]
  cors: { allowOrigins: [https://www.shop.example] }
`

// The charts are installed, changed, rolled back and uninstalled by Helm. Policies survive all of it.
func TestCharts(t *testing.T) {
	r := startReleases(t)
	r.helm(t, "install", "corsd-crds", chart("corsd-crds"), "--namespace", "default")
	r.kubectl(t, "", "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
	r.helm(t, "install", "corsd", chart("corsd"), "--namespace", "gateway", "--create-namespace")
	r.kubectl(t, shopPolicy, "apply", "-f", "-")
	r.has(t, "deployment/corsd", "networkpolicy/corsd", "poddisruptionbudget/corsd", "role/corsd", "rolebinding/corsd",
		"service/corsd", "serviceaccount/corsd")
	if got := r.kubectl(t, "", "get", "deployment", "corsd", "-n", "gateway", "-o", "jsonpath={.spec.replicas}"); got != "2" {
		t.Errorf("%s replicas, want 2", got)
	}

	t.Run("corsd may read its policies and nothing else", func(t *testing.T) {
		for request, want := range map[string]string{
			"list corspolicies.corsd.dev -n gateway": "yes", "watch originsets.corsd.dev -n gateway": "yes",
			"patch corspolicies.corsd.dev/shop --subresource=status -n gateway": "yes",
			"list corspolicies.corsd.dev -n default":                            "no", "list corsdefaults.corsd.dev": "no",
			"update corspolicies.corsd.dev -n gateway": "no", "list secrets -n gateway": "no", "get configmaps -n gateway": "no",
		} {
			args := append([]string{"auth", "can-i", "--as=system:serviceaccount:gateway:corsd"}, strings.Fields(request)...)
			out, _ := r.api.Kubectl(t.Context(), "", args...) // "no" is exit status 1
			if got := strings.Fields(out); !slices.Contains(got, want) {
				t.Errorf("%s: %s, want %s", request, out, want)
			}
		}
	})
	t.Run("an upgrade changes what the values say", func(t *testing.T) {
		r.helm(t, "upgrade", "corsd", chart("corsd"), "--namespace", "gateway",
			"--set", "autoscaling.enabled=true,kubernetes.allNamespaces=true")
		r.has(t, "deployment/corsd", "horizontalpodautoscaler/corsd")
		r.hasNot(t, "role/corsd", "rolebinding/corsd")
		r.kubectl(t, "", "get", "clusterrole", "gateway:corsd")
	})
	t.Run("a rollback brings back what was there", func(t *testing.T) {
		r.helm(t, "rollback", "corsd", "1", "--namespace", "gateway")
		r.has(t, "deployment/corsd", "role/corsd")
		r.hasNot(t, "horizontalpodautoscaler/corsd")
	})
	t.Run("an upgrade of the definitions changes them, and keeps policies", func(t *testing.T) {
		r.helm(t, "upgrade", "corsd-crds", newerDefinitions(t), "--namespace", "default")
		r.kubectl(t, "", "wait", "--for=jsonpath={.spec.names.categories[0]}=newer", "--timeout=10s", "crd/corspolicies.corsd.dev")
		r.kubectl(t, "", "get", "corspolicy", "shop", "-n", "gateway")
	})
	t.Run("uninstalling keeps definitions and policies", func(t *testing.T) {
		r.helm(t, "uninstall", "corsd", "--namespace", "gateway")
		r.hasNot(t, "deployment/corsd", "service/corsd", "role/corsd")
		r.helm(t, "uninstall", "corsd-crds", "--namespace", "default")
		r.kubectl(t, "", "get", "corspolicy", "shop", "-n", "gateway")
		r.helm(t, "install", "corsd-crds", chart("corsd-crds"), "--namespace", "default")
		r.kubectl(t, "", "get", "corspolicy", "shop", "-n", "gateway")
	})
}

// Helm refuses definitions that were applied by kubectl, unless it is told to own them.
func TestDefinitionsOfKubectl(t *testing.T) {
	r := startReleases(t)
	r.kubectl(t, "", "apply", "--server-side", "-k", manifest("crds"))
	install := []string{"install", "corsd-crds", chart("corsd-crds"), "--namespace", "default"}
	if out, err := r.run(install...); err == nil || !strings.Contains(err.Error(), "invalid ownership metadata") {
		t.Errorf("helm install: %v\n%s", err, out)
	}
	r.helm(t, append(install, "--take-ownership")...)
}

// Each combination of components is accepted by the API server. PodMonitor and PrometheusRule are kinds of others.
func TestComponents(t *testing.T) {
	c := startAPI(t)
	if _, err := c.Kubectl(t.Context(), "", "create", "namespace", "gateway"); err != nil {
		t.Fatal(err)
	}
	for _, components := range [][]string{
		nil,
		{"kubernetes"},
		{"kubernetes-all-namespaces", "autoscaling"},
		{"tls"},
		{"kubernetes", "tls", "autoscaling"},
		{"kubernetes", "kubernetes-targets"},
		{"kubernetes-all-namespaces", "kubernetes-targets"},
	} {
		dir, err := os.MkdirTemp(filepath.Join(root, "deploy"), ".test-") // kustomize reads only relative paths
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		text := "resources: [../k8s]\nnamespace: gateway\ncomponents:\n"
		for _, name := range components {
			text += "- ../k8s/components/" + name + "\n"
		}
		if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := c.Kubectl(t.Context(), "", "apply", "--server-side", "--dry-run=server", "-k", dir); err != nil ||
			strings.Contains(out, "Warning") {
			t.Errorf("%q: %v\n%s", components, err, out)
		}
	}
}

// releases are those of a Helm on an API server without definitions.
type releases struct {
	api        *cluster.Cluster
	path, home string
}

func startReleases(t *testing.T) releases {
	t.Helper()
	if lacking != nil {
		t.Skip(lacking)
	}
	path, err := tools.Go{Package: "helm.sh/helm/v4/cmd/helm", Version: "HELM_VERSION"}.Install(t.Context(), root, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Start(t.Context(), binaries)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return releases{c, path, t.TempDir()}
}

func chart(name string) string { return filepath.Join(root, "deploy/helm", name) }

// newerDefinitions returns a chart like corsd-crds in which one definition has a further category.
func newerDefinitions(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "corsd-crds")
	if err := os.CopyFS(dir, os.DirFS(chart("corsd-crds"))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "files/crds/corsd.dev_corspolicies.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), "    kind: CORSPolicy\n")
	if !found {
		t.Fatal("the definition has changed")
	}
	before, _, _ = strings.Cut(before, "    categories:\n")
	err = os.WriteFile(file, []byte(before+"    categories: [newer]\n    kind: CORSPolicy\n"+after), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs Helm, which reads and writes nothing of this machine's user.
func (r releases) run(args ...string) (string, error) {
	cmd := exec.Command(r.path, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+r.api.Kubeconfig,
		"HELM_CACHE_HOME="+r.home, "HELM_CONFIG_HOME="+r.home, "HELM_DATA_HOME="+r.home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = errors.Join(fmt.Errorf("helm %s: %w", strings.Join(args, " "), err), errors.New(string(out)))
	}
	return string(out), err
}

// helm runs Helm, which must succeed.
func (r releases) helm(t *testing.T, args ...string) {
	t.Helper()
	if _, err := r.run(args...); err != nil {
		t.Fatal(err)
	}
}

func (r releases) kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := r.api.Kubectl(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r releases) has(t *testing.T, objects ...string) {
	t.Helper()
	for _, o := range objects {
		r.kubectl(t, "", "get", o, "-n", "gateway")
	}
}

func (r releases) hasNot(t *testing.T, objects ...string) {
	t.Helper()
	for _, o := range objects {
		if out, err := r.api.Kubectl(t.Context(), "", "get", o, "-n", "gateway"); err == nil {
			t.Errorf("%s is still there: %s", o, out)
		}
	}
}
