package main

import (
	"context"
	"os"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"sync/atomic"
	"time"
)

// How much garbage there may be before the garbage collector runs, in bytes, whatever
// the policy's size. Go's own measure is a percentage of what lives; but what lives is
// mostly the policy, which costs the collector next to nothing, and memory would grow by
// five times its size.
const (
	// servingGarbage: a cycle of the collector takes some 2 ms, which the requests of
	// that time wait for. With 21 MB there is one for every 5,000.
	servingGarbage = 21 << 20
	// loadingGarbage: reading 100,000 rules makes 900 MB of garbage beside that of serving,
	// and of what lives meanwhile some does cost the collector: a cycle takes twice as long.
	// With more garbage there are fewer cycles, but each has more to sweep, which requests
	// wait for as well, and memory grows with it. No policy needs more than four times what
	// lives.
	loadingGarbage = 40 << 20

	minGCPercent = 50
)

// gcPercent is the percentage that makes the collector run when there is so much garbage.
// Go counts roots (stacks and globals) as if they lived, and lets a heap grow to 4 MB
// times the percentage however little lives.
func gcPercent(live, roots, garbage uint64) int {
	garbage = min(garbage, max(servingGarbage, 4*live))
	const leastHeap = 4 << 20
	percent := min(garbage*100/max(live+roots, 1), (live+garbage)*100/leastHeap)
	return int(max(percent, minGCPercent))
}

// gcTuner keeps the percentage right while what lives comes and goes. It leaves alone
// what someone has set by GOGC.
type gcTuner struct {
	garbage *atomic.Uint64
	percent int
	sample  []runtimemetrics.Sample
}

func newGCTuner(garbage *atomic.Uint64) *gcTuner {
	return &gcTuner{garbage: garbage, percent: 100, sample: []runtimemetrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
	}}
}

func (t *gcTuner) tune() {
	runtimemetrics.Read(t.sample)
	live, roots := t.sample[0].Value.Uint64(), t.sample[1].Value.Uint64()+t.sample[2].Value.Uint64()
	percent := gcPercent(live, roots, t.garbage.Load())
	if 10*max(percent-t.percent, t.percent-percent) < t.percent {
		return // to set it stops the world for a moment
	}
	t.percent = percent
	debug.SetGCPercent(percent)
}

// keep tunes until ctx ends.
func (t *gcTuner) keep(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		t.tune()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
