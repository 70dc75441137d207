//go:build !linux

package limits

import (
	"net"
	"time"
)

// setUserTimeout is for Linux.
func setUserTimeout(net.Conn, time.Duration) {}
