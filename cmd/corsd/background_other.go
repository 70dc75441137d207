//go:build !linux

package main

// inBackground runs f. Threads have priorities of their own on Linux only.
func inBackground(f func()) { f() }
