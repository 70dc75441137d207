package server

import (
	"bytes"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"

	"github.com/corsd/corsd/internal/servetest"
)

const (
	checkPath = "/envoy.service.auth.v3.Authorization/Check"
	watchPath = "/grpc.health.v1.Health/Watch"
)

// attack connects to the server of the bubble.
func (b bubble) attack(t *testing.T, settings ...http2.Setting) *servetest.Hostile {
	t.Helper()
	conn, err := b.listener.DialContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return servetest.Attack(t, conn, settings...)
}

// refusals returns the count of a kind of refusal.
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

// sized sends a request whose message has so many bytes.
func sized(size int) func(h *servetest.Hostile) uint32 {
	return func(h *servetest.Hostile) uint32 {
		m := servetest.RequestOf(servetest.OldPage)
		large := &corev3.HeaderValue{Key: "x-large", RawValue: make([]byte, size)}
		list := m.GetRequestHeaders().GetHeaders()
		list.Headers = append(list.Headers, large)
		for over := proto.Size(m) - size; over != 0; over = proto.Size(m) - size {
			large.RawValue = make([]byte, len(large.RawValue)-over)
		}
		return message(servetest.Encoded(h.T, m))(h)
	}
}

const (
	isServed  = ""  // the stream is open
	exhausted = "8" // RESOURCE_EXHAUSTED
	internal  = "13"
)

// TestHostileStreams: each bound at n, which is served, and at n+1. Other peers are served throughout.
func TestHostileStreams(t *testing.T) {
	for _, row := range []struct {
		why    string
		begin  func(h *servetest.Hostile) uint32
		status string
	}{
		{"metadata as large as may be", metadataOf(maxHeaderList), isServed},
		{"metadata of a byte more", metadataOf(maxHeaderList + 1), "FRAME_SIZE_ERROR"},
		{"a message as large as may be", sized(maxMessage), isServed},
		{"a message of a byte more", sized(maxMessage + 1), exhausted},
		{"as many headers as may be", message(servetest.EmptyHeaders(1000, false)), isServed},
		{"one header more", message(servetest.EmptyHeaders(1001, false)), internal},
		{"as many headers, by the general decoder", message(servetest.EmptyHeaders(1000, true)), isServed},
		{"one header more, by the general decoder", message(servetest.EmptyHeaders(1001, true)), internal},
		{"a message that is all empty headers", message(servetest.EmptyHeaders(maxMessage/2-10, false)), internal},
		{"the same, by the general decoder", message(servetest.EmptyHeaders(maxMessage/2-10, true)), internal},
	} {
		t.Run(row.why, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b bubble) {
				h := b.attack(t)
				id := row.begin(h)
				synctest.Wait()
				if got := h.Status(id); got != row.status {
					t.Errorf("status %q, want %q", got, row.status)
				}
				if h.IsClosed() {
					t.Error("the connection is closed")
				}
				b.open(t).End()
			})
		})
	}
}

// metadataOf begins a stream with a header list of a size.
func metadataOf(size int) func(h *servetest.Hostile) uint32 {
	return func(h *servetest.Hostile) uint32 {
		return h.Open(h.Headers(servetest.ProcessPath, servetest.HeaderList(size)...))
	}
}

// message sends one message in full frames, as Envoy does, once the stream is being read: a message that is larger than
// the window needs the server to widen it.
func message(m []byte) func(h *servetest.Hostile) uint32 {
	return func(h *servetest.Hostile) uint32 {
		id := h.Open(h.Headers(servetest.ProcessPath))
		b := servetest.Framed(m)
		h.Send(id, b[:5], servetest.FrameSize)
		synctest.Wait()
		h.Send(id, b[5:], servetest.FrameSize)
		return id
	}
}

// TestHostileConnections: behaviour that Envoy never shows ends the connection. Other peers are served throughout.
func TestHostileConnections(t *testing.T) {
	noWindow := []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}
	for _, row := range []struct {
		why      string
		settings []http2.Setting
		attack   func(h *servetest.Hostile)
		within   time.Duration
		counted  float64 // connections that were closed by a bound of ours
	}{
		{"a header list of references to one entry", nil, func(h *servetest.Hostile) {
			block := h.Headers(servetest.ProcessPath, hpack.HeaderField{Name: "x", Value: "y"})
			h.Open(append(block, bytes.Repeat([]byte{0x80 | 62}, 400_000)...))
		}, 0, 1},
		{"a header block in small fragments", nil, func(h *servetest.Hostile) {
			_ = h.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.Headers(servetest.ProcessPath)})
		}, 0, 1},
		{"a header list of many fields", nil, func(h *servetest.Hostile) {
			h.Open(append(h.Headers(servetest.ProcessPath), bytes.Repeat([]byte{0x80 | 2}, 300)...))
		}, 0, 1},
		{"padded messages", nil, func(h *servetest.Hostile) {
			_ = h.Framer.WriteDataPadded(h.Open(h.Headers(servetest.ProcessPath)), false, servetest.Framed(nil), make([]byte, 9))
		}, 0, 1},
		{"messages that are never complete", nil, func(h *servetest.Hostile) {
			for range 20 {
				h.Send(h.Open(h.Headers(servetest.ProcessPath)), servetest.Framed(make([]byte, 60_000))[:60_000], servetest.FrameSize)
			}
		}, 0, 1},
		{"a message in frames of one byte", nil, func(h *servetest.Hostile) {
			h.Send(h.Open(h.Headers(servetest.ProcessPath)), servetest.Framed(make([]byte, 60_000))[:60_000], 1)
		}, 0, 1},
		{"a call of ext_authz that is never complete, many times", nil, func(h *servetest.Hostile) {
			for range 20 {
				h.Send(h.Open(h.Headers(checkPath)), servetest.Framed(make([]byte, 60_000))[:60_000], servetest.FrameSize)
			}
		}, 0, 1},
		{"answers that are not read, for a window of 0", noWindow, func(h *servetest.Hostile) {
			m := bytes.Repeat(servetest.Framed(servetest.Encoded(h.T, servetest.RequestOf(servetest.OldPage))), 100)
			for range 50 {
				h.Send(h.Open(h.Headers(servetest.ProcessPath)), m, servetest.FrameSize)
			}
		}, 20 * time.Second, 1},
		{"answers that are not read, for a window of the connection that never grows", nil, func(h *servetest.Hostile) {
			m := bytes.Repeat(servetest.Framed(servetest.Encoded(h.T, servetest.RequestOf(servetest.OldPage))), 100)
			for range 50 {
				h.Send(h.Open(h.Headers(servetest.ProcessPath)), m, servetest.FrameSize)
			}
		}, 20 * time.Second, 1},
		{"the smallest messages, and no answer read", noWindow, func(h *servetest.Hostile) {
			m := bytes.Repeat(servetest.Framed([]byte{2<<3 | 2, 0}), 2000)
			for range 50 {
				h.Send(h.Open(h.Headers(servetest.ProcessPath)), m, servetest.FrameSize)
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
				b.open(t).End()
				time.Sleep(row.within + time.Second)
				synctest.Wait()
				if !h.IsClosed() {
					t.Error("the connection is still open")
				}
				if got := b.refusals(t, "connection_closed"); got != row.counted {
					t.Errorf("%v connections are counted as closed, want %v", got, row.counted)
				}
				b.open(t).End()
				h.Conn.Close()
				<-began
			})
		})
	}
}

// TestSlowReaderIsServed: a peer that reads late receives every answer.
func TestSlowReaderIsServed(t *testing.T) {
	inBubble(t, func(t *testing.T, b bubble) {
		h := b.attack(t, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		const streams, each = 10, 10
		m := bytes.Repeat(servetest.Framed(servetest.Encoded(t, servetest.RequestOf(servetest.OldPage))), each)
		for range streams {
			h.Send(h.Open(h.Headers(servetest.ProcessPath)), m, servetest.FrameSize)
		}
		time.Sleep(5 * time.Second) // less than such a peer may take
		for i := range streams {
			_ = h.Framer.WriteWindowUpdate(uint32(2*i+1), 1<<20)
		}
		_ = h.Framer.WriteWindowUpdate(0, 1<<20)
		time.Sleep(time.Second)
		synctest.Wait()
		if h.IsClosed() || h.Received() != streams*each {
			t.Errorf("%d answers of %d; closed: %v", h.Received(), streams*each, h.IsClosed())
		}
	})
}

// TestStreamsOfAllConnections: the bound holds for all connections and services together. A stream that ends makes
// room.
func TestStreamsOfAllConnections(t *testing.T) {
	const lone = 8 * (bubbleStreams + 1) / 9 // what one connection gets
	for _, path := range []string{servetest.ProcessPath, checkPath, watchPath} {
		inBubble(t, func(t *testing.T, b bubble) {
			var all []*servetest.Hostile
			begin := func(h *servetest.Hostile) string {
				id := h.Open(h.Headers(path))
				if path == watchPath {
					h.Send(id, servetest.Framed(nil), servetest.FrameSize)
				}
				synctest.Wait()
				return h.Status(id)
			}
			fill := func(h *servetest.Hostile) (open int) {
				for begin(h) == "" {
					open++
				}
				if got := h.Status(h.Last()); got != exhausted {
					t.Errorf("%s: refused with %q", path, got)
				}
				return open
			}
			for i, want := range []int{lone, 10, 4, 4} { // the last two get what every connection has
				all = append(all, b.attack(t))
				got := fill(all[i])
				if i == 0 { // one that ends makes room
					_ = all[0].Framer.WriteRSTStream(1, http2.ErrCodeCancel)
					synctest.Wait()
					if again := fill(all[0]); again != 1 {
						t.Errorf("%s: after one has ended, %d may begin", path, again)
					}
				}
				if got != want {
					t.Errorf("%s: connection %d has %d streams, want %d", path, i, got, want)
				}
			}
			b.open(t).End() // a victim has its own
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
			id := h.Open(h.Headers(servetest.ProcessPath, servetest.HeaderList(32<<10)...))
			synctest.Wait()
			if h.Status(id) == exhausted {
				break
			}
		}
		if open == 0 || open > bubbleStreams/10 {
			t.Errorf("%d streams with 32 KiB of metadata are open", open)
		}
		b.open(t).End()
	})
}

// TestSilentConnections: a connection without an HTTP/2 handshake is closed.
func TestSilentConnections(t *testing.T) {
	for _, sent := range []string{"", "PRI * HTTP/2.0\r\n", http2.ClientPreface, http2.ClientPreface + "\x00\x00"} {
		inBubble(t, func(t *testing.T, b bubble) {
			conn, err := b.listener.DialContext(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, sent)
			began := time.Now()
			_, _ = io.Copy(io.Discard, conn)
			if took := time.Since(began); took != handshakeTimeout {
				t.Errorf("after %q: closed after %v", sent, took)
			}
		})
	}
}

// TestStopWhateverPeersDo: an idle connection, one that does not read, and a stream that never ends.
func TestStopWhateverPeersDo(t *testing.T) {
	const drain = 5 * time.Second
	inBubble(t, func(t *testing.T, b bubble) {
		b.stopTimeout = 6 * time.Second
		x := b.open(t)
		reader := b.attack(t)
		reader.Open(reader.Headers(servetest.ProcessPath))
		deaf, err := b.listener.DialContext(t.Context()) // it reads nothing
		if err != nil {
			t.Fatal(err)
		}
		defer deaf.Close()
		h := servetest.NewHostile(t, deaf)
		h.Begin()
		h.Open(h.Headers(servetest.ProcessPath))
		go func() {
			for range 10_000 {
				if h.Framer.WritePing(false, [8]byte{}) != nil {
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
