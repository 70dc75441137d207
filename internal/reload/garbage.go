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

// collection is when the garbage collector runs.
type collection struct {
	garbage uint64 // bytes that accumulate before it
	unseen  uint64 // bytes that will be live, and are not yet when the percentage is set
	least   uint64 // the least percentage of the live heap, which is what a cycle costs
	returns bool   // what reading has needed goes back to the system at once
}

var (
	serving = collection{garbage: servingGarbage, unseen: servingLive, least: 50}
	// sparing is for Envoy's process, whose memory is not corsd's: a decision there makes so little garbage that a
	// cycle follows 100,000 requests.
	sparing = collection{garbage: 2 << 20, least: 2, returns: true}
)

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

// percent returns the percentage at which the collector runs at that garbage. Go counts roots (stacks and globals) as
// live, and lets any heap grow to at least 4 MB times the percentage.
func (c collection) percent(live, roots uint64) int {
	const leastHeap = 4 << 20
	live += c.unseen
	percent := min(c.garbage*100/max(live+roots, 1), (live+c.garbage)*100/leastHeap)
	return int(max(percent, c.least))
}

// tuneGC sets the percentage for the live heap, which a reload has changed. GOGC in the environment
// has precedence.
func (r *Reloader) tuneGC() {
	if os.Getenv("GOGC") != "" {
		return
	}
	if r.collection.returns { // both collect, so that the size of the live heap is known
		debug.FreeOSMemory()
	} else {
		runtime.GC()
	}
	sample := []runtimemetrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
	}
	runtimemetrics.Read(sample)
	live, roots := sample[0].Value.Uint64(), sample[1].Value.Uint64()+sample[2].Value.Uint64()
	debug.SetGCPercent(r.collection.percent(live, roots))
}
