//go:build cgo

// Command corsd-module is corsd as a dynamic module of Envoy: a shared library that decides in Envoy's
// process. hooks.c has the functions that Envoy calls, this file those that hooks.c calls. What is decided,
// and by which policies, is in pkg/dynmodule and internal/modulehost.
//
// No pointer of Go is given to C: handles stand for Go's values. No pointer of C is kept.
package main

// #cgo CFLAGS: -O2 -Wall -Wextra
// #include "module.h"
import "C"

import (
	"fmt"
	"runtime"
	"runtime/cgo"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"github.com/corsd/corsd/internal/modulehost"
	"github.com/corsd/corsd/pkg/dynmodule"
	"github.com/corsd/corsd/pkg/policy"
)

func main() {} // of a library, never called

// version is set by the linker.
var version = "devel"

// On one core Go would run one goroutine at a time, and a decision would wait up to 10 ms for a reload.
func init() {
	if runtime.GOMAXPROCS(0) == 1 {
		runtime.GOMAXPROCS(2)
	}
}

// host is the state of the process. A library has no other place for it.
var host = modulehost.New(logger, version)

// contained is deferred by the functions that Envoy's configuration leads to: Envoy does not survive a panic
// that leaves Go.
func contained() {
	if p := recover(); p != nil {
		logger.Error("panic in a dynamic module", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}

//export corsdOpen
func corsdOpen(c *C.struct_config, text *C.char, length C.size_t) (ok C.bool) {
	defer contained()
	f, err := openFilter(c, bytesOf(text, length))
	if err != nil {
		logger.Error("Envoy's configuration is refused", "error", err.Error())
		return false
	}
	c.handle = C.uintptr_t(cgo.NewHandle(f))
	return true
}

//export corsdClose
func corsdClose(c *C.struct_config) {
	defer contained()
	handle := cgo.Handle(c.handle)
	handle.Value().(*filter).close(c)
	handle.Delete()
}

//export corsdPublish
func corsdPublish(c *C.struct_config) {
	defer contained()
	cgo.Handle(c.handle).Value().(*filter).publish(c)
}

//export corsdSelector
func corsdSelector(text *C.char, length C.size_t, selector *C.struct_text) (ok C.bool) {
	defer contained()
	s, err := modulehost.ParseRoute(bytesOf(text, length))
	if err != nil {
		logger.Error("Envoy's configuration is refused", "error", err.Error())
		return false
	}
	selector.data, selector.length = C.CString(s), C.size_t(len(s))
	return true
}

//export corsdRequest
func corsdRequest(handle C.uintptr_t, route *C.struct_text, headers *C.struct_header, n C.size_t, a *C.struct_answer) {
	var selector []byte
	if route != nil {
		selector = bytesOf(route.data, route.length)
	}
	f := cgo.Handle(handle).Value().(*filter)
	answer, rest := f.policies.Request(selector, headersOf(headers, n), room(a))
	if rest != nil {
		a.rest = C.uintptr_t(cgo.NewHandle(rest))
	}
	deliver(a, answer)
}

//export corsdResponse
func corsdResponse(rest C.uintptr_t, headers *C.struct_header, n C.size_t, a *C.struct_answer) {
	x := take(rest)
	deliver(a, x.Response(headersOf(headers, n), room(a)))
}

//export corsdRelease
func corsdRelease(rest C.uintptr_t) { take(rest).Close() }

func take(rest C.uintptr_t) *dynmodule.Exchange {
	handle := cgo.Handle(rest)
	defer handle.Delete()
	return handle.Value().(*dynmodule.Exchange)
}

// room returns the memory of the caller for an answer.
func room(a *C.struct_answer) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(a.data)), int(a.length))[:0]
}

// deliver passes an answer to the caller, in its memory if it is there already.
func deliver(a *C.struct_answer, answer []byte) {
	if unsafe.SliceData(answer) != (*byte)(unsafe.Pointer(a.data)) {
		a.data, a.allocated = (*C.char)(C.CBytes(answer)), true
	}
	a.length = C.size_t(len(answer))
}

// bytesOf returns memory of C, which lasts as long as the call.
func bytesOf(text *C.char, length C.size_t) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(text)), int(length))
}

func headersOf(headers *C.struct_header, n C.size_t) []dynmodule.Header {
	return unsafe.Slice((*dynmodule.Header)(unsafe.Pointer(headers)), int(n))
}

// The numbers and sizes that both halves know. A difference does not compile.
var (
	_ = [1]int{}[unsafe.Sizeof(dynmodule.Header{})-C.sizeof_struct_header]
	_ = [1]int{}[C.UNTOUCHED-int(dynmodule.Untouched)+C.EDIT-int(dynmodule.Edit)]
	_ = [1]int{}[C.ASK-int(dynmodule.Ask)]
	_ = [1]int{}[C.RESPOND-int(dynmodule.Respond)]
	_ = [1]int{}[C.STRIP-int(dynmodule.Strip)]
	_ = [1]int{}[C.VARY_ORIGIN-int(dynmodule.VaryOrigin)]
	_ = [1]int{}[C.PANICKED-int(dynmodule.Panicked)]
	_ = [1]int{}[C.DENY-int(policy.VerdictDeny)]
	_ = [1]int{}[C.SET-int(dynmodule.Set)]
	_ = [1]int{}[C.REMOVE-int(dynmodule.Remove)]
	_ = [1]int{}[C.FACT-int(dynmodule.Fact)]
	_ = [1]int{}[C.DETAILS-int(dynmodule.Details)]
)

// filter is the state in Go of a filter of Envoy's configuration.
type filter struct {
	policies  *modulehost.Policies
	unwatch   func()
	figures   figures
	published modulehost.Stats
}

func openFilter(c *C.struct_config, text []byte) (*filter, error) {
	config, err := modulehost.ParseConfig(text)
	if err != nil {
		return nil, err
	}
	policies, err := host.Open(config, bool(C.corsd_validates()))
	if err != nil {
		return nil, err
	}
	f := &filter{policies: policies, unwatch: func() {}}
	if err := f.define(c); err != nil {
		policies.Close()
		return nil, err
	}
	c.all, c.remembers = C.bool(config.Requests == modulehost.All), C.bool(*config.Remember)
	c.scheduler = C.corsd_scheduler(c.envoy)
	f.unwatch = policies.OnChange(f.changed(c))
	if f.figures.defined {
		f.publish(c)
	}
	return f, nil
}

// generation is the last one of all policies of the process. A number is used once, so that no worker confuses
// the decisions of a filter that has ended with those of another.
var generation atomic.Uint64

// changed returns what is called after each change of the policies, from any goroutine, and begins their generation.
func (f *filter) changed(c *C.struct_config) func() {
	next := func() { atomic.StoreUint64((*uint64)(&c.generation), generation.Add(1)) }
	next()
	scheduler, publish := c.scheduler, c.scheduler != nil && f.figures.defined
	return func() {
		if next(); publish {
			C.corsd_schedule(scheduler)
		}
	}
}

func (f *filter) close(c *C.struct_config) {
	f.unwatch()
	if c.scheduler != nil {
		C.corsd_unschedule(c.scheduler)
	}
	f.policies.Close()
}

// figures are Envoy's numbers of counters and gauges that change without a request.
type figures struct {
	defined                              bool
	reloads, refused                     C.size_t
	generation, live, isRefused, restore C.size_t
}

// define defines the counters and gauges of a filter, which Envoy permits only while it is made.
func (f *filter) define(c *C.struct_config) error {
	verdicts, reasons := policy.Verdicts(), policy.Reasons()
	if len(verdicts) > C.MAX_VERDICTS || len(reasons) > C.MAX_REASONS {
		return fmt.Errorf("%d verdicts and %d reasons: enlarge those of module.h", len(verdicts), len(reasons))
	}
	ok := counter(c, "panics", &c.panics)
	for _, v := range verdicts {
		for _, r := range reasons {
			ok = ok && counter(c, "decisions."+v.String()+"."+r.String(), &c.decisions[v][r])
		}
	}
	if !ok {
		return fmt.Errorf("Envoy does not define the counters of corsd")
	}
	g := &f.figures
	g.defined = gauge(c, "policy_generation", &g.generation) && gauge(c, "policy_live_timestamp_seconds", &g.live) &&
		gauge(c, "policy_refused", &g.isRefused) && gauge(c, "policy_from_snapshot", &g.restore) &&
		counter(c, "policy_reloads", &g.reloads) && counter(c, "policy_refusals", &g.refused)
	return nil
}

// publish sets the figures that change without a request. It is called on Envoy's main thread.
func (f *filter) publish(c *C.struct_config) {
	now, g := f.policies.Stats(), &f.figures
	C.corsd_add(c.envoy, g.reloads, C.uint64_t(now.Reloads-f.published.Reloads))
	C.corsd_add(c.envoy, g.refused, C.uint64_t(now.Refused-f.published.Refused))
	C.corsd_set(c.envoy, g.generation, C.uint64_t(now.Generation))
	C.corsd_set(c.envoy, g.live, C.uint64_t(now.Live.Unix()))
	C.corsd_set(c.envoy, g.isRefused, oneIf(now.IsRefused))
	C.corsd_set(c.envoy, g.restore, oneIf(now.FromSnapshot))
	f.published = now
}

func oneIf(b bool) C.uint64_t {
	if b {
		return 1
	}
	return 0
}

func counter(c *C.struct_config, name string, id *C.size_t) bool {
	data, length := textOf(name)
	return bool(C.corsd_define_counter(c.envoy, data, length, id))
}

func gauge(c *C.struct_config, name string, id *C.size_t) bool {
	data, length := textOf(name)
	return bool(C.corsd_define_gauge(c.envoy, data, length, id))
}

// textOf returns the bytes of a string for a call that does not keep them.
func textOf(s string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}
