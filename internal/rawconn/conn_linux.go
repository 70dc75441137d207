package rawconn

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// conn reads and writes a socket without informing Go's scheduler. Deadlines, Close and waiting
// are those of net.
//
// Before each system call, net informs the scheduler, so that a call that blocks keeps no thread
// from other goroutines. If everything was idle before, that wakes the runtime's monitor thread,
// and it was idle before nearly every message of an Envoy that does not saturate corsd. Two of
// three context switches were that thread's. Without them corsd uses a quarter less CPU time.
//
// The sockets do not block, so the scheduler need not know: a call lasts a few microseconds.
// Calls that do block, such as reading a policy file, go the usual way and wake the monitor.
type conn struct {
	net.Conn
	reading, writing transfer
}

func newConn(c net.Conn, raw syscall.RawConn) *conn {
	d := &conn{Conn: c}
	d.reading = transfer{wait: raw.Read, name: "read", number: syscall.SYS_READ}
	d.writing = transfer{wait: raw.Write, name: "write", number: syscall.SYS_WRITE}
	d.reading.attempt, d.writing.attempt = d.reading.try, d.writing.try
	return d
}

// Read is that of [io.Reader].
func (c *conn) Read(b []byte) (int, error) {
	c.reading.mu.Lock()
	defer c.reading.mu.Unlock()
	n, err := c.reading.once(b)
	if n == 0 && err == nil && len(b) > 0 {
		return 0, io.EOF
	}
	return n, err
}

// Write is that of [io.Writer]. Like net, it writes all of b before another Write begins.
func (c *conn) Write(b []byte) (written int, err error) {
	c.writing.mu.Lock()
	defer c.writing.mu.Unlock()
	for written < len(b) && err == nil {
		var n int
		n, err = c.writing.once(b[written:])
		written += n
	}
	return written, err
}

// transfer is one direction of a connection.
type transfer struct {
	wait   func(func(fd uintptr) bool) error // calls the function until it returns true
	name   string
	number uintptr // of the system call

	mu      sync.Mutex // held by Read or Write; guards the fields below
	buffer  []byte
	n       int
	err     syscall.Errno
	attempt func(fd uintptr) bool // the method try, bound once so that a call allocates nothing
}

// once waits for the socket and makes one system call that succeeds or fails. The caller holds t.mu.
func (t *transfer) once(b []byte) (int, error) {
	t.buffer, t.n, t.err = b, 0, 0
	err := t.wait(t.attempt)
	t.buffer = nil
	if err == nil && t.err != 0 {
		err = os.NewSyscallError(t.name, t.err)
	}
	return t.n, err
}

// try returns false if the socket is not ready.
func (t *transfer) try(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(t.number, fd,
			uintptr(unsafe.Pointer(unsafe.SliceData(t.buffer))), uintptr(len(t.buffer)))
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
