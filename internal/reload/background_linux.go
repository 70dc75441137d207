package reload

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// inBackground runs f on a thread of the lowest priority, so that requests do not wait while a
// policy is read. On one core, Go itself would let f run for 10 ms at a time. The thread ends with
// f: raising its priority again needs a privilege. A panic of f is one of the caller.
func inBackground(f func()) {
	if procs := runtime.GOMAXPROCS(0); procs == 1 { // f would hold the only one
		runtime.GOMAXPROCS(2)
		defer runtime.GOMAXPROCS(1)
	}
	done := make(chan struct{})
	var panicked error
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				panicked = fmt.Errorf("%v\n%s", p, debug.Stack())
			}
		}()
		runtime.LockOSThread()
		const lowest = 19
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), lowest) // if it fails, f runs at normal priority
		f()
	}()
	if <-done; panicked != nil {
		panic(panicked)
	}
}
