// Generate writes the schemas of ../schemas from the Go modules that tools.mk pins: `make schemas`.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/corsd/corsd/test/harness/manifest"
	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/tools"
)

// source is a module with schemas of some kinds.
type source struct {
	name, module string
	version      string   // the variable of tools.mk
	files        []string // with CustomResourceDefinitions, as patterns
	kinds        []string // API version, a blank, and kind; nil for all of these files
}

// swagger is Kubernetes' own file of schemas, which has all kinds that are not custom.
const swagger = "api/openapi-spec/swagger.json"

var sources = []source{
	{
		name: "kubernetes", module: "k8s.io/kubernetes", version: "KUBERNETES_VERSION",
		kinds: []string{
			"v1 ConfigMap", "v1 Endpoints", "v1 Namespace", "v1 Pod", "v1 Secret", "v1 Service", "v1 ServiceAccount",
			"admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy",
			"admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding",
			"admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration",
			"apiextensions.k8s.io/v1 CustomResourceDefinition",
			"apps/v1 DaemonSet", "apps/v1 Deployment",
			"autoscaling/v2 HorizontalPodAutoscaler",
			"discovery.k8s.io/v1 EndpointSlice",
			"networking.k8s.io/v1 NetworkPolicy",
			"policy/v1 PodDisruptionBudget",
			"rbac.authorization.k8s.io/v1 ClusterRole", "rbac.authorization.k8s.io/v1 ClusterRoleBinding",
			"rbac.authorization.k8s.io/v1 Role", "rbac.authorization.k8s.io/v1 RoleBinding",
		},
	},
	{
		name: "gateway-api", module: "sigs.k8s.io/gateway-api", version: "GATEWAY_API_VERSION",
		files: []string{"config/crd/standard/gateway.networking.k8s.io_*.yaml"},
	},
	{
		name: "envoy-gateway", module: "github.com/envoyproxy/gateway", version: "ENVOY_GATEWAY_VERSION",
		files: []string{"charts/gateway-helm/charts/crds/crds/generated/*.yaml"},
		kinds: []string{
			"gateway.envoyproxy.io/v1alpha1 Backend", "gateway.envoyproxy.io/v1alpha1 BackendTrafficPolicy",
			"gateway.envoyproxy.io/v1alpha1 ClientTrafficPolicy", "gateway.envoyproxy.io/v1alpha1 EnvoyExtensionPolicy",
			"gateway.envoyproxy.io/v1alpha1 EnvoyPatchPolicy", "gateway.envoyproxy.io/v1alpha1 EnvoyProxy",
			"gateway.envoyproxy.io/v1alpha1 HTTPRouteFilter", "gateway.envoyproxy.io/v1alpha1 SecurityPolicy",
		},
	},
	{
		name: "istio", module: "istio.io/istio", version: "ISTIO_VERSION",
		files: []string{"manifests/charts/base/files/crd-all.gen.yaml"},
		kinds: []string{
			"networking.istio.io/v1 DestinationRule", "networking.istio.io/v1 Gateway",
			"networking.istio.io/v1 ServiceEntry", "networking.istio.io/v1 VirtualService",
			"networking.istio.io/v1alpha3 EnvoyFilter",
			"security.istio.io/v1 AuthorizationPolicy", "security.istio.io/v1 PeerAuthentication",
			"security.istio.io/v1 RequestAuthentication",
		},
	},
	{
		name: "cert-manager", module: "github.com/cert-manager/cert-manager", version: "CERT_MANAGER_VERSION",
		files: []string{"deploy/crds/cert-manager.io_certificates.yaml", "deploy/crds/cert-manager.io_issuers.yaml"},
	},
	{
		name: "prometheus-operator", module: "github.com/prometheus-operator/prometheus-operator",
		version: "PROMETHEUS_OPERATOR_VERSION",
		files: []string{
			"example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
			"example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
		},
	},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := mesh.Root()
	if err != nil {
		return err
	}
	out := filepath.Join(root, "test", "harness", "manifest", "schemas")
	old, err := filepath.Glob(filepath.Join(out, "*.json"))
	if err != nil {
		return err
	}
	written := map[string]bool{}
	for _, s := range sources {
		version, err := tools.Pinned(root, s.version)
		if err != nil {
			return err
		}
		dir, err := download(s.module + "@" + version)
		if err != nil {
			return err
		}
		bundle, err := s.read(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		path := filepath.Join(out, s.name+"-"+version+".json")
		written[path] = true
		if err := os.WriteFile(path, encode(bundle), 0o644); err != nil {
			return err
		}
		fmt.Printf("%s: %d kinds\n", path, len(bundle.Schemas))
	}
	for _, path := range old {
		if !written[path] {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// download returns the directory of a module in Go's cache.
func download(module string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = os.TempDir() // outside of every module
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w\n%s", module, err, text)
	}
	var downloaded struct{ Dir string }
	err = json.Unmarshal(text, &downloaded)
	return downloaded.Dir, err
}

func (s source) read(dir string) (manifest.Bundle, error) {
	var b manifest.Bundle
	var err error
	if s.files == nil {
		b, err = fromSwagger(filepath.Join(dir, swagger), s.kinds)
	} else {
		b, err = s.fromCRDs(dir)
	}
	if err != nil {
		return b, err
	}
	for _, kind := range s.kinds {
		if b.Schemas[kind] == nil {
			return b, fmt.Errorf("there is no %s in %s", kind, dir)
		}
	}
	return b, nil
}

func (s source) fromCRDs(dir string) (manifest.Bundle, error) {
	all := manifest.Bundle{Schemas: map[string]any{}}
	for _, pattern := range s.files {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return all, err
		}
		if len(paths) == 0 {
			return all, fmt.Errorf("there is no %s in %s", pattern, dir)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				return all, err
			}
			if err := s.addCRDs(all, text); err != nil {
				return all, fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	return all, nil
}

// addCRDs adds the schemas of the definitions in a file, other documents are skipped.
func (s source) addCRDs(all manifest.Bundle, text []byte) error {
	for doc := range strings.SplitSeq(string(text), "\n---") {
		if !strings.Contains(doc, "\nkind: CustomResourceDefinition\n") {
			continue
		}
		one, err := manifest.FromCRD([]byte(doc))
		if err != nil {
			return err
		}
		for kind, schema := range one.Schemas {
			if s.kinds == nil || slices.Contains(s.kinds, kind) {
				all.Schemas[kind] = schema
			}
		}
	}
	return nil
}

// fromSwagger returns the schemas of some kinds and the definitions that they refer to.
func fromSwagger(path string, kinds []string) (manifest.Bundle, error) {
	b := manifest.Bundle{Schemas: map[string]any{}, Definitions: map[string]any{}}
	text, err := os.ReadFile(path)
	if err != nil {
		return b, err
	}
	var doc struct {
		Definitions map[string]map[string]any
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return b, err
	}
	for name, schema := range doc.Definitions {
		for _, kind := range kindsOf(schema) {
			if slices.Contains(kinds, kind) {
				b.Schemas[kind] = map[string]any{"$ref": "#/definitions/" + name}
				define(b, doc.Definitions, name)
			}
		}
	}
	return b, nil
}

// kindsOf returns the kinds of a definition of the swagger file, with their API versions.
func kindsOf(schema map[string]any) (all []string) {
	list, _ := schema["x-kubernetes-group-version-kind"].([]any)
	for _, v := range list {
		gvk := v.(map[string]any)
		version := gvk["version"].(string)
		if group := gvk["group"].(string); group != "" {
			version = group + "/" + version
		}
		all = append(all, version+" "+gvk["kind"].(string))
	}
	return all
}

// define adds a definition, and those that it refers to.
func define(b manifest.Bundle, all map[string]map[string]any, name string) {
	if b.Definitions[name] != nil {
		return
	}
	if name == "io.k8s.apimachinery.pkg.api.resource.Quantity" { // 1 and "1" are both valid, and the file has a string
		b.Definitions[name] = map[string]any{"type": []string{"string", "number"}}
		return
	}
	b.Definitions[name] = manifest.Strict(all[name])
	for _, reference := range references(all[name]) {
		define(b, all, reference)
	}
}

// references returns the names of the definitions that a schema refers to.
func references(value any) (names []string) {
	switch v := value.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			names = append(names, strings.TrimPrefix(ref, "#/definitions/"))
		}
		for _, child := range v {
			names = append(names, references(child)...)
		}
	case []any:
		for _, child := range v {
			names = append(names, references(child)...)
		}
	}
	return names
}

// encode writes one line for each schema and definition, so that versions can be compared.
func encode(b manifest.Bundle) []byte {
	var out bytes.Buffer
	section := func(name string, values map[string]any) {
		fmt.Fprintf(&out, "%q: {\n", name)
		for i, key := range slices.Sorted(maps.Keys(values)) {
			if i > 0 {
				out.WriteString(",\n")
			}
			line, err := json.Marshal(values[key])
			if err != nil {
				panic(err) // values that were read as JSON
			}
			fmt.Fprintf(&out, "%q: %s", key, line)
		}
		out.WriteString("\n}")
	}
	out.WriteString("{\n")
	section("schemas", b.Schemas)
	if b.Definitions != nil {
		out.WriteString(",\n")
		section("definitions", b.Definitions)
	}
	out.WriteString("\n}\n")
	return out.Bytes()
}
