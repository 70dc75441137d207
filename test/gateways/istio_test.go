package gateways

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// startIstio starts Istio's control plane on the API server, and Envoy as an ingress gateway of it.
func (s *suite) startIstio(t *testing.T) {
	t.Helper()
	s.kubectl(t, "", "apply", "--namespace", "shop", "--filename", "testdata/pods.yaml")
	s.apply(t, "testdata/istio.yaml", "deploy/istio/hosts.yaml")
	// Envoy has none of the filters that Istio's proxy adds, so the control plane must not send them.
	for name, value := range map[string]string{
		"PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_ENABLE_METADATA_EXCHANGE": "false", "ENABLE_CA_SERVER": "false",
		"PILOT_ENABLE_GATEWAY_API_STATUS": "false", "PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER": "false",
		"INJECTION_WEBHOOK_CONFIG_NAME": "", "VALIDATION_WEBHOOK_CONFIG_NAME": "",
		"POD_NAMESPACE": "istio-system", "POD_NAME": "istiod", "XDS_AUTH_PLAINTEXT": "true",
	} {
		t.Setenv(name, value)
	}
	const web = "127.0.0.1:15080"
	pilot := start(t, run.pilot, "discovery", "--kubeconfig", s.api.Kubeconfig,
		"--meshConfig", "testdata/mesh.yaml", "--networksConfig", filepath.Join(t.TempDir(), "none"),
		"--grpcAddr", "127.0.0.1:15010", "--httpAddr", web, "--monitoringAddr", "127.0.0.1:15014",
		"--secureGRPCAddr", "", "--httpsAddr", "", "--ctrlz_port", "0")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := pilot.Await(ctx, answers("http://"+web+"/ready")); err != nil {
		t.Fatalf("%v\n%s", err, tail(pilot.Output()))
	}
	s.startProxy(t, ingress)
}

// proxy is an Envoy of Istio.
type proxy struct {
	namespace, account string
	node               string // of its configuration
	address, admin     string
}

var ingress = proxy{
	namespace: "istio-ingress", account: "gateway", address: "127.0.0.1:80", admin: "127.0.0.1:19901",
	// The address in the id belongs to no endpoint, or else Istio would use the labels of that endpoint. The second label
	// is that of a gateway of the Gateway API.
	node: `
  id: router~10.244.0.1~gateway-1.istio-ingress~istio-ingress.svc.cluster.local
  cluster: gateway.istio-ingress
  metadata:
    ISTIO_VERSION: 1.31.0
    NAMESPACE: istio-ingress
    CLUSTER_ID: Kubernetes
    LABELS: { istio: ingress, gateway.networking.k8s.io/gateway-name: gateway }
    WORKLOAD_NAME: gateway
`,
}

// startProxy starts Envoy as istio-agent would, with the token of its ServiceAccount. Istio sends Secrets only to a proxy
// that has proved its identity.
func (s *suite) startProxy(t *testing.T, p proxy) {
	t.Helper()
	token := s.kubectl(t, "", "create", "token", p.account, "--namespace", p.namespace, "--audience", "istio-ca")
	text, err := os.ReadFile("testdata/istio-envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(p.admin, ":")
	config := fmt.Sprintf("node:%sadmin: { address: { socket_address: { address: %s, port_value: %s } } }\n", p.node, host, port) +
		strings.ReplaceAll(string(text), "TOKEN", strings.TrimSpace(token))
	file := servetest.Write(t, filepath.Join(t.TempDir(), "envoy.yaml"), config)
	process := start(t, run.Envoy.Path, "--config-path", file, "--concurrency", "1", "--disable-hot-restart",
		"--log-level", "warning", "--file-flush-interval-msec", "5")
	s.envoy, s.returned = &envoy.Envoy{Process: process, Address: p.address, Admin: p.admin}, 0
}

// answers returns a function that fails until a URL answers 200.
func answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		time.Sleep(50 * time.Millisecond)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return os.ErrNotExist
		}
		return nil
	}
}

func isStatus(status int) func(*rawhttp.Response) bool {
	return func(r *rawhttp.Response) bool { return r.Status == status }
}

// testIstio runs the tables with the EnvoyFilter that selects by labels, then with the one that names a Gateway, then
// with ext_authz, then those of a sidecar, then with TLS between the gateway and corsd, and then with corsd inside Envoy.
func testIstio(t *testing.T, alive, dead map[kind][]string) {
	// Without the Gateway API, pilot-discovery panics for a proxy with the label of a Gateway (1.31).
	s := newSuite(t, append(run.istioCRDs, run.gatewayCRDs[0]), "istio-system", "istio-ingress", "shop")
	s.startIstio(t)
	granted := preflight("/cart", "PUT").from(page)
	s.await(t, "a route without corsd", get("/cart"), isStatus(200))

	for _, folder := range []string{"gateway", "gateway-api"} {
		s.kubectl(t, "", "apply", "--kustomize", path("deploy/istio/"+folder))
		s.await(t, "corsd by "+folder, granted, isStatus(204))
		t.Run(folder, func(t *testing.T) { alive[istio] = s.play(t, istio, table) })
		t.Run(folder+", corsd dead", func(t *testing.T) { dead[istio] = s.playDead(t, istio, outage) })
		t.Run(folder+", corsd check --envoy", func(t *testing.T) { s.checkConfig(t, "envoy_host_unserved") }) // of lean.yaml
		s.kubectl(t, "", "delete", "--kustomize", path("deploy/istio/"+folder))
		s.await(t, "no filter any more", granted, isStatus(200))
	}

	s.apply(t, "deploy/istio/ext-authz.yaml")
	s.await(t, "ext_authz", granted, isStatus(204))
	t.Run("ext_authz", func(t *testing.T) { alive[extAuthz] = s.play(t, extAuthz, table) })
	t.Run("ext_authz, corsd dead", func(t *testing.T) { dead[extAuthz] = s.playDead(t, extAuthz, outage) })
	s.kubectl(t, "", "delete", "--filename", path("deploy/istio/ext-authz.yaml"))
	s.await(t, "no filter any more", granted, isStatus(200))

	s.testSidecar(t, alive, dead)
	s.encrypt(t, "istio-ingress")
	s.kubectl(t, "", "apply", "--kustomize", overlay(t, "resources: [../istio/gateway]\ncomponents: [../istio/tls]\n"))
	s.await(t, "corsd over TLS", granted, isStatus(204))
	t.Run("TLS", func(t *testing.T) { s.play(t, istio, table) })
	t.Run("module", func(t *testing.T) { s.testIstioModule(t, alive) })
}

// playDead kills corsd, makes the requests, and starts corsd again.
func (s *suite) playDead(t *testing.T, k kind, rows []row) []string {
	t.Helper()
	s.corsd.Kill()
	s.await(t, "corsd is dead", get("/cart").from(page), func(r *rawhttp.Response) bool {
		return !grants(r, page)
	})
	cells := s.play(t, k, rows)
	s.startCorsd(t)
	s.await(t, "corsd is back", preflight("/cart", "PUT").from(page), isStatus(204))
	return cells
}
