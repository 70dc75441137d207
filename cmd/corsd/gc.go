package main

import (
	"os"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
)

// servingGarbage is how much garbage there may be before the garbage collector runs, in bytes. Go
// itself goes by a percentage of what lives; but what lives is mostly the policy, which costs the
// collector little, and memory would grow by five times its size. A cycle takes some 2 ms, which
// the requests of that time wait for. With 21 MB there is one for every 5,000.
const servingGarbage = 21 << 20

const minGCPercent = 50

// gcPercent returns the percentage that makes the collector run at servingGarbage. Go counts roots
// (stacks and globals) as if they lived, and lets a heap grow to 4 MB times the percentage however
// little lives.
func gcPercent(live, roots uint64) int {
	const leastHeap = 4 << 20
	percent := min(servingGarbage*100/max(live+roots, 1), (live+servingGarbage)*100/leastHeap)
	return int(max(percent, minGCPercent))
}

// tuneGC sets the percentage for what lives now, which a reload has changed. It leaves alone what
// someone has set by GOGC.
func tuneGC() {
	if os.Getenv("GOGC") != "" {
		return
	}
	runtime.GC() // so that what lives is known
	sample := []runtimemetrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
	}
	runtimemetrics.Read(sample)
	debug.SetGCPercent(gcPercent(sample[0].Value.Uint64(), sample[1].Value.Uint64()+sample[2].Value.Uint64()))
}
