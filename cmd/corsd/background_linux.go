package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// inBackground runs f on a thread that the kernel prefers all others to, so that
// requests do not wait for a policy that is read: on one core Go itself would let it run
// for 10 ms at a time. The thread ends with f, since its priority could not be raised
// again without a privilege.
func inBackground(f func()) {
	if procs := runtime.GOMAXPROCS(0); procs == 1 { // else f would hold the only one
		runtime.GOMAXPROCS(2)
		defer runtime.GOMAXPROCS(1)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		const lowest = 19
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), lowest) // where it may not, f runs all the same
		f()
	}()
	<-done
}
