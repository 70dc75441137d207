package extproc_test

import (
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
)

// TestPanics: a panic is contained, counted, and logged with a stack. The message
// that met it is answered without changes, and others are served as ever.
func TestPanics(t *testing.T) {
	fails := lean("GET", "strict.shop.example/", page)
	unchangedCheck := passes(why{})
	unchangedCheck.DynamicMetadata = nil
	rows := []struct {
		name string
		ask  func(*bench)
	}{
		{"in a request", func(b *bench) {
			equal(t, []answer{untouchedRequest()}, b.answers(t, nil, get("strict.shop.example/", page)))
		}},
		{"in a preflight", func(b *bench) {
			equal(t, []answer{untouchedRequest(), untouchedRequestBody()}, b.answers(t, nil, preflight("strict.shop.example/", "PUT", page), requestBody))
		}},
		{"in a response", func(b *bench) {
			equal(t, []answer{untouchedResponse(), untouchedResponseBody()}, b.answers(t, fails, responds("200", acaoAny), responseBody))
		}},
		{"in observability mode, where nothing is answered", func(b *bench) {
			equal(t, nil, b.answers(t, nil, observed(get("strict.shop.example/", page))))
		}},
		{"in a check", func(b *bench) {
			equal(t, unchangedCheck, b.asked(t, checkRequest("GET", "strict.shop.example/", page)))
		}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			b := newBench(t)
			b.observer.onDecided = func(d *policy.Decision) {
				if d.Reason == policy.ReasonNoRule {
					panic("out of order")
				}
			}
			for times := 1; times <= 2; times++ {
				r.ask(b)
				equal(t, []answer{asks(allowed)}, b.answers(t, nil, get("api.shop.example/cart", page)))
				logged := b.log.entries(t, "panic while answering Envoy; the message was answered without changes")
				if b.observer.panics != times || len(logged) != times {
					t.Fatalf("%d panics counted, %d logged; want %d", b.observer.panics, len(logged), times)
				}
				e := logged[times-1]
				if stack, _ := e["stack"].(string); e["level"] != "ERROR" || e["panic"] != "out of order" || !strings.Contains(stack, "panics_test.go") {
					t.Errorf("logged %v", e)
				}
			}
		})
	}
}
