package rawconn

import (
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestUserTimeout: the timeout is set on the socket itself, whatever wraps the connection.
func TestUserTimeout(t *testing.T) {
	for _, raw := range []bool{true, false} {
		options := Options{RawSyscalls: raw, UserTimeout: 20 * time.Second}
		accepted, _ := pair(t, "tcp", options)
		if c, wrapped := accepted.(*conn); wrapped != raw {
			t.Fatalf("raw system calls %v: the connection is a %T", raw, accepted)
		} else if wrapped {
			accepted = c.Conn
		}
		socket, err := accepted.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		controlErr := socket.Control(func(fd uintptr) {
			got, err = syscall.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
		})
		if want := int(options.UserTimeout.Milliseconds()); controlErr != nil || err != nil || got != want {
			t.Errorf("raw system calls %v: TCP_USER_TIMEOUT is %d ms, %v, %v; want %d", raw, got, controlErr, err, want)
		}
	}
}
