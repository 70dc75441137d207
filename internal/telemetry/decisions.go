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

	mu    sync.RWMutex // of what follows
	known map[decided]prometheus.Counter
	named map[string]bool // the policies that are labels; nil for all
}

// maxPolicies bounds the policies that are values of the label policy. In a cluster anyone with a namespace can make
// policies, and each has some series for each kind of request.
const maxPolicies = 1000

// otherPolicies is the value of the label for all other policies together.
const otherPolicies = "other"

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
	labels.policy = c.label(labels.policy)
	counter, known := c.known[labels]
	c.mu.RUnlock()
	if !known {
		counter = c.create(labels)
	}
	counter.Inc()
}

// label returns the value of the label for a policy. The caller holds c.mu.
func (c *decisions) label(policy string) string {
	if c.named != nil && !c.named[policy] {
		return otherPolicies
	}
	return policy
}

// policyLabel is label for those who do not hold c.mu.
func (c *decisions) policyLabel(policy string) string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.label(policy)
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

// keepOnly makes the first of the live policies labels, which are the oldest of a cluster, and deletes the series of
// all others. It returns those that are no labels. A decision that the previous engine makes at this moment may create
// a series again; the next call deletes it.
func (c *decisions) keepOnly(policies iter.Seq[string]) (others []string) {
	live := map[string]bool{"": true} // no policy
	for name := range policies {
		if len(live) <= maxPolicies {
			live[strings.Clone(name)] = true
		} else if !live[name] {
			others = append(others, name)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.named = nil
	if len(others) > 0 {
		c.named = live
	}
	for labels := range c.known {
		if !live[labels.policy] && (labels.policy != otherPolicies || len(others) == 0) {
			c.vec.DeleteLabelValues(labels.labels()...)
			delete(c.known, labels)
		}
	}
	return others
}
