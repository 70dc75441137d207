package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"
)

const (
	processPath = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
	checkPath   = "/envoy.service.auth.v3.Authorization/Check"
	watchPath   = "/grpc.health.v1.Health/Watch"
)

// hostile is a peer that writes HTTP/2 frames by itself.
type hostile struct {
	t     *testing.T
	conn  net.Conn
	fr    *http2.Framer
	block bytes.Buffer
	hpack *hpack.Encoder
	next  uint32

	mu     sync.Mutex
	ended  map[uint32]string // streams, and with which gRPC status or code of HTTP/2
	data   int               // DATA frames that came
	closed bool
}

// attack connects. The connection is closed when the test ends.
func attack(t *testing.T, conn net.Conn, settings ...http2.Setting) *hostile {
	t.Helper()
	h := &hostile{t: t, conn: conn, next: 1, ended: map[uint32]string{}}
	h.fr = http2.NewFramer(conn, conn)
	h.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.fr.AllowIllegalWrites = true
	h.hpack = hpack.NewEncoder(&h.block)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.read()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	_, _ = io.WriteString(conn, http2.ClientPreface)
	_ = h.fr.WriteSettings(settings...)
	return h
}

// attack connects to the server of the bubble.
func (b bubble) attack(t *testing.T, settings ...http2.Setting) *hostile {
	t.Helper()
	conn, err := b.listener.DialContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return attack(t, conn, settings...)
}

// refusals is what is counted of a kind.
func (b bubble) refusals(t *testing.T, kind string) float64 {
	t.Helper()
	families, err := b.metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "corsd_peer_refusals_total" && m.GetLabel()[0].GetValue() == kind {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("nothing of the kind %q is counted", kind)
	return 0
}

func (h *hostile) read() {
	for {
		f, err := h.fr.ReadFrame()
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

// headers encodes what begins a stream, and fields beside.
func (h *hostile) headers(path string, fields ...hpack.HeaderField) []byte {
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

const frameSize = 16 << 10

// open begins a stream with a header block.
func (h *hostile) open(block []byte) (id uint32) {
	id, h.next = h.next, h.next+2
	first := block[:min(len(block), frameSize)]
	whole := len(first) == len(block)
	_ = h.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndHeaders: whole})
	for rest := block[len(first):]; len(rest) > 0; {
		piece := rest[:min(len(rest), frameSize)]
		rest = rest[len(piece):]
		_ = h.fr.WriteContinuation(id, len(rest) == 0, piece) // the server may have closed the connection
	}
	return id
}

// send sends bytes in frames of a size.
func (h *hostile) send(id uint32, b []byte, size int) {
	for len(b) > 0 {
		piece := b[:min(len(b), size)]
		b = b[len(piece):]
		if h.fr.WriteData(id, false, piece) != nil {
			return // it is closed
		}
	}
}

func (h *hostile) status(id uint32) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended[id]
}

func (h *hostile) isClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

func framed(m []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(m))), m...)
}

func encoded(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// emptyHeaders is a message of n empty headers. One that has a field that nobody knows is read by proto.Unmarshal.
func emptyHeaders(n int, unknown bool) []byte {
	list := bytes.Repeat([]byte{1<<3 | 2, 0}, n)
	headers := append(binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(list))), list...)
	m := append(binary.AppendUvarint([]byte{2<<3 | 2}, uint64(len(headers))), headers...)
	if unknown {
		m = append(m, 0xf8, 0x7f, 1)
	}
	return m
}

// sized sends a request whose message has so many bytes.
func sized(size int) func(h *hostile) uint32 {
	return func(h *hostile) uint32 {
		m := requestOf(oldPage)
		large := &corev3.HeaderValue{Key: "x-large", RawValue: make([]byte, size)}
		list := m.GetRequestHeaders().GetHeaders()
		list.Headers = append(list.Headers, large)
		for over := proto.Size(m) - size; over != 0; over = proto.Size(m) - size {
			large.RawValue = make([]byte, len(large.RawValue)-over)
		}
		return message(encoded(h.t, m))(h)
	}
}

// headerList is as many fields as have a size of so many bytes, by the rule of HTTP/2, with those of a stream.
func headerList(size int) (fields []hpack.HeaderField) {
	const streams = 6*32 + len(":methodPOST:schemehttp:path"+processPath) +
		len(":authoritycorsdcontent-typeapplication/grpctetrailers")
	value := strings.Repeat("~", size-streams-len("x-large")-32)
	return []hpack.HeaderField{{Name: "x-large", Value: value, Sensitive: true}}
}

const (
	isServed  = ""  // the stream is open
	exhausted = "8" // RESOURCE_EXHAUSTED
	internal  = "13"
)

// TestHostileStreams: each bound at n, which is served, and at n+1. Others are served throughout.
func TestHostileStreams(t *testing.T) {
	for _, row := range []struct {
		why    string
		begin  func(h *hostile) uint32
		status string
	}{
		{"metadata as large as may be", metadataOf(maxHeaderList), isServed},
		{"metadata of a byte more", metadataOf(maxHeaderList + 1), "FRAME_SIZE_ERROR"},
		{"a message as large as may be", sized(maxMessage), isServed},
		{"a message of a byte more", sized(maxMessage + 1), exhausted},
		{"as many headers as may be", message(emptyHeaders(1000, false)), isServed},
		{"one header more", message(emptyHeaders(1001, false)), internal},
		{"as many headers, by the general decoder", message(emptyHeaders(1000, true)), isServed},
		{"one header more, by the general decoder", message(emptyHeaders(1001, true)), internal},
		{"a message that is all empty headers", message(emptyHeaders(maxMessage/2-10, false)), internal},
		{"the same, by the general decoder", message(emptyHeaders(maxMessage/2-10, true)), internal},
	} {
		t.Run(row.why, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b bubble) {
				h := b.attack(t)
				id := row.begin(h)
				synctest.Wait()
				if got := h.status(id); got != row.status {
					t.Errorf("status %q, want %q", got, row.status)
				}
				if h.isClosed() {
					t.Error("the connection is closed")
				}
				b.open(t).end()
			})
		})
	}
}

// metadataOf begins a stream with a header list of a size.
func metadataOf(size int) func(h *hostile) uint32 {
	return func(h *hostile) uint32 { return h.open(h.headers(processPath, headerList(size)...)) }
}

// message sends one message, in frames as Envoy fills them, once the stream is read: a message that is larger than the
// window needs what the server adds.
func message(m []byte) func(h *hostile) uint32 {
	return func(h *hostile) uint32 {
		id := h.open(h.headers(processPath))
		b := framed(m)
		h.send(id, b[:5], frameSize)
		synctest.Wait()
		h.send(id, b[5:], frameSize)
		return id
	}
}

// TestHostileConnections: what Envoy never does ends the connection, and others are served throughout.
func TestHostileConnections(t *testing.T) {
	noWindow := []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}
	for _, row := range []struct {
		why      string
		settings []http2.Setting
		attack   func(h *hostile)
		within   time.Duration
		counted  float64 // connections that were closed by a bound of ours
	}{
		{"a header list of references to one entry", nil, func(h *hostile) {
			block := h.headers(processPath, hpack.HeaderField{Name: "x", Value: "y"})
			h.open(append(block, bytes.Repeat([]byte{0x80 | 62}, 400_000)...))
		}, 0, 1},
		{"a header block in small fragments", nil, func(h *hostile) {
			_ = h.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.headers(processPath)})
		}, 0, 1},
		{"a header list of many fields", nil, func(h *hostile) {
			h.open(append(h.headers(processPath), bytes.Repeat([]byte{0x80 | 2}, 300)...))
		}, 0, 1},
		{"padded messages", nil, func(h *hostile) {
			_ = h.fr.WriteDataPadded(h.open(h.headers(processPath)), false, framed(nil), make([]byte, 9))
		}, 0, 1},
		{"messages that are never complete", nil, func(h *hostile) {
			for range 20 {
				h.send(h.open(h.headers(processPath)), framed(make([]byte, 60_000))[:60_000], frameSize)
			}
		}, 0, 1},
		{"a message in frames of one byte", nil, func(h *hostile) {
			h.send(h.open(h.headers(processPath)), framed(make([]byte, 60_000))[:60_000], 1)
		}, 0, 1},
		{"a call of ext_authz that is never complete, many times", nil, func(h *hostile) {
			for range 20 {
				h.send(h.open(h.headers(checkPath)), framed(make([]byte, 60_000))[:60_000], frameSize)
			}
		}, 0, 1},
		{"answers that are not read, for a window of 0", noWindow, func(h *hostile) {
			m := bytes.Repeat(framed(encoded(h.t, requestOf(oldPage))), 100)
			for range 50 {
				h.send(h.open(h.headers(processPath)), m, frameSize)
			}
		}, 20 * time.Second, 1},
		{"answers that are not read, for a window of the connection that never grows", nil, func(h *hostile) {
			m := bytes.Repeat(framed(encoded(h.t, requestOf(oldPage))), 100)
			for range 50 {
				h.send(h.open(h.headers(processPath)), m, frameSize)
			}
		}, 20 * time.Second, 1},
		{"the smallest messages, and no answer read", noWindow, func(h *hostile) {
			m := bytes.Repeat(framed([]byte{2<<3 | 2, 0}), 2000)
			for range 50 {
				h.send(h.open(h.headers(processPath)), m, frameSize)
			}
		}, 20 * time.Second, 1},
	} {
		t.Run(row.why, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b bubble) {
				h := b.attack(t, row.settings...)
				began := make(chan struct{})
				go func() {
					defer close(began)
					row.attack(h)
				}()
				b.open(t).end()
				time.Sleep(row.within + time.Second)
				synctest.Wait()
				if !h.isClosed() {
					t.Error("the connection is still open")
				}
				if got := b.refusals(t, "connection_closed"); got != row.counted {
					t.Errorf("%v connections are counted as closed, want %v", got, row.counted)
				}
				b.open(t).end()
				h.conn.Close()
				<-began
			})
		})
	}
}

// TestSlowReaderIsServed: who reads late gets every answer, however many have waited.
func TestSlowReaderIsServed(t *testing.T) {
	inBubble(t, func(t *testing.T, b bubble) {
		h := b.attack(t, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		const streams, each = 10, 10
		m := bytes.Repeat(framed(encoded(t, requestOf(oldPage))), each)
		for range streams {
			h.send(h.open(h.headers(processPath)), m, frameSize)
		}
		time.Sleep(5 * time.Second) // less than such a peer may take
		for i := range streams {
			_ = h.fr.WriteWindowUpdate(uint32(2*i+1), 1<<20)
		}
		_ = h.fr.WriteWindowUpdate(0, 1<<20)
		time.Sleep(time.Second)
		synctest.Wait()
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.closed || h.data != streams*each {
			t.Errorf("%d answers of %d; closed: %v", h.data, streams*each, h.closed)
		}
	})
}

// TestStreamsOfAllConnections: the bound holds over connections, of every service, and what ends makes room.
func TestStreamsOfAllConnections(t *testing.T) {
	const lone = 8 * (bubbleStreams + 1) / 9 // what one connection gets
	for _, path := range []string{processPath, checkPath, watchPath} {
		inBubble(t, func(t *testing.T, b bubble) {
			var all []*hostile
			begin := func(h *hostile) string {
				id := h.open(h.headers(path))
				if path == watchPath {
					h.send(id, framed(nil), frameSize)
				}
				synctest.Wait()
				return h.status(id)
			}
			fill := func(h *hostile) (open int) {
				for begin(h) == "" {
					open++
				}
				if got := h.status(h.next - 2); got != exhausted {
					t.Errorf("%s: refused with %q", path, got)
				}
				return open
			}
			for i, want := range []int{lone, 10, 4, 4} { // the last two get what every connection has
				all = append(all, b.attack(t))
				got := fill(all[i])
				if i == 0 { // one that ends makes room
					_ = all[0].fr.WriteRSTStream(1, http2.ErrCodeCancel)
					synctest.Wait()
					if again := fill(all[0]); again != 1 {
						t.Errorf("%s: after one has ended, %d may begin", path, again)
					}
				}
				if got != want {
					t.Errorf("%s: connection %d has %d streams, want %d", path, i, got, want)
				}
			}
			b.open(t).end() // a victim has its own
			if got := b.refusals(t, "stream"); got != 5 {
				t.Errorf("%s: %v refusals are counted, want 5", path, got)
			}
		})
	}
}

// TestMetadataIsCharged: streams with much metadata are fewer.
func TestMetadataIsCharged(t *testing.T) {
	inBubble(t, func(t *testing.T, b bubble) {
		h := b.attack(t)
		open := 0
		for ; open < bubbleStreams; open++ {
			id := h.open(h.headers(processPath, headerList(32<<10)...))
			synctest.Wait()
			if h.status(id) == exhausted {
				break
			}
		}
		if open == 0 || open > bubbleStreams/10 {
			t.Errorf("%d streams with 32 KiB of metadata are open", open)
		}
		b.open(t).end()
	})
}

// TestSilentConnections: one that never becomes one of HTTP/2 is closed.
func TestSilentConnections(t *testing.T) {
	for _, says := range []string{"", "PRI * HTTP/2.0\r\n", http2.ClientPreface, http2.ClientPreface + "\x00\x00"} {
		inBubble(t, func(t *testing.T, b bubble) {
			conn, err := b.listener.DialContext(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, says)
			began := time.Now()
			_, _ = io.Copy(io.Discard, conn)
			if took := time.Since(began); took != handshakeTimeout {
				t.Errorf("after %q: closed after %v", says, took)
			}
		})
	}
}

// TestStopWhateverPeersDo: a connection that says nothing, one that does not read, and a stream that never ends.
func TestStopWhateverPeersDo(t *testing.T) {
	const drain = 5 * time.Second
	inBubble(t, func(t *testing.T, b bubble) {
		b.stopTimeout = 6 * time.Second
		x := b.open(t)
		reader := b.attack(t)
		reader.open(reader.headers(processPath))
		deaf, err := b.listener.DialContext(t.Context()) // it reads nothing
		if err != nil {
			t.Fatal(err)
		}
		defer deaf.Close()
		h := hostile{t: t, conn: deaf, next: 1, fr: http2.NewFramer(deaf, nil)}
		h.hpack = hpack.NewEncoder(&h.block)
		_, _ = io.WriteString(deaf, http2.ClientPreface)
		_ = h.fr.WriteSettings()
		h.open(h.headers(processPath))
		go func() {
			for range 10_000 {
				if h.fr.WritePing(false, [8]byte{}) != nil {
					return
				}
			}
		}()
		time.AfterFunc(drain-time.Millisecond, func() { // while it still accepts
			if silent, err := b.listener.Dial(); err == nil {
				time.AfterFunc(time.Minute, func() { silent.Close() })
			}
		})
		began := time.Now()
		b.stop(drain, slog.New(slog.NewJSONHandler(b.log, nil)))
		if took, most := time.Since(began), drain+b.stopTimeout; took > most {
			t.Errorf("took %s, and may take %s", took, most)
		}
		if _, err := x.Recv(); err == nil {
			t.Error("the stream goes on")
		}
	})
}
