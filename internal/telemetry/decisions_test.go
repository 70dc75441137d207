package telemetry

import (
	"strconv"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestDecisionsAreCounted: while many goroutines count and create series, and one reads them, no
// decision is lost or counted under wrong labels.
func TestDecisionsAreCounted(t *testing.T) {
	const policies, goroutines, rounds = 40, 8, 25
	var config spec.Config
	for i := range policies {
		config.Policies = append(config.Policies, spec.Policy{Name: "p" + strconv.Itoa(i), Spec: spec.PolicySpec{
			Hosts: []string{"h" + strconv.Itoa(i) + ".example"}, CORS: &spec.CORS{AllowOrigins: []string{"https://a.example"}},
		}})
	}
	engine, _, err := policy.Compile(config)
	if err != nil {
		t.Fatal(err)
	}
	c := newDecisions()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c.vec)
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range rounds {
				for i := range policies {
					origin := []string{"https://a.example", "https://b.example"}[i%2]
					d := engine.Decide(&policy.Request{
						Method: "GET", Scheme: "https", Authority: "h" + strconv.Itoa(i) + ".example", Path: "/", Origin: []string{origin},
					})
					c.add(exchange.ResponseOnly, &d)
				}
			}
		})
	}
	group.Go(func() {
		for range rounds {
			if _, err := registry.Gather(); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]int{}
	for _, m := range families[0].GetMetric() {
		labels := map[string]string{}
		for _, pair := range m.GetLabel() {
			labels[pair.GetName()] = pair.GetValue()
		}
		counted[labels["policy"]+" "+labels["reason"]] = int(m.GetCounter().GetValue())
	}
	for i := range policies {
		name := "p" + strconv.Itoa(i) + " " + []string{"allowed", "origin_not_allowed"}[i%2]
		if counted[name] != goroutines*rounds {
			t.Errorf("%s: %d of %d", name, counted[name], goroutines*rounds)
		}
	}
	if len(counted) != policies {
		t.Errorf("%d counters, not %d", len(counted), policies)
	}
}
