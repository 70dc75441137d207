package gateways

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

const (
	istioModule kind = "Istio, module"
	egModule    kind = "Envoy Gateway, module"
)

// isModule is true for gateways with corsd inside Envoy, which need no message.
func (k kind) isModule() bool { return k == istioModule || k == egModule }

// testIstioModule runs the table with corsd inside Envoy. No host strips, and there is no other corsd.
func (s *suite) testIstioModule(t *testing.T, alive map[kind][]string) {
	needModule(t)
	s.corsd.Kill()
	s.kubectl(t, "", "delete", "envoyfilter", "corsd-hosts", "--namespace", "istio-ingress")
	s.kubectl(t, here(t, s.kubectl(t, "", "kustomize", path("deploy/istio/module"))), "apply", "--filename", "-")
	s.await(t, "corsd inside Envoy", preflight("/cart", "PUT").from(page), isStatus(204))
	alive[istioModule] = s.play(t, istioModule, table)
	s.checkConfig(t, "envoy_host_unserved") // of lean.yaml
}

// testEnvoyGatewayModule does the same with Envoy Gateway.
func (s *suite) testEnvoyGatewayModule(t *testing.T, alive map[kind][]string) {
	needModule(t)
	s.corsd.Kill()
	s.kubectl(t, "", "delete", "envoyextensionpolicies", "corsd-closed", "corsd-lean", "listed", "--namespace", "gateway")
	for _, route := range []string{"shop", "search", "office", "lean"} {
		s.kubectl(t, "", "patch", "httproute", route, "--namespace", "gateway", "--type", "json",
			"--patch", `[{ "op": "remove", "path": "/spec/rules/0/filters" }]`)
	}
	s.kubectl(t, "", "patch", "envoyproxy", "corsd", "--namespace", "gateway", "--type", "merge", "--patch", modulePatch(t))
	s.kubectl(t, here(t, read(t, "deploy/envoy-gateway/module/corsd.yaml")), "apply", "--filename", "-")
	s.await(t, "corsd inside Envoy", preflight("/cart", "PUT").from(page), isStatus(204))
	s.checkStatuses(t)
	s.checkOrder(t, "envoy.filters.http.dynamic_modules")
	alive[egModule] = s.play(t, egModule, table)
	s.checkConfig(t, "envoy_filter_disabled", "envoy_host_unserved")
}

func needModule(t *testing.T) {
	t.Helper()
	if run.NoModule != nil {
		t.Skip(run.NoModule)
	}
}

// modulePatch is the shipped patch of the EnvoyProxy, without the pods: Envoy is a process of this machine.
func modulePatch(t *testing.T) string {
	t.Helper()
	var patch struct {
		Spec map[string]any `json:"spec" yaml:"spec"`
	}
	if err := yaml.Load([]byte(here(t, read(t, "deploy/envoy-gateway/module/envoyproxy.yaml"))), &patch); err != nil {
		t.Fatal(err)
	}
	delete(patch.Spec, "provider")
	text, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// here returns a manifest with the paths of this machine in place of those in pods.
func here(t *testing.T, manifest string) string {
	t.Helper()
	policies := t.TempDir()
	for _, name := range []string{"policy.yaml", "lean.yaml"} {
		if err := os.WriteFile(filepath.Join(policies, name), []byte(read(t, "testdata/"+name)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for pod, path := range map[string]string{"/usr/local/lib/corsd/libcorsd.so": run.Module, "/etc/corsd": policies} {
		manifest = strings.ReplaceAll(manifest, pod, path)
	}
	return manifest
}

// read returns the text of a file of this package's directory, or of deploy/.
func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(path(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
