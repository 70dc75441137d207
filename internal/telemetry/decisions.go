package telemetry

import (
	"iter"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// decisions counts decisions by their labels. It keeps the counter of each set of labels, so that
// counting neither formats labels nor allocates.
type decisions struct {
	vec *prometheus.CounterVec

	mu    sync.RWMutex // of known
	known map[decided]prometheus.Counter
}

// decided is the labels of a decision.
type decided struct {
	policy      string
	enforcement spec.Enforcement
	class       policy.Class
	verdict     policy.Verdict
	reason      policy.Reason
	profile     exchange.Profile
}

func newDecisions() *decisions {
	return &decisions{
		vec: counters("decisions_total", "Decisions by their result. Under Shadow they count as if enforced.",
			"class", "verdict", "reason", "policy", "enforcement", "profile"),
		known: map[decided]prometheus.Counter{},
	}
}

// labels returns the values in the order of the counter's labels.
func (k *decided) labels() []string {
	return []string{
		k.class.String(), k.verdict.String(), k.reason.String(), k.policy, string(k.enforcement), k.profile.String(),
	}
}

func (c *decisions) add(p exchange.Profile, d *policy.Decision) {
	labels := decided{d.Policy(), d.Enforcement(), d.Class, d.Verdict, d.Reason, p}
	c.mu.RLock()
	counter, known := c.known[labels]
	c.mu.RUnlock()
	if !known {
		counter = c.create(labels)
	}
	counter.Inc()
}

// create makes the counter of a new set of labels.
func (c *decisions) create(labels decided) prometheus.Counter {
	// The names may be slices of larger strings: the engine's, or a file's.
	labels.policy = strings.Clone(labels.policy)
	labels.enforcement = spec.Enforcement(strings.Clone(string(labels.enforcement)))
	c.mu.Lock()
	defer c.mu.Unlock()
	counter := c.vec.WithLabelValues(labels.labels()...)
	c.known[labels] = counter
	return counter
}

// keepOnly deletes the series of all other policies. A decision that the previous engine makes at
// this moment may create one again; the next call deletes it.
func (c *decisions) keepOnly(policies iter.Seq[string]) {
	live := map[string]bool{"": true} // no policy
	for name := range policies {
		live[name] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for labels := range c.known {
		if !live[labels.policy] {
			c.vec.DeleteLabelValues(labels.labels()...)
			delete(c.known, labels)
		}
	}
}
