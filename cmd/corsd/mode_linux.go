package main

import (
	"io/fs"
	"syscall"
)

// withMode makes a Unix socket's file appear with a mode, less the umask: on Linux bind(2) copies the mode of the
// socket. Without it anyone could connect until the file's mode is changed.
func withMode(mode fs.FileMode) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		controlErr := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), uint32(mode)) })
		if controlErr != nil {
			return controlErr
		}
		return err
	}
}
