// Package rawhttp makes single HTTP exchanges byte for byte: header lines in their order, each as often as it was sent.
// A client library would normalise both directions, and would hide the faults that tests look for.
package rawhttp

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Field is one header line.
type Field struct{ Name, Value string }

// Request is a request as it is written. Only the fields that the protocol requires are added, and nothing is checked.
type Request struct {
	Method    string
	Scheme    string // HTTP/2 only; default http
	Authority string
	Path      string
	Header    []Field

	// Close requests that the server close the connection (HTTP/1.1 only). So bytes after the
	// response are seen.
	Close bool

	// Text makes this a WebSocket handshake: by Upgrade on HTTP/1.1, by extended CONNECT on
	// HTTP/2. After the handshake, Text is sent as one message. The message that the server
	// returns is the response's body.
	Text string
}

// Response is a response as it was received.
type Response struct {
	Status int
	Header []Field // without pseudo-headers
	Body   []byte

	// Head is the head of an HTTP/1.1 response as it was received.
	Head string
}

// Get returns the values of the header lines of that name (lower case).
func (r *Response) Get(name string) []string {
	var values []string
	for _, f := range r.Header {
		if f.Name == name {
			values = append(values, f.Value)
		}
	}
	return values
}

// CORS returns all header lines "name: value" that corsd writes, sorted: those of CORS, Vary, Timing-Allow-Origin and
// Cross-Origin-Resource-Policy.
func (r *Response) CORS() []string {
	var lines []string
	for _, f := range r.Header {
		if slices.Contains(corsNames, f.Name) || strings.HasPrefix(f.Name, "access-control-") {
			lines = append(lines, f.Name+": "+f.Value)
		}
	}
	slices.Sort(lines)
	return lines
}

// corsNames are the headers that corsd writes beside access-control-*.
var corsNames = []string{"vary", "timing-allow-origin", "cross-origin-resource-policy"}

// Protocol is a version of HTTP without TLS.
type Protocol string

// The protocols.
const (
	HTTP1 Protocol = "HTTP/1.1"
	HTTP2 Protocol = "HTTP/2"
)

// Timeout bounds one exchange, from connecting to the end of the response.
const Timeout = 10 * time.Second

// Do makes one exchange on a new connection.
func (p Protocol) Do(ctx context.Context, address string, r Request) (*Response, error) {
	conn, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	exchange := exchange1
	if p == HTTP2 {
		exchange = exchange2
	}
	response, err := exchange(conn, r)
	if err != nil {
		return nil, fmt.Errorf("%s %s%s over %s: %w", r.Method, r.Authority, r.Path, p, err)
	}
	return response, nil
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(Timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	return conn, conn.SetDeadline(deadline)
}

func (r Request) scheme() string { return cmp.Or(r.Scheme, "http") }

func (r Request) isWebSocket() bool { return r.Text != "" }

func lower(f Field) Field { return Field{strings.ToLower(f.Name), f.Value} }
