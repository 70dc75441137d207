package limits

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc/credentials"
)

// reading is credentials whose handshake reads so many bytes.
type reading struct {
	credentials.TransportCredentials
	bytes int
	err   error
}

func (r reading) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if _, err := io.ReadFull(c, make([]byte, r.bytes)); err != nil {
		return nil, nil, err
	}
	return c, nil, r.err
}

// TestHandshake: what a peer may send before its handshake is complete is bounded. A handshake that fails is counted and
// closes the connection, unless the peer sent nothing.
func TestHandshake(t *testing.T) {
	for _, row := range []struct {
		name    string // a sentence
		bytes   int
		sent    int
		err     error // of the handshake
		failed  bool
		counted int
		log     string
	}{
		{name: "the longest handshake succeeds", bytes: maxHandshake, sent: maxHandshake},
		{name: "one of a byte more fails", bytes: maxHandshake + 1, sent: maxHandshake + 1, failed: true, counted: 1, log: "the handshake is too long"},
		{name: "a peer that sends nothing is not counted", bytes: 1, failed: true},
		{name: "one that the server closes is not counted", err: net.ErrClosed, failed: true},
		{
			name: "a bad certificate is counted", err: errors.New("bad " + strings.Repeat("x", 2*maxHandshakeError)),
			failed: true, counted: 1, log: `error="bad ` + strings.Repeat("x", maxHandshakeError-4) + `"`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, e := limited(0)
			ours, peer := net.Pipe()
			defer peer.Close()
			accepted := l.admitConn(ours, Port{TLS: reading{bytes: row.bytes, err: row.err}, Tag: 7})
			go func() {
				_, _ = peer.Write(make([]byte, row.sent)) // the server may close it
				if row.sent == 0 {
					peer.Close()
				}
			}()
			c, _, err := l.Credentials().ServerHandshake(accepted)
			if (err != nil) != row.failed {
				t.Fatalf("error %v", err)
			}
			if got := e.of(HandshakeFailed); got != row.counted || !strings.Contains(e.log.String(), row.log) {
				t.Errorf("counted %d, logged %s", got, e.log.String())
			}
			if row.failed {
				if open := len(l.open); open != 0 {
					t.Errorf("%d connections are open", open)
				}
				return
			}
			if conn := c.(*Conn); conn.AuthType() != "tls" || conn.Tag() != 7 {
				t.Errorf("type %s, tag %v", conn.AuthType(), conn.Tag())
			}
			go func() { _, _ = peer.Write([]byte{1}) }()
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Errorf("after the handshake: %v", err)
			}
			c.Close()
		})
	}
}
