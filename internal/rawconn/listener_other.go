//go:build !linux

package rawconn

import "net"

// Listener returns l: the options are for Linux.
func Listener(l net.Listener, _ Options) net.Listener { return l }
