package limits

import (
	"errors"
	"io"
	"log/slog"
	"net"

	"google.golang.org/grpc/credentials"
)

// maxHandshake bounds the bytes that a peer may send until its TLS handshake is complete. Go's bound of 256 KiB for a
// chain of certificates would be more than a connection needs otherwise. A chain of four has some 8 KiB.
const maxHandshake = 64 << 10

// maxHandshakeError bounds the text of an error, which may contain names from the peer's certificate.
const maxHandshakeError = 256

var errLongHandshake = errors.New("the handshake is too long")

// secure makes the TLS handshake of a connection. gRPC has set a deadline, and the connection is counted already.
func (l *Limits) secure(c net.Conn, tls credentials.TransportCredentials) (net.Conn, error) {
	bounded := &handshake{Conn: c, left: maxHandshake}
	secured, _, err := tls.ServerHandshake(bounded)
	if err != nil {
		_ = c.Close()
		if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) { // it sent nothing, or the server stops
			text := err.Error()
			l.event(HandshakeFailed, slog.String("peer", c.RemoteAddr().String()),
				slog.String("error", text[:min(len(text), maxHandshakeError)]))
		}
		return nil, err
	}
	bounded.complete = true
	return secured, nil
}

// handshake is a connection that bounds the bytes read until it is complete.
type handshake struct {
	net.Conn
	left     int
	complete bool
}

// Read is that of [net.Conn].
func (h *handshake) Read(b []byte) (int, error) {
	if h.complete {
		return h.Conn.Read(b)
	}
	if h.left == 0 {
		return 0, errLongHandshake
	}
	n, err := h.Conn.Read(b[:min(len(b), h.left)])
	h.left -= n
	return n, err
}
