package server

import (
	"io/fs"
	"syscall"
)

// withMode returns a function for [net.ListenConfig] that sets the mode of a Unix socket before its
// file appears: on Linux the file has the mode that the socket has at bind(2), less the umask. Setting it
// later would let anyone connect in the meantime.
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
