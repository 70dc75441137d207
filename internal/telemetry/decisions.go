package telemetry

import (
	"iter"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// decisions counts decisions by their labels. It keeps the counter of each set of labels, so
// that counting neither formats labels nor allocates.
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
	profile     extproc.Profile
}

func newDecisions() *decisions {
	return &decisions{
		vec: counters("decisions_total", "Decisions, by what they came to. Under Shadow they are counted as if enforced.",
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

func (c *decisions) add(p extproc.Profile, d *policy.Decision) {
	labels := decided{d.Policy(), d.Enforcement(), d.Class, d.Verdict, d.Reason, p}
	c.mu.RLock()
	counter, ok := c.known[labels]
	c.mu.RUnlock()
	if !ok {
		counter = c.learn(labels)
	}
	counter.Inc()
}

func (c *decisions) learn(labels decided) prometheus.Counter {
	// They may be parts of larger strings: the engine's, or a file's.
	labels.policy = strings.Clone(labels.policy)
	labels.enforcement = spec.Enforcement(strings.Clone(string(labels.enforcement)))
	c.mu.Lock()
	defer c.mu.Unlock()
	counter := c.vec.WithLabelValues(labels.labels()...)
	c.known[labels] = counter
	return counter
}

// keepOnly deletes the series of policies that are not among the names. A decision of the
// engine before, made at this very moment, may bring one back until the next call.
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
