package telemetry

import (
	"testing"

	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// BenchmarkDecided is what counting one decision costs, whose series exists.
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
	m := New(Build{})
	m.Decided(extproc.TwoPhase, &d)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Decided(extproc.TwoPhase, &d)
		}
	})
}
