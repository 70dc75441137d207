package limits

import (
	"errors"
	"log/slog"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"
)

// Port is what connections keep of the listener that accepted them.
type Port struct {
	// TLS makes the handshake of each connection, nil for a port without TLS.
	TLS credentials.TransportCredentials
	// Tag is for the caller: [Conn.Tag] returns it.
	Tag any
}

// Listener returns a listener that accepts no more connections than there may be, and shares them between hosts.
func (l *Limits) Listener(inner net.Listener, port Port) net.Listener {
	return &listener{inner, l, port}
}

type listener struct {
	net.Listener
	limits *Limits
	port   Port
}

// host is the share of the connections of one address. Those of a Unix socket have one address.
type host struct {
	share *Share
	conns int
}

// Accept returns the next connection that may be open. It closes those that may not.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				l.limits.event(AcceptFailed, slog.String("error", err.Error()),
					slog.Bool("descriptors", outOfDescriptors(err)))
			}
			return nil, err
		}
		if admitted := l.limits.admitConn(c, l.port); admitted != nil {
			return admitted, nil
		}
		l.limits.event(ConnRefused, slog.String("peer", c.RemoteAddr().String()))
		_ = c.Close() // its peer learns nothing else
	}
}

// admitConn returns nil if there are too many connections.
func (l *Limits) admitConn(c net.Conn, port Port) net.Conn {
	name := hostOf(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.hosts[name]
	if h == nil {
		h = &host{share: l.conns.Share()}
	}
	if !h.share.Take(1) {
		return nil
	}
	h.conns++
	l.hosts[name] = h
	admitted := &counted{Conn: c, limits: l, host: name, port: port}
	l.open[admitted] = struct{}{}
	return admitted
}

func hostOf(c net.Conn) string {
	if address, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return address.IP.String()
	}
	return ""
}

// CloseAll closes every connection, also those that have not begun HTTP/2 yet.
func (l *Limits) CloseAll() {
	l.mu.Lock()
	conns := make([]*counted, 0, len(l.open))
	for c := range l.open {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		_ = c.Close() // its peer may have
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	limits *Limits
	host   string
	port   Port
	once   sync.Once
}

// Close is that of [net.Conn].
func (c *counted) Close() error {
	c.once.Do(func() {
		l := c.limits
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, c)
		h := l.hosts[c.host]
		h.share.Give(1)
		if h.conns--; h.conns == 0 {
			delete(l.hosts, c.host)
		}
	})
	return c.Conn.Close()
}
