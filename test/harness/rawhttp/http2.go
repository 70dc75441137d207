package rawhttp

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// stream is the only stream of each connection.
const stream = 1

// h2 is the client's side of an HTTP/2 connection without TLS, with prior knowledge. It reads and
// writes the body of its only stream.
type h2 struct {
	*http2.Framer
	response Response
	unread   []byte
	ended    bool // the server has ended the stream
}

func exchange2(conn net.Conn, r Request) (*Response, error) {
	c := &h2{Framer: http2.NewFramer(conn, conn)}
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := c.begin(conn); err != nil {
		return nil, err
	}
	if err := c.request(r); err != nil {
		return nil, err
	}
	for c.response.Status == 0 {
		if err := c.next(); err != nil {
			return nil, err
		}
	}
	var err error
	if r.isWebSocket() && c.response.Status == 200 {
		c.response.Body, err = converse(c, c, r.Text)
	} else {
		c.response.Body, err = io.ReadAll(c)
	}
	return &c.response, err
}

// begin exchanges settings. It waits for the server's settings, which show whether the server
// supports extended CONNECT.
func (c *h2) begin(conn net.Conn) error {
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return err
	}
	if err := c.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0}); err != nil {
		return err
	}
	return c.next()
}

func (c *h2) request(r Request) error {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	write := func(name, value string) { _ = enc.WriteField(hpack.HeaderField{Name: name, Value: value}) } // to memory
	fields := r.Header
	if r.isWebSocket() {
		write(":method", "CONNECT")
		write(":protocol", "websocket")
		fields = slices.Concat(fields, handshake)
	} else {
		write(":method", r.Method)
	}
	write(":scheme", r.scheme())
	write(":authority", r.Authority)
	write(":path", r.Path)
	for _, f := range fields {
		f = lower(f)
		write(f.Name, f.Value)
	}
	return c.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: !r.isWebSocket(),
	})
}

// next reads one frame.
func (c *h2) next() error {
	frame, err := c.ReadFrame()
	if err != nil {
		return err
	}
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return c.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return c.WritePing(true, f.Data)
		}
	case *http2.MetaHeadersFrame:
		c.ended = f.StreamEnded()
		return c.headers(f.Fields)
	case *http2.DataFrame:
		c.unread = append(c.unread, f.Data()...)
		c.ended = f.StreamEnded()
	case *http2.RSTStreamFrame:
		return fmt.Errorf("the stream was reset: %v", f.ErrCode)
	case *http2.GoAwayFrame:
		if f.ErrCode != http2.ErrCodeNo {
			return fmt.Errorf("the connection was ended: %v", f.ErrCode)
		}
	}
	return nil
}

// headers sets the head of the response. It ignores informational responses (1xx) and appends
// trailers.
func (c *h2) headers(fields []hpack.HeaderField) error {
	for _, f := range fields {
		if f.Name != ":status" {
			c.response.Header = append(c.response.Header, Field{f.Name, f.Value})
			continue
		}
		status, err := strconv.Atoi(f.Value)
		if err != nil {
			return fmt.Errorf("status %q", f.Value)
		}
		if status < 200 {
			return nil
		}
		c.response.Status = status
	}
	return nil
}

// Read reads the response's body.
func (c *h2) Read(b []byte) (int, error) {
	for len(c.unread) == 0 {
		if c.ended {
			return 0, io.EOF
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

// Write writes a piece of the request's body.
func (c *h2) Write(b []byte) (int, error) {
	return len(b), c.WriteData(stream, false, b)
}
