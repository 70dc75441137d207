package rawconn

import (
	"net"
	"syscall"
)

// Listener returns a listener whose connections have the options. A connection that is not a
// socket is accepted as it is.
func Listener(l net.Listener, options Options) net.Listener { return &listener{l, options} }

type listener struct {
	net.Listener
	options Options
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return c, nil
	}
	raw, err := socket.SyscallConn()
	if err != nil { // it was closed in the meantime, which the first read will report
		return c, nil //nolint:nilerr // an error of Accept would end the server
	}
	if _, isTCP := c.(*net.TCPConn); isTCP && l.options.UserTimeout > 0 {
		setUserTimeout(raw, l.options.UserTimeout)
	}
	if !l.options.RawSyscalls {
		return c, nil
	}
	return newConn(c, raw), nil
}
