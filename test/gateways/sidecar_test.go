package gateways

import (
	"testing"

	"github.com/corsd/corsd/test/harness/app/upstream"
)

const sidecar kind = "Istio, sidecar"

// shopProxy is the sidecar of an application. It does not intercept: it has an address of its own.
var shopProxy = proxy{
	namespace: "shop", account: "shop", address: "10.244.0.7:9080", admin: "127.0.0.1:19902",
	node: `
  id: sidecar~10.244.0.7~shop-1.shop~shop.svc.cluster.local
  cluster: shop.shop
  metadata:
    ISTIO_VERSION: 1.31.0
    NAMESPACE: shop
    CLUSTER_ID: Kubernetes
    LABELS: { app: shop }
    INTERCEPTION_MODE: NONE
    WORKLOAD_NAME: shop
`,
}

// testSidecar runs requests through a sidecar, alive and dead. Nothing strips there, so corsd does.
func (s *suite) testSidecar(t *testing.T, alive, dead map[kind][]string) {
	gateway := s.envoy
	defer func() {
		s.kubectl(t, "", "delete", "--kustomize", path("deploy/istio/sidecar"))
		s.envoy = gateway
		s.returned = len(s.lines())
	}()
	serve(t, "127.0.0.1:8300", upstream.Shop())
	s.kubectl(t, "", "apply", "--kustomize", path("deploy/istio/sidecar"))
	s.apply(t, "testdata/istio-sidecar.yaml")
	s.startProxy(t, shopProxy)
	s.await(t, "corsd in a sidecar", preflight("/cart", "PUT").from(page), isStatus(204))
	t.Run("sidecar", func(t *testing.T) { alive[sidecar] = s.play(t, sidecar, sidecarTable) })
	t.Run("sidecar, corsd dead", func(t *testing.T) { dead[sidecar] = s.playDead(t, sidecar, sidecarOutage) })
}

// sidecarTable is what the sidecar is asked. It has one virtual host, for all hosts.
var sidecarTable = []row{
	{
		name:    "a preflight of an allowed page",
		request: preflight("/cart", "PUT").from(page),
		want:    want{204, allGranted, 1, "allowed"},
	},
	{
		name:    "a preflight of an unknown page",
		request: preflight("/cart", "PUT").from(evil),
		want:    want{403, []string{varyPreflight}, 1, "origin_not_allowed"},
	},
	{
		name:    "a request of an allowed page",
		request: get("/cart").from(page),
		want:    want{200, and(granted, varyCart), 2, "allowed"},
	},
	{
		name:    "a request of an unknown page: corsd removes the application's CORS headers",
		request: get("/cart").from(evil),
		want:    want{200, []string{varyCart}, 2, "origin_not_allowed"},
	},
	{
		name:    "a request without an Origin",
		request: get("/cart"),
		want:    want{200, and(upstreams, "vary: Accept-Encoding"), 0, "-"},
	},
	{
		name:    "Shadow: a request of an unknown page",
		request: get("/cart").at("legacy.shop.example").from(evil),
		want:    want{200, and(upstreams, "vary: Accept-Encoding"), 1, "origin_not_allowed"},
	},
	{
		name:    "Block: a request of an unknown page does not reach the application",
		request: do("DELETE", "/cart").at("office.shop.example").from(evil),
		want:    want{403, []string{varyOrigin}, 1, "origin_not_allowed"},
	},
	{
		name:    "a WebSocket of an unknown page",
		request: webSocket("/chat").at("office.shop.example").from(evil),
		want:    want{403, []string{varyOrigin}, 1, "origin_not_allowed"},
	},
}

// sidecarOutage is what the sidecar is asked while corsd is dead.
var sidecarOutage = []row{
	{
		name:    "a request of an unknown page: the application's headers reach the page",
		request: get("/cart").from(evil),
		want:    want{200, and(upstreams, "vary: Accept-Encoding"), uncounted, "-"},
	},
	{
		name:    "the host with `Block`",
		request: do("DELETE", "/cart").at("office.shop.example").from(evil),
		want:    want{200, and(upstreams, "vary: Accept-Encoding"), uncounted, "-"},
	},
}
