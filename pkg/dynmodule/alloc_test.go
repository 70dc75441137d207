//go:build !race

package dynmodule_test

import (
	"log/slog"
	"testing"

	"github.com/corsd/corsd/internal/dynmoduletest"
	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/pkg/dynmodule"
	"github.com/corsd/corsd/pkg/policy"
)

// TestAllocates: a decision allocates the text of its request, and nothing else.
func TestAllocates(t *testing.T) {
	engine := exchangetest.Engine(t)
	m, err := dynmodule.New(dynmodule.Options{
		Engine: func() *policy.Engine { return engine }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 0, 2048)
	response := dynmoduletest.Headers(fields("vary: accept", "access-control-allow-origin: *", "etag: z"))
	for _, row := range [][]policy.Field{
		request("GET", "api.shop.example/cart", page),
		request("GET", "merge.shop.example/", page),
		request("OPTIONS", "api.shop.example/cart", page, "access-control-request-method: PUT"),
	} {
		headers := dynmoduletest.Headers(row)
		n := testing.AllocsPerRun(100, func() {
			if _, rest := m.Request(nil, headers, buffer); rest != nil {
				rest.Response(response, buffer)
			}
		})
		if n > 1 {
			t.Errorf("%v allocations", n)
		}
	}
}
