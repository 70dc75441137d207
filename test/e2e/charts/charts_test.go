// Package charts_test renders the charts of deploy/helm with Helm, and checks the manifests: against the schemas of
// Kubernetes, against deploy/k8s, and by the flags of the corsd of this source tree. It needs no cluster.
package charts_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/test/harness/manifest"
	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/tools"
)

// root is the source tree, corsd and helm are programs.
var root, corsd, helm string

// lacking is the reason to skip the tests, nil if the programs are there.
var lacking error

// namespace is that of every release.
const namespace = "gateway"

func TestMain(m *testing.M) {
	os.Exit(mesh.RunTests(m, prepare))
}

// prepare builds Helm, once, and corsd. Helm's packages would be a library too, but they would add a hundred modules to
// the go.mod of the tests, and the program is needed anyway to install and to release the chart.
func prepare(dir string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	if root, err = mesh.Root(); err != nil {
		return err
	}
	helm, err = tools.Go{Package: "helm.sh/helm/v4/cmd/helm", Version: "HELM_VERSION"}.Install(ctx, root, os.Stderr)
	if err != nil && !tools.Complete() {
		lacking = err
		return nil
	}
	if err != nil {
		return err
	}
	corsd, err = mesh.Build(ctx, root, dir, os.Stderr)
	return err
}

func chart(name string) string { return filepath.Join(root, "deploy", "helm", name) }

// runHelm runs Helm with the values, and returns its output.
func runHelm(t *testing.T, values string, args ...string) (string, error) {
	t.Helper()
	if lacking != nil {
		t.Skip(lacking)
	}
	home := t.TempDir() // Helm reads and writes nothing of this machine's user
	cmd := exec.Command(helm, append(args, "--values", "-")...)
	cmd.Stdin = strings.NewReader(values)
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home,
		"KUBECONFIG="+filepath.Join(home, "none"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), errors.Join(err, errors.New(stderr.String()))
	}
	return string(out), nil
}

// render returns the manifests of a release named as the chart.
func render(t *testing.T, name, values string) string {
	t.Helper()
	text, err := runHelm(t, values, "template", name, chart(name), "--namespace", namespace, "--kube-version", "1.30.0")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// rendered returns the objects of a release by kind and name, such as "Service corsd".
func rendered(t *testing.T, name, values string) map[string]manifest.Object {
	t.Helper()
	return byName(t, render(t, name, values))
}

func byName(t *testing.T, text string) map[string]manifest.Object {
	t.Helper()
	all, err := manifest.Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]manifest.Object{}
	for _, o := range all {
		key := o["kind"].(string) + " " + o.Name()
		if objects[key] != nil {
			t.Fatalf("%s is there twice", key)
		}
		objects[key] = o
	}
	return objects
}

func schemas(t *testing.T) *manifest.Schemas {
	t.Helper()
	s, err := manifest.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func load(t *testing.T, text string) map[string]any {
	t.Helper()
	var tree map[string]any
	if err := yaml.Load([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}
