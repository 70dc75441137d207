package limits

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// setUserTimeout sets TCP_USER_TIMEOUT on a TCP socket. grpc-go does so only for a *net.TCPConn.
func setUserTimeout(c net.Conn, timeout time.Duration) {
	if _, ok := c.RemoteAddr().(*net.TCPAddr); !ok || timeout == 0 {
		return
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return // closed in the meantime
	}
	_ = raw.Control(func(fd uintptr) {
		// Every Linux has it. Without it a peer that is gone is found by keepalive alone.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(timeout/time.Millisecond))
	})
}
