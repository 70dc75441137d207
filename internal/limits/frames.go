package limits

import (
	"encoding/binary"
	"errors"

	"golang.org/x/net/http2"
)

// What a peer may not send. Envoy and the clients of gRPC never do.
var (
	errPadded   = errors.New("a padded frame")
	errFragment = errors.New("a header block in small fragments")
	errFields   = errors.New("too many fields in a header block")
	errUnread   = errors.New("too much data that is not yet a message")
)

const (
	frameHeaderSize   = 9
	messagePrefixSize = 5
	prioritySize      = 5 // of a header frame's fields about priority

	// frameCost is the memory that gRPC keeps for one DATA frame of a message that is not complete, beside its bytes.
	frameCost = 128
	// blockCost is the memory of the decoded part of a header block that is not complete.
	blockCost = 256 << 10
	// leastFragment is the least size of a header block's first frame that is not its last. Clients fill
	// frames, which have 16 KiB.
	leastFragment = 8 << 10
)

// frames follows the HTTP/2 frames that a peer sends, and charges the peer's share for messages and header blocks
// that have begun and are not complete: gRPC keeps those for as long as the peer likes. A message that arrives
// whole, as nearly all do, costs a look at its length.
type frames struct {
	share      *Share
	maxMessage uint32

	skip   int // bytes until the next frame header that do not matter
	header [frameHeaderSize]byte
	have   int // bytes of header

	headers int          // bytes of the current header frame that are still to come
	fields  fieldCounter // of the header block

	data      int // bytes of the current DATA frame that are still to come
	stream    uint32
	endStream bool
	block     bool // a header block is open, and charged
	begun     int  // header blocks

	partial map[uint32]message // by stream: messages that are not complete
}

// message is the state of a message that is not complete.
type message struct {
	prefix  [messagePrefixSize]byte // a byte for compression, and the length
	have    int                     // bytes of prefix
	left    uint32                  // bytes of the message that are to come
	refused bool                    // it is too large: gRPC ends the stream
	charged int64
}

func newFrames(share *Share, maxMessage uint32) frames {
	return frames{share: share, maxMessage: maxMessage, skip: len(http2.ClientPreface), partial: map[uint32]message{}}
}

// read follows the next bytes of the connection.
func (f *frames) read(b []byte) error {
	for len(b) > 0 {
		var err error
		switch {
		case f.skip > 0:
			n := min(f.skip, len(b))
			f.skip, b = f.skip-n, b[n:]
		case f.headers > 0:
			n := min(f.headers, len(b))
			f.headers -= n
			err = f.readHeaders(b[:n])
			b = b[n:]
		case f.data > 0:
			n := min(f.data, len(b))
			f.data -= n
			err = f.readData(b[:n])
			b = b[n:]
		default:
			n := copy(f.header[f.have:], b)
			f.have, b = f.have+n, b[n:]
			if f.have == frameHeaderSize {
				f.have = 0
				err = f.begin()
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin begins a frame.
func (f *frames) begin() error {
	h := &f.header
	length := int(h[0])<<16 | int(h[1])<<8 | int(h[2])
	kind, flags := http2.FrameType(h[3]), http2.Flags(h[4])
	stream := binary.BigEndian.Uint32(h[5:]) &^ (1 << 31)
	switch kind {
	case http2.FrameData:
		if flags.Has(http2.FlagDataPadded) {
			return errPadded
		}
		f.data, f.stream, f.endStream = length, stream, flags.Has(http2.FlagDataEndStream)
		if length == 0 && f.endStream {
			f.drop(stream)
		}
	case http2.FrameHeaders:
		f.begun++
		return f.beginBlock(length, flags)
	case http2.FrameContinuation:
		f.headers = length
		if flags.Has(http2.FlagContinuationEndHeaders) {
			f.endBlock()
		}
	case http2.FrameRSTStream:
		f.skip = length
		f.drop(stream)
	default:
		f.skip = length
	}
	return nil
}

func (f *frames) beginBlock(length int, flags http2.Flags) error {
	if flags.Has(http2.FlagHeadersPadded) {
		return errPadded
	}
	if f.headers = length; flags.Has(http2.FlagHeadersPriority) {
		f.skip = min(prioritySize, length)
		f.headers -= f.skip
	}
	f.fields = fieldCounter{}
	switch {
	case flags.Has(http2.FlagHeadersEndHeaders):
		return nil
	case length < leastFragment:
		return errFragment
	case !f.block && !f.share.Take(blockCost):
		return errUnread
	}
	f.block = true
	return nil
}

func (f *frames) endBlock() {
	if f.block {
		f.block = false
		f.share.Give(blockCost)
	}
}

// readHeaders reads a piece of a header frame.
func (f *frames) readHeaders(b []byte) error {
	if f.fields.count(b); f.fields.fields > maxFields {
		return errFields
	}
	return nil
}

// readData reads a piece of a DATA frame.
func (f *frames) readData(b []byte) error {
	m := f.partial[f.stream]
	n := int64(len(b))
	for len(b) > 0 && !m.refused {
		b = m.read(b, f.maxMessage)
	}
	switch {
	case m.have == 0 || f.data == 0 && f.endStream:
		f.drop(f.stream)
		return nil
	case m.refused:
		f.drop(f.stream)
		n, m.charged = 0, 0
	}
	if !f.share.Take(n + frameCost) {
		return errUnread
	}
	m.charged += n + frameCost
	f.partial[f.stream] = m
	return nil
}

// drop forgets a stream's message.
func (f *frames) drop(stream uint32) {
	if m, ok := f.partial[stream]; ok {
		f.share.Give(m.charged)
		delete(f.partial, stream)
	}
}

// read follows one piece of the message, and returns the bytes after it. After the last piece the message is the next
// one.
func (m *message) read(b []byte, limit uint32) []byte {
	if m.have < messagePrefixSize {
		n := copy(m.prefix[m.have:], b)
		m.have, b = m.have+n, b[n:]
		if m.have < messagePrefixSize {
			return b
		}
		m.left = binary.BigEndian.Uint32(m.prefix[1:])
		m.refused = m.left > limit
	}
	n := min(uint64(m.left), uint64(len(b)))
	m.left -= uint32(n)
	if m.left == 0 {
		m.have = 0
	}
	return b[n:]
}
