package gateways

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/isolation"
)

// settings are the configuration of Envoy Gateway: resources from the API server, Envoy as a process. Its file mode
// refuses backendRefs into other namespaces (1.9).
const settings = `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway: { controllerName: gateway.envoyproxy.io/gatewayclass-controller }
provider:
  type: Custom
  custom:
    resource: { type: Kubernetes, kubernetes: { leaderElection: { disable: true } } }
    infrastructure:
      type: Host
      host: { configHome: %[1]s/config, dataHome: %[1]s/data, stateHome: %[1]s/state, runtimeDir: %[1]s/run }
extensionApis: { enableBackend: true, enableLua: true }
`

// startEnvoyGateway starts Envoy Gateway on the API server. It starts Envoy.
func (s *suite) startEnvoyGateway(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	version := run.Envoy.Version.String()
	// In place of a download.
	bin := filepath.Join(dir, "data/envoy-versions", version, "bin")
	link(t, run.Envoy.Path, filepath.Join(bin, "envoy"))
	for _, name := range []string{"config", "state", "run"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "envoy-gateway.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, settings, dir), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", s.api.Kubeconfig)
	t.Setenv("ENVOY_GATEWAY_NAMESPACE", "envoy-gateway-system")
	finish(t, run.envoyGateway, "certgen", "--local", "--config-home", filepath.Join(dir, "config")) // files
	finish(t, run.envoyGateway, "certgen", "--disable-topology-injector")                            // Secrets
	if err := isolation.Bind(filepath.Join(dir, "config/certs/envoy-gateway"), certificates); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := isolation.Unbind(certificates); err != nil {
			t.Error(err)
		}
	})
	s.applyEnvoyGateway(t, version)
	p := start(t, run.envoyGateway, "server", "--config-path", file)
	s.envoy = &envoy.Envoy{Process: p, Address: "127.0.0.1:8888", Admin: awaitAdmin(t, dir)}
}

// applyEnvoyGateway applies the manifests of deploy/envoy-gateway. The test adds to the shipped EnvoyProxy only that
// Envoy is a process of this machine, and that its access log is written at once.
func (s *suite) applyEnvoyGateway(t *testing.T, version string) {
	t.Helper()
	s.kubectl(t, "", "apply", "--namespace", "gateway", "--filename", "testdata/pods.yaml")
	s.apply(t, "deploy/envoy-gateway/envoyproxy.yaml")
	s.kubectl(t, "", "patch", "envoyproxy", "corsd", "--namespace", "gateway", "--type", "merge", "--patch", fmt.Sprintf(
		`{"spec":{"provider":{"type":"Host","host":{"envoyVersion":%q}},"extraArgs":["--file-flush-interval-msec","5"]}}`, version))
	s.apply(t, "testdata/envoy-gateway.yaml", "deploy/envoy-gateway/corsd.yaml", "deploy/envoy-gateway/hosts.yaml",
		"deploy/envoy-gateway/lean.yaml")
}

func link(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(from, to); err != nil {
		t.Fatal(err)
	}
}

// finish runs a program to its end.
func finish(t *testing.T, binary string, args ...string) {
	t.Helper()
	p := start(t, binary, args...)
	select {
	case <-p.Exited():
	case <-time.After(time.Minute):
		t.Fatalf("%s %v does not end", binary, args)
	}
	if err := p.Stop(0); err != nil {
		t.Fatalf("%v\n%s", err, tail(p.Output()))
	}
}

// awaitAdmin returns the address of the admin interface of the Envoy that Envoy Gateway has started.
func awaitAdmin(t *testing.T, dir string) string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var found string
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Name() == "admin-address.txt" {
				found = path
			}
			return nil
		})
		if text, err := os.ReadFile(found); err == nil && len(text) > 0 {
			return strings.TrimSpace(string(text))
		}
	}
	t.Fatal("Envoy Gateway has not started Envoy")
	return ""
}

// testEnvoyGateway runs the tables.
func testEnvoyGateway(t *testing.T, alive, dead map[kind][]string) {
	s := newSuite(t, run.gatewayCRDs, "envoy-gateway-system", "gateway")
	s.startEnvoyGateway(t)
	s.await(t, "corsd", preflight("/cart", "PUT").from(page), isStatus(204))
	t.Run("statuses", s.checkStatuses)
	t.Run("corsd is the first filter", func(t *testing.T) { s.checkOrder(t, "envoy.filters.http.ext_proc") })
	// What the test adds does not strip, and one route has another policy in place of corsd's.
	t.Run("corsd check --envoy", func(t *testing.T) {
		s.checkConfig(t, "envoy_breakers", "envoy_filter_disabled", "envoy_host_unserved", "envoy_strip_missing")
	})
	t.Run("table", func(t *testing.T) { alive[eg] = s.play(t, eg, table) })
	t.Run("corsd dead", func(t *testing.T) { dead[eg] = s.playDead(t, eg, outage) })
	t.Run("TLS", func(t *testing.T) {
		s.encrypt(t, "")
		s.kubectl(t, "", "patch", "envoyproxy", "corsd", "--namespace", "gateway", "--type", "merge",
			"--patch-file", path("deploy/envoy-gateway/tls/envoyproxy.yaml"))
		s.apply(t, "deploy/envoy-gateway/tls/policy.yaml")
		s.await(t, "corsd over TLS", preflight("/cart", "PUT").from(page), isStatus(204))
		s.checkStatuses(t)
		s.play(t, eg, table)
	})
	t.Run("module", func(t *testing.T) { s.testEnvoyGatewayModule(t, alive) })
}
