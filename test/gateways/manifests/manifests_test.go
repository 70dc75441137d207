package manifests

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v4"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/corsd/corsd/test/harness/manifest"
	"github.com/corsd/corsd/test/harness/mesh"
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
	object object
}

func (r resource) String() string {
	metadata, _ := r.object["metadata"].(map[string]any)
	return fmt.Sprintf("%s %v %v", r.from, r.object["kind"], metadata["name"])
}

// shipped returns all resources: those of plain files, and those that each kustomization renders.
func shipped(t *testing.T) []resource {
	t.Helper()
	var all []resource
	for _, pattern := range []string{"istio/*.yaml", "envoy-gateway/*.yaml", "envoy-gateway/tls/policy.yaml", "envoy-gateway/module/corsd.yaml"} {
		for _, file := range glob(t, pattern) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, documents(t, file, text)...)
		}
	}
	for _, file := range glob(t, "istio/*/kustomization.yaml") {
		folder := filepath.Dir(file)
		if filepath.Base(folder) == "tls" { // a component
			folder = overlay(t, "resources: [../istio/gateway]\ncomponents: [../istio/tls]\n")
		}
		all = append(all, rendered(t, folder)...)
	}
	return all
}

// overlay returns the folder of a kustomization beside the folders of deploy/.
func overlay(t *testing.T, text string) string {
	t.Helper()
	folder, err := manifest.Overlay(parts.Root, t.TempDir(), text)
	if err != nil {
		t.Fatal(err)
	}
	return folder
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
	objects, err := manifest.Read(text)
	if err != nil {
		t.Fatalf("%s: %v", from, err)
	}
	var all []resource
	for _, o := range objects {
		path, _ := filepath.Rel(parts.Root, from)
		var plain object // numbers are numbers and not text, for Envoy configurations made of them
		if data, err := json.Marshal(o); err != nil || json.Unmarshal(data, &plain) != nil {
			t.Fatalf("%s: %v", from, err)
		}
		all = append(all, resource{path, plain})
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
	all := shipped(t)
	for _, name := range []string{"istio.yaml", "envoy-gateway.yaml"} { // of make test-gateways
		all = append(all, documents(t, name, read(t, "test/gateways/testdata/"+name))...)
	}
	for _, r := range all {
		seen[r.object["kind"]]++
		if err := schemas.CheckObject(r.object); err != nil {
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
		spec := r.object["spec"].(map[string]any)
		spec["corsdUnknown"] = true
		if schemas.CheckObject(r.object) == nil {
			t.Errorf("%v: an unknown field of spec is accepted", r)
		}
	}
}

// The EnvoyProxy with each patch is what its definition allows.
func TestPatchesOfEnvoyProxy(t *testing.T) {
	schemas := load(t)
	for _, folder := range []string{"tls", "module"} {
		proxy := documents(t, "envoyproxy.yaml", read(t, "deploy/envoy-gateway/envoyproxy.yaml"))[0]
		var patch struct{ Spec object }
		if err := yaml.Load(read(t, "deploy/envoy-gateway/"+folder+"/envoyproxy.yaml"), &patch); err != nil {
			t.Fatal(err)
		}
		maps.Copy(proxy.object["spec"].(object), patch.Spec)
		if err := schemas.CheckObject(proxy.object); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
	}
}

func load(t *testing.T) *manifest.Schemas {
	t.Helper()
	schemas, err := manifest.Load()
	if err != nil {
		t.Fatal(err)
	}
	return schemas
}
