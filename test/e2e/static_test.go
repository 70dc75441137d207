package e2e_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// TestListenerStatic: a listener with static stands in for corsd-static, which this gateway does not send. The client
// gets the same in any case; without either, corsd requests each response.
func TestListenerStatic(t *testing.T) {
	for _, row := range []struct {
		listen string
		asked  int // messages for the request of a stranger
	}{{"", 2}, {",static=strip+vary", 1}} {
		t.Run("listener"+row.listen, func(t *testing.T) {
			address := freeAddress(t)
			o := mesh.Options{
				Flags: []string{"--listen", address + row.listen}, Addresses: map[string]string{"corsd:9002": address},
			}
			b := startMesh(t, requestResponse, o, func(c *envoy.Config) error {
				return c.Delete("static_resources", "listeners", "ingress", "filter_chains", "0", "filters", "0", "typed_config",
					"route_config", "virtual_hosts", "shop", "typed_per_filter_config", "corsd", "overrides", "grpc_initial_metadata")
			})
			got := b.patiently(t, rawhttp.HTTP1, get("/cart").from(evil))
			if got.asked != row.asked {
				t.Errorf("Envoy sent corsd %d messages, want %d", got.asked, row.asked)
			}
			if diff := cmp.Diff(failOpen, corsLines(got.Response)); diff != "" {
				t.Errorf("CORS headers and Vary (-want +got):\n%s", diff)
			}
			b.expect(t, "an allowed page", get("/cart").from(page), 200, readable)
		})
	}
}
