package policy_test

import (
	"fmt"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
)

// mesh is a policy of some size: hosts with ten rules each, and one set of origins
// that all of them allow.
func sizedMesh(hosts, origins int) policy.Config {
	cfg := policy.Config{OriginSets: []policy.OriginSet{{Name: "apps"}}}
	for i := range origins {
		cfg.OriginSets[0].Spec.Origins = append(cfg.OriginSets[0].Spec.Origins, fmt.Sprintf("https://app%05d.tenant%03d.example.com", i, i%997))
	}
	for i := range hosts {
		spec := policy.Spec{Hosts: []string{fmt.Sprintf("api%04d.example.com", i)}, CORS: &policy.CORS{
			AllowOriginSets: []string{"apps"}, AllowCredentials: new(true), AllowMethods: []string{"GET", "PUT"}, AllowHeaders: []string{"Content-Type"},
		}}
		for j := range 10 {
			spec.Rules = append(spec.Rules, policy.Rule{Name: fmt.Sprintf("svc%d", j), Match: prefix(fmt.Sprintf("/v1/svc%d", j)), CORS: &policy.CORS{ExposeHeaders: []string{"ETag"}}})
		}
		cfg.Policies = append(cfg.Policies, policy.Policy{Name: fmt.Sprintf("api%04d", i), Spec: spec})
	}
	return cfg
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000, 10_000} {
		engine, _, err := policy.Compile(sizedMesh(n, n*10))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("class=actual/hosts=%d", n), func(b *testing.B) {
			var requests [256]policy.Request
			for i := range requests {
				k := i * 7919 % n
				requests[i] = policy.Request{Method: "GET", Scheme: "https", Authority: fmt.Sprintf("api%04d.example.com", k),
					Path:   fmt.Sprintf("/v1/svc%d/accounts/%d/orders?limit=50&cursor=eyJpZCI6MTIzNDU2fQ", i%10, 10000+i),
					Origin: []string{fmt.Sprintf("https://app%05d.tenant%03d.example.com", k, k%997)}, FetchSite: []string{"same-site"},
				}
			}
			var a policy.Answer
			upstream := []policy.Field{{Name: "vary", Value: []byte("accept-encoding")}}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				d := engine.Decide(&requests[i&255])
				i++
				a.Reset()
				d.AppendResponsePhase(&a, 200, upstream)
			}
		})
	}
}
