package reload

import (
	"os"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
)

// servingGarbage is how many bytes of garbage accumulate before the garbage collector runs. Go's
// own rule is a percentage of the live heap. That heap is mostly the policy, which costs the
// collector little, and garbage of its size would waste memory. A cycle delays the requests of
// some 2 ms; with 21 MB there is one for every 5,000 requests.
const servingGarbage = 21 << 20

// servingLive is the number of bytes that 64 streams and their connections add to the live heap and the roots. The
// percentage is usually set without them, at the start, and would let a quarter more garbage accumulate than
// servingGarbage.
const servingLive = 3 << 19

const minGCPercent = 50

// readingPercent is the least percentage while policy files are read: their trees are garbage, and the collector would
// mark the live policy again for each part of them. Compiling needs more memory, but makes less garbage.
const readingPercent = 100

// whileReading runs f with that percentage.
func whileReading(f func()) {
	before := debug.SetGCPercent(readingPercent)
	defer debug.SetGCPercent(before)
	if before > readingPercent || os.Getenv("GOGC") != "" {
		debug.SetGCPercent(before)
	}
	f()
}

// gcPercent returns the percentage at which the collector runs at servingGarbage. Go counts roots
// (stacks and globals) as live, and lets any heap grow to at least 4 MB times the percentage.
func gcPercent(live, roots uint64) int {
	const leastHeap = 4 << 20
	percent := min(servingGarbage*100/max(live+roots, 1), (live+servingGarbage)*100/leastHeap)
	return int(max(percent, minGCPercent))
}

// tuneGC sets the percentage for the live heap, which a reload has changed. GOGC in the environment
// has precedence.
func (r *Reloader) tuneGC() {
	if r.leavesGC || os.Getenv("GOGC") != "" {
		return
	}
	runtime.GC() // so that the size of the live heap is known
	sample := []runtimemetrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
	}
	runtimemetrics.Read(sample)
	live, roots := sample[0].Value.Uint64(), sample[1].Value.Uint64()+sample[2].Value.Uint64()
	debug.SetGCPercent(gcPercent(live+servingLive, roots))
}
