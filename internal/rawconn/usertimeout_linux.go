package rawconn

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// setUserTimeout sets TCP_USER_TIMEOUT. grpc-go does so only for a *net.TCPConn, and the server's
// connections are wrapped.
func setUserTimeout(socket syscall.RawConn, timeout time.Duration) {
	_ = socket.Control(func(fd uintptr) {
		// Every Linux has the option. Without it, keepalive alone finds a peer that is gone.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(timeout.Milliseconds()))
	})
}
