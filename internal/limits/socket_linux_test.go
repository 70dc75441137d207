package limits

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The timeout is set on the socket itself, whatever wraps it later.
func TestUserTimeout(t *testing.T) {
	l, _ := limited(0)
	address, accepted := accepting(t, l)
	dialed(t, address)
	socket := (<-accepted).(*counted).Conn.(*net.TCPConn)
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	got, want := 0, int(l.config.UserTimeout.Milliseconds())
	err = raw.Control(func(fd uintptr) {
		got, err = syscall.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
	})
	if err != nil || got != want {
		t.Errorf("TCP_USER_TIMEOUT is %d ms, %v, want %d", got, err, want)
	}
}
