//go:build !linux

package reload

// inBackground runs f. Only on Linux does a thread have a priority of its own.
func inBackground(f func()) { f() }
