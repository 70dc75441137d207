//go:build !linux

package main

import "time"

// inBackground runs f. Threads have priorities of their own on Linux only.
func inBackground(f func()) { f() }

// threadTime is the time that has passed, where nobody says how long a thread has had a
// processor.
func threadTime() time.Duration { return time.Since(started) }

var started = time.Now()
