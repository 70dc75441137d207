package main

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// direct gives a listener whose connections read and write without a word to Go's
// scheduler. What net does before each system call, so that one that blocks takes no thread
// from others, also wakes the runtime's monitor thread when everything was idle before, and
// that is so for nearly every message of an Envoy that does not saturate corsd. Two of three
// context switches were that thread's; without them corsd uses a quarter less CPU.
//
// The sockets do not block, so there is nothing to tell: a call takes a few microseconds.
// What does block, such as reading a policy, goes the usual way and wakes the monitor.
func direct(l net.Listener) net.Listener { return directListener{l} }

type directListener struct{ net.Listener }

// Accept gives a connection that is not a socket as it is.
func (l directListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return c, nil
	}
	raw, err := socket.SyscallConn()
	if err != nil { // closed in the meantime; reading will say so
		return c, nil //nolint:nilerr // an error of Accept would end the server
	}
	return newDirectConn(c, raw), nil
}

// directConn is a connection whose deadlines and Close are those of net, like its waiting.
type directConn struct {
	net.Conn
	reading, writing transfer
}

func newDirectConn(c net.Conn, raw syscall.RawConn) *directConn {
	d := &directConn{Conn: c}
	d.reading = transfer{wait: raw.Read, name: "read", number: syscall.SYS_READ}
	d.writing = transfer{wait: raw.Write, name: "write", number: syscall.SYS_WRITE}
	d.reading.attempt, d.writing.attempt = d.reading.try, d.writing.try
	return d
}

// Read is that of [io.Reader].
func (c *directConn) Read(b []byte) (int, error) {
	c.reading.mu.Lock()
	defer c.reading.mu.Unlock()
	n, err := c.reading.do(b)
	if n == 0 && err == nil && len(b) > 0 {
		return 0, io.EOF
	}
	return n, err
}

// Write is that of [io.Writer]. It keeps other writes out until all of b is written, as net does.
func (c *directConn) Write(b []byte) (written int, err error) {
	c.writing.mu.Lock()
	defer c.writing.mu.Unlock()
	for written < len(b) && err == nil {
		var n int
		n, err = c.writing.do(b[written:])
		written += n
	}
	return written, err
}

// transfer is one direction of a connection.
type transfer struct {
	wait   func(func(fd uintptr) bool) error // until the function reports true
	name   string
	number uintptr // of the system call

	mu      sync.Mutex // held by Read or Write; guards what follows
	buffer  []byte
	n       int
	err     syscall.Errno
	attempt func(fd uintptr) bool // is try, made once
}

// do makes one successful system call, unless there is an error. The caller holds t.mu.
func (t *transfer) do(b []byte) (int, error) {
	t.buffer, t.n, t.err = b, 0, 0
	err := t.wait(t.attempt)
	t.buffer = nil
	if err == nil && t.err != 0 {
		err = os.NewSyscallError(t.name, t.err)
	}
	return t.n, err
}

// try reports false where the socket is not ready.
func (t *transfer) try(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(t.number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.buffer))), uintptr(len(t.buffer)))
		switch errno {
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		case 0:
			t.n = int(n)
			return true
		default:
			t.err = errno
			return true
		}
	}
}
