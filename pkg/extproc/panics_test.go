package extproc_test

import (
	"strings"
	"testing"

	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
)

// TestPanics: a panic is contained, counted, and logged with a stack. The answer to its message
// changes nothing, and other messages are answered as usual.
func TestPanics(t *testing.T) {
	fails := responseOnly("GET", "strict.shop.example/", page)
	rows := []struct {
		name string
		play func(*fixture)
	}{
		{"in a request", func(f *fixture) {
			exchangetest.Equal(t, []answer{untouchedRequest()}, f.answers(t, nil, get("strict.shop.example/", page)))
		}},
		{"in a preflight", func(f *fixture) {
			exchangetest.Equal(t, []answer{untouchedRequest(), untouchedRequestBody()},
				f.answers(t, nil, preflight("strict.shop.example/", "PUT", page), requestBody))
		}},
		{"in a response", func(f *fixture) {
			exchangetest.Equal(t, []answer{untouchedResponse(), untouchedResponseBody()},
				f.answers(t, fails, responds("200", acaoAny), responseBody))
		}},
		{"in observability mode, where nothing is answered", func(f *fixture) {
			exchangetest.Equal(t, nil, f.answers(t, nil, observed(get("strict.shop.example/", page))))
		}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			f := newFixture(t)
			f.Observer.OnDecided = func(e extproc.Event) {
				if e.Decision.Reason == policy.ReasonNoRule {
					panic("out of order")
				}
			}
			for times := 1; times <= 2; times++ {
				r.play(f)
				exchangetest.Equal(t, []answer{awaits(allowed)}, f.answers(t, nil, get("api.shop.example/cart", page)))
				logged := f.Log.Entries(t, "panic while answering Envoy; the message was answered without changes")
				if f.Observer.Panics != times || len(logged) != times {
					t.Fatalf("%d panics counted, %d logged; want %d", f.Observer.Panics, len(logged), times)
				}
				e := logged[times-1]
				stack, _ := e["stack"].(string)
				if e["level"] != "ERROR" || e["panic"] != "out of order" || !strings.Contains(stack, "panics_test.go") {
					t.Errorf("logged %v", e)
				}
			}
		})
	}
}
