//go:build !linux

package server

import (
	"io/fs"
	"syscall"
)

// withMode is for Linux. Other systems set the mode once the file exists.
func withMode(fs.FileMode) func(network, address string, c syscall.RawConn) error { return nil }
