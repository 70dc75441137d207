package limits

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"golang.org/x/net/http2"
)

// written returns the bytes that a client sends: the preface and the frames that write writes.
func written(write func(fr *http2.Framer)) []byte {
	var b bytes.Buffer
	b.WriteString(http2.ClientPreface)
	fr := http2.NewFramer(&b, nil)
	fr.AllowIllegalWrites = true
	write(fr)
	return b.Bytes()
}

func messageOf(size int) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(size)), make([]byte, size)...)
}

// longField is a header block of one field.
func longField(size int) []byte {
	value := size - 1 - 1 - 3 // an index, and a length of one byte and two or three more
	if value < 127 {
		value = size - 2
	}
	var b bytes.Buffer
	b.WriteByte(0x01) // :authority, not indexed
	if value < 127 {
		b.WriteByte(byte(value))
	} else {
		b.Write([]byte{0x7f, byte(value-127)&0x7f | 0x80, byte((value-127)>>7)&0x7f | 0x80, 0})
	}
	return append(b.Bytes(), make([]byte, value)...)
}

func TestFrames(t *testing.T) {
	const most = 100 // bytes of a message
	ten := messageOf(10)
	for _, row := range []struct {
		why     string
		write   func(fr *http2.Framer)
		charged int64
		err     error
	}{
		{"a whole message costs nothing", func(fr *http2.Framer) { fr.WriteData(1, false, ten) }, 0, nil},
		{"nor do two in one frame", func(fr *http2.Framer) { fr.WriteData(1, false, append(ten, ten...)) }, 0, nil},
		{"nor an empty one", func(fr *http2.Framer) { fr.WriteData(1, false, messageOf(0)) }, 0, nil},
		{"a part is charged with its frame", func(fr *http2.Framer) {
			fr.WriteData(1, false, ten[:9])
		}, 9 + frameCost, nil},
		{"a part of the length as well", func(fr *http2.Framer) { fr.WriteData(1, false, ten[:2]) }, 2 + frameCost, nil},
		{"each of many frames", func(fr *http2.Framer) {
			for i := range 9 {
				fr.WriteData(1, false, ten[i:i+1])
			}
		}, 9 * (1 + frameCost), nil},
		{"until the message is complete", func(fr *http2.Framer) {
			for i := range ten {
				fr.WriteData(1, false, ten[i:i+1])
			}
		}, 0, nil},
		{"each stream for itself", func(fr *http2.Framer) {
			fr.WriteData(1, false, ten[:9])
			fr.WriteData(3, false, ten[:8])
			fr.WriteData(1, false, ten[9:])
		}, 8 + frameCost, nil},
		{"a stream that is reset has nothing", func(fr *http2.Framer) {
			fr.WriteData(1, false, ten[:9])
			fr.WriteRSTStream(1, http2.ErrCodeCancel)
		}, 0, nil},
		{"nor has one that is ended", func(fr *http2.Framer) { fr.WriteData(1, true, ten[:9]) }, 0, nil},
		{"by an empty frame too", func(fr *http2.Framer) {
			fr.WriteData(1, false, ten[:9])
			fr.WriteData(1, true, nil)
		}, 0, nil},
		{"the largest message is charged", func(fr *http2.Framer) {
			fr.WriteData(1, false, messageOf(most)[:50])
		}, 50 + frameCost, nil},
		{"a larger one is refused, and costs its frame", func(fr *http2.Framer) {
			fr.WriteData(1, false, messageOf(most + 1)[:50])
			fr.WriteData(1, false, make([]byte, 30))
		}, frameCost, nil},
		{"other frames cost nothing", func(fr *http2.Framer) {
			fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			fr.WritePing(false, [8]byte{})
			fr.WriteWindowUpdate(0, 1)
			fr.WriteRawFrame(99, 0, 1, make([]byte, 1000))
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: longField(100), EndHeaders: true})
		}, 0, nil},
		{"a header block in frames is charged while it is open", func(fr *http2.Framer) {
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: longField(leastFragment)})
			fr.WriteContinuation(1, false, []byte{0x82})
		}, blockCost, nil},
		{"and no longer", func(fr *http2.Framer) {
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: longField(leastFragment)})
			fr.WriteContinuation(1, true, []byte{0x82})
		}, 0, nil},
		{"a small first fragment is an attack", func(fr *http2.Framer) {
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: longField(leastFragment - 1)})
		}, 0, errFragment},
		{"as many fields as may be", func(fr *http2.Framer) {
			block := bytes.Repeat([]byte{0x82}, maxFields)
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true})
			fr.WriteHeaders(http2.HeadersFrameParam{
				StreamID: 3, BlockFragment: block, EndHeaders: true,
				Priority: http2.PriorityParam{StreamDep: 1},
			})
		}, 0, nil},
		{"one more", func(fr *http2.Framer) {
			block := bytes.Repeat([]byte{0x82}, maxFields+1)
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true})
		}, 0, errFields},
		{"padded data is nobody's", func(fr *http2.Framer) {
			fr.WriteDataPadded(1, false, ten, make([]byte, 3))
		}, 0, errPadded},
	} {
		t.Run(row.why, func(t *testing.T) {
			all := written(row.write)
			share := NewPool(1<<20, 0).Share()
			whole := newFrames(share, most)
			if err := whole.read(all); !errors.Is(err, row.err) {
				t.Fatalf("error %v, want %v", err, row.err)
			}
			if got := share.used.Load(); got != row.charged {
				t.Errorf("charged %d, want %d", got, row.charged)
			}
			share = NewPool(1<<20, 0).Share()
			pieces := newFrames(share, most)
			var err error
			for i := 0; i < len(all) && err == nil; i++ {
				err = pieces.read(all[i : i+1])
			}
			if !errors.Is(err, row.err) {
				t.Fatalf("byte by byte: error %v, want %v", err, row.err)
			}
			if got := share.used.Load(); (got == 0) != (row.charged == 0) || got < row.charged {
				t.Errorf("byte by byte: charged %d, want %d or some more", got, row.charged)
			}
		})
	}
}

func TestFramesBound(t *testing.T) {
	const size = 8 * (1000 + frameCost)
	for _, row := range []struct {
		why     string
		streams int
		err     error
	}{{"as many parts as there is room for", 8, nil}, {"one more", 9, errUnread}} {
		share := NewPool(size*9/8, 0).Share() // of which one share gets eight ninths
		f := newFrames(share, 2000)
		err := f.read(written(func(fr *http2.Framer) {
			for i := range row.streams {
				fr.WriteData(uint32(2*i+1), false, messageOf(1000)[:1000])
			}
		}))
		if !errors.Is(err, row.err) {
			t.Errorf("%s: %v, want %v", row.why, err, row.err)
		}
	}
}

// What every exchange goes through costs no allocation.
func TestExchangeAllocatesNothing(t *testing.T) {
	l, _ := limited(0)
	ours, peer := net.Pipe()
	defer peer.Close()
	c := l.newConn(ours, Port{})
	defer c.Close()
	f := newFrames(l.partial.Share(), 1000)
	if err := f.read(written(func(*http2.Framer) {})); err != nil {
		t.Fatal(err)
	}
	exchange := written(func(fr *http2.Framer) {
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: longField(100), EndHeaders: true})
		fr.WriteData(1, false, messageOf(300))
		fr.WriteData(1, true, nil)
	})[len(http2.ClientPreface):]
	buffer := new([]byte)
	if n := testing.AllocsPerRun(100, func() {
		if f.read(exchange) != nil || !c.streams.Take(StreamCost) {
			t.Fatal("refused")
		}
		c.Queued()
		c.Put(buffer)
		c.streams.Give(StreamCost)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
