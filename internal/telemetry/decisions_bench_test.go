package telemetry

import (
	"testing"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// BenchmarkDecided is the cost of counting one decision whose series exists.
func BenchmarkDecided(b *testing.B) {
	engine, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{{Name: "shop", Spec: spec.PolicySpec{
		Hosts: []string{"api.shop.example"}, CORS: &spec.CORS{AllowOrigins: []string{"https://a.example"}},
	}}}})
	if err != nil {
		b.Fatal(err)
	}
	d := engine.Decide(&policy.Request{
		Method: "GET", Scheme: "https", Authority: "api.shop.example", Path: "/", Origin: []string{"https://a.example"},
	})
	e := exchange.Event{Profile: exchange.RequestResponse, Decision: &d}
	m := New(Build{})
	m.Decided(b.Context(), e)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Decided(b.Context(), e)
		}
	})
}
