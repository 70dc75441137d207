//go:build !linux

package main

import (
	"io/fs"
	"syscall"
)

// withMode is for Linux. Elsewhere the mode is set once the file is there.
func withMode(fs.FileMode) func(network, address string, c syscall.RawConn) error { return nil }
