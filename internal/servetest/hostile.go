package servetest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"
)

// ProcessPath is the path of ext_proc's method.
const ProcessPath = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"

// Hostile is a peer that writes HTTP/2 frames itself.
type Hostile struct {
	T      testing.TB
	Conn   net.Conn
	Framer *http2.Framer
	block  bytes.Buffer
	hpack  *hpack.Encoder
	next   uint32

	mu     sync.Mutex
	ended  map[uint32]string // gRPC status or HTTP/2 error code, by stream
	data   int               // DATA frames that were received
	closed bool
}

// NewHostile returns a peer that does not read.
func NewHostile(t testing.TB, conn net.Conn) *Hostile {
	h := &Hostile{T: t, Conn: conn, next: 1, ended: map[uint32]string{}}
	h.Framer = http2.NewFramer(conn, conn)
	h.Framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.Framer.AllowIllegalWrites = true
	h.hpack = hpack.NewEncoder(&h.block)
	return h
}

// Attack returns a peer that reads. Its connection is closed when the test ends.
func Attack(t testing.TB, conn net.Conn, settings ...http2.Setting) *Hostile {
	t.Helper()
	h := NewHostile(t, conn)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.read()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	h.Begin(settings...)
	return h
}

// Begin sends the preface of HTTP/2.
func (h *Hostile) Begin(settings ...http2.Setting) {
	_, _ = io.WriteString(h.Conn, http2.ClientPreface) // the server may have closed the connection
	_ = h.Framer.WriteSettings(settings...)
}

func (h *Hostile) read() {
	for {
		f, err := h.Framer.ReadFrame()
		h.mu.Lock()
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range f.Fields {
				if field.Name == "grpc-status" {
					h.ended[f.StreamID] = field.Value
				}
			}
		case *http2.RSTStreamFrame:
			if h.ended[f.StreamID] == "" {
				h.ended[f.StreamID] = f.ErrCode.String()
			}
		case *http2.DataFrame:
			h.data++
		}
		h.closed = err != nil
		h.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Headers encodes the headers of a gRPC call, and additional fields.
func (h *Hostile) Headers(path string, fields ...hpack.HeaderField) []byte {
	h.block.Reset()
	for _, f := range append([]hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "http"},
		{Name: ":path", Value: path},
		{Name: ":authority", Value: "corsd"},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
	}, fields...) {
		_ = h.hpack.WriteField(f) // into memory
	}
	return bytes.Clone(h.block.Bytes())
}

// FrameSize is the size of the frames that Envoy sends.
const FrameSize = 16 << 10

// Open begins a stream with a header block.
func (h *Hostile) Open(block []byte) (id uint32) {
	id, h.next = h.next, h.next+2
	first := block[:min(len(block), FrameSize)]
	whole := len(first) == len(block)
	_ = h.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndHeaders: whole})
	for rest := block[len(first):]; len(rest) > 0; {
		piece := rest[:min(len(rest), FrameSize)]
		rest = rest[len(piece):]
		_ = h.Framer.WriteContinuation(id, len(rest) == 0, piece) // the server may have closed the connection
	}
	return id
}

// Send sends bytes in frames of a size.
func (h *Hostile) Send(id uint32, b []byte, size int) {
	for len(b) > 0 {
		piece := b[:min(len(b), size)]
		b = b[len(piece):]
		if h.Framer.WriteData(id, false, piece) != nil {
			return // the connection is closed
		}
	}
}

// Last returns the stream that was opened last.
func (h *Hostile) Last() (id uint32) { return h.next - 2 }

// Status returns how a stream has ended, "" if it has not.
func (h *Hostile) Status(id uint32) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended[id]
}

// Received returns the number of DATA frames that were received.
func (h *Hostile) Received() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.data
}

// IsClosed reports whether the server has closed the connection.
func (h *Hostile) IsClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// Framed returns a message with the prefix of gRPC.
func Framed(m []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(m))), m...)
}

// Encoded returns the bytes of a message.
func Encoded(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// EmptyHeaders returns a message of n empty headers. An unknown field makes the server decode it by
// proto.Unmarshal.
func EmptyHeaders(n int, unknown bool) []byte {
	list := bytes.Repeat([]byte{1<<3 | 2, 0}, n)
	headers := append(binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(list))), list...)
	m := append(binary.AppendUvarint([]byte{2<<3 | 2}, uint64(len(headers))), headers...)
	if unknown {
		m = append(m, 0xf8, 0x7f, 1)
	}
	return m
}

// HeaderList returns a field that makes the headers of a call a header list of a size in bytes, as
// HTTP/2 counts it.
func HeaderList(size int) []hpack.HeaderField {
	const call = 6*32 + len(":methodPOST:schemehttp:path"+ProcessPath) +
		len(":authoritycorsdcontent-typeapplication/grpctetrailers")
	value := strings.Repeat("~", size-call-len("x-large")-32)
	return []hpack.HeaderField{{Name: "x-large", Value: value, Sensitive: true}}
}
