package main

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
)

// decisions counts decisions by their labels. A prometheus.CounterVec would do the same
// with a dozen objects for each counter, and with a thousand policies these were a
// quarter of what every cycle of the garbage collector looked at: here counters are
// numbers, and become Prometheus's metrics when someone asks.
type decisions struct {
	desc *prometheus.Desc

	mu       sync.RWMutex // of all but what the counts are
	subjects map[subject]uint32
	places   map[decided]uint32
	counts   []uint64
}

// subject is what a decision is about, of the labels that are words.
type subject struct {
	policy      string
	enforcement policy.Enforcement
}

// decided is what counters are told apart by. It has no pointers.
type decided struct {
	class   policy.Class
	verdict policy.Verdict
	reason  policy.Reason
	profile extproc.Profile
	subject uint32
}

var _ prometheus.Collector = (*decisions)(nil)

func newDecisions() *decisions {
	return &decisions{
		desc: description("decisions_total", "Decisions, by what they came to. Under Shadow they are counted as if enforced.",
			"class", "verdict", "reason", "policy", "enforcement", "profile"),
		subjects: map[subject]uint32{}, places: map[decided]uint32{},
	}
}

func (c *decisions) add(p extproc.Profile, d *policy.Decision) {
	if !c.addKnown(p, d) {
		c.learn(p, d)
		c.addKnown(p, d)
	}
}

// addKnown reports whether there was a counter to add to.
func (c *decisions) addKnown(p extproc.Profile, d *policy.Decision) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	about, ok := c.subjects[subject{d.Policy(), d.Enforcement()}]
	if !ok {
		return false
	}
	place, ok := c.places[decided{d.Class, d.Verdict, d.Reason, p, about}]
	if ok {
		atomic.AddUint64(&c.counts[place], 1)
	}
	return ok
}

// learn makes a counter, if nobody has made it meanwhile.
func (c *decisions) learn(p extproc.Profile, d *policy.Decision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := subject{d.Policy(), d.Enforcement()}
	about, ok := c.subjects[name]
	if !ok {
		about = uint32(len(c.subjects))
		// They may be parts of longer texts: the engine's, or a file's.
		name = subject{strings.Clone(name.policy), policy.Enforcement(strings.Clone(string(name.enforcement)))}
		c.subjects[name] = about
	}
	kind := decided{d.Class, d.Verdict, d.Reason, p, about}
	if _, ok := c.places[kind]; !ok {
		c.places[kind] = uint32(len(c.counts))
		c.counts = append(c.counts, 0)
	}
}

// Describe is of prometheus.Collector.
func (c *decisions) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

// Collect is of prometheus.Collector.
func (c *decisions) Collect(to chan<- prometheus.Metric) {
	for _, m := range c.collect() {
		to <- m
	}
}

// collect gives all counters. It does not wait for anyone, so that no decision does.
func (c *decisions) collect() []prometheus.Metric {
	c.mu.RLock()
	defer c.mu.RUnlock()
	names := make([]subject, len(c.subjects))
	for name, number := range c.subjects {
		names[number] = name
	}
	all := make([]prometheus.Metric, len(c.counts))
	for k, place := range c.places {
		name := names[k.subject]
		all[place] = prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(atomic.LoadUint64(&c.counts[place])),
			k.class.String(), k.verdict.String(), k.reason.String(), name.policy, string(name.enforcement), k.profile.String())
	}
	return all
}
