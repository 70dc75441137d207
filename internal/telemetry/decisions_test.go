package telemetry

import (
	"fmt"
	"strconv"
	"strings"
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

// manyPolicies returns an engine of policies p0, p1 and so on, each with a host of its own.
func manyPolicies(t *testing.T, n int) *policy.Engine {
	t.Helper()
	var config spec.Config
	for i := range n {
		config.Policies = append(config.Policies, spec.Policy{Name: fmt.Sprintf("p%d", i), Spec: spec.PolicySpec{
			Hosts: []string{fmt.Sprintf("h%d.example", i)}, CORS: &spec.CORS{AllowOrigins: []string{"https://a.example"}},
		}})
	}
	engine, _, err := policy.Compile(config, policy.InOrder())
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// TestPolicyLabelsAreBounded: the first policies have series of their own, the others one together. Series of their own
// end when policies become others, and the other way round.
func TestPolicyLabelsAreBounded(t *testing.T) {
	m := New(Build{})
	hosts := []int{0, maxPolicies - 1, maxPolicies, maxPolicies + 1}
	for _, step := range []struct {
		policies int
		want     []string
	}{
		{maxPolicies, []string{"", "p0", "p999"}},
		{maxPolicies + 2, []string{"", "p0", "p999", "other"}},
		{maxPolicies - 1, []string{"", "p0"}},
		{maxPolicies + 1, []string{"", "p0", "p999", "other"}},
	} {
		engine := manyPolicies(t, step.policies)
		m.Live(engine, nil)
		for _, i := range hosts {
			d := engine.Decide(&policy.Request{
				Method: "GET", Authority: fmt.Sprintf("h%d.example", i), Path: "/", Origin: []string{"https://a.example"},
			})
			m.Decided(t.Context(), exchange.Event{Decision: &d})
			if d.Policy() != "" {
				m.StripConflict(t.Context(), exchange.Event{Decision: &d})
			}
		}
		for _, name := range []string{"decisions_total", "strip_conflicts_total"} {
			got := map[string]bool{}
			for key := range values(t, m, name) {
				for _, want := range append(step.want, "p1000", "p1001") {
					if want != "" && strings.Contains(key+" ", " "+want+" ") {
						got[want] = true
					}
				}
			}
			if len(got) != len(step.want)-1 {
				t.Errorf("%d policies: %s has the labels %v, want %q", step.policies, name, got, step.want)
			}
		}
	}
}
