package manifests

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/corsd/corsd/test/harness/crd"
	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/tools"
)

var parts mesh.Parts

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(mesh.RunTests(m, func(dir string) (err error) {
		parts, err = mesh.FindParts(dir, testing.Short())
		return err
	}))
}

// resource is a resource of Kubernetes with the file or folder that has it.
type resource struct {
	from   string
	object map[string]any
}

func (r resource) String() string {
	metadata, _ := r.object["metadata"].(map[string]any)
	return fmt.Sprintf("%s %v %v", r.from, r.object["kind"], metadata["name"])
}

// shipped returns all resources: those of plain files, and those that each kustomization renders.
func shipped(t *testing.T) []resource {
	t.Helper()
	var all []resource
	for _, pattern := range []string{"istio/*.yaml", "envoy-gateway/*.yaml"} {
		for _, file := range glob(t, pattern) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, documents(t, file, text)...)
		}
	}
	for _, folder := range glob(t, "istio/*/kustomization.yaml") {
		all = append(all, rendered(t, filepath.Dir(folder))...)
	}
	return all
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(parts.Root, "deploy", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files deploy/%s: %v", pattern, err)
	}
	return files
}

func documents(t *testing.T, from string, text []byte) []resource {
	t.Helper()
	objects, err := crd.Documents(text)
	if err != nil {
		t.Fatalf("%s: %v", from, err)
	}
	var all []resource
	for _, o := range objects {
		path, _ := filepath.Rel(parts.Root, from)
		all = append(all, resource{path, o})
	}
	return all
}

// rendered returns the resources of a kustomization.
func rendered(t *testing.T, folder string) []resource {
	t.Helper()
	result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	text, err := result.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return documents(t, folder, text)
}

// Every resource of another project is what its definition allows, with no unknown field.
func TestSchemas(t *testing.T) {
	schemas := load(t)
	seen := map[any]int{}
	for _, r := range shipped(t) {
		seen[r.object["kind"]]++
		if r.object["kind"] == "Service" { // of Kubernetes itself
			continue
		}
		if err := schemas.Validate(r.object); err != nil {
			t.Errorf("%v: %v", r, err)
		}
	}
	if seen["EnvoyFilter"] < 4 || seen["EnvoyExtensionPolicy"] < 3 || seen["HTTPRoute"] < 4 {
		t.Errorf("the test does not find all resources: %v", seen)
	}
}

// A field that a definition does not have is a fault.
func TestSchemasAreStrict(t *testing.T) {
	schemas := load(t)
	for _, r := range shipped(t) {
		if r.object["kind"] == "Service" {
			continue
		}
		spec := r.object["spec"].(map[string]any)
		spec["corsdUnknown"] = true
		if schemas.Validate(r.object) == nil {
			t.Errorf("%v: an unknown field of spec is accepted", r)
		}
	}
}

// load reads the definitions from the Go modules of the projects.
func load(t *testing.T) crd.Schemas {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short: downloads Go modules")
	}
	var files []string
	for _, m := range []struct{ path, pin, pattern string }{
		{"github.com/envoyproxy/gateway", "ENVOY_GATEWAY_VERSION", "charts/gateway-helm/charts/crds/crds/generated/*.yaml"},
		{"sigs.k8s.io/gateway-api", "GATEWAY_API_VERSION", "config/crd/standard/*.yaml"},
		{"istio.io/api", "ISTIO_API_VERSION", "kubernetes/customresourcedefinitions.gen.yaml"},
	} {
		version, err := tools.Pinned(parts.Root, m.pin)
		if err != nil {
			t.Fatal(err)
		}
		dir, err := tools.Module(t.Context(), m.path, version)
		if err != nil && !tools.Complete() {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(m.pattern)))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s@%s has no %s: %v", m.path, version, m.pattern, err)
		}
		files = append(files, found...)
	}
	schemas, err := crd.Load(files...)
	if err != nil {
		t.Fatal(err)
	}
	return schemas
}
