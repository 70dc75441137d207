package wire

import "google.golang.org/protobuf/encoding/protowire"

// writer writes a message from its end to its start: the parts of a field first, then its
// length, then its tag. Fields are written in the reverse of their order on the wire.
type writer struct {
	pooled *[]byte // of Buffers, nil if there is none
	buf    []byte  // *pooled, or a larger one that replaced it
	start  int     // the message is buf[start:]
}

// begin starts a new message.
func (w *writer) begin() {
	if w.pooled == nil {
		w.pooled = Buffers.Get(usualAnswer)
	}
	w.buf = *w.pooled
	w.start = len(w.buf)
}

// take returns the message and leaves the writer without a buffer. gRPC expects the message at
// the start of its buffer.
func (w *writer) take() *[]byte {
	b := w.pooled
	*b = w.buf[:copy(w.buf, w.buf[w.start:])]
	w.pooled, w.buf = nil, nil
	return b
}

// size is the length of the message so far.
func (w *writer) size() int { return len(w.buf) - w.start }

// reserve adds n bytes to the start of the message and returns the start.
func (w *writer) reserve(n int) []byte {
	if w.start < n {
		w.grow(n)
	}
	w.start -= n
	return w.buf[w.start:]
}

// grow replaces the buffer by one that has at least n free bytes.
func (w *writer) grow(n int) {
	larger := make([]byte, 2*len(w.buf)+n)
	start := len(larger) - w.size()
	copy(larger[start:], w.buf[w.start:])
	w.buf, w.start = larger, start
}

// varint writes a number.
func (w *writer) varint(v uint64) {
	protowire.AppendVarint(w.reserve(protowire.SizeVarint(v))[:0], v)
}

// wrap makes one field of everything that was written since size returned end.
func (w *writer) wrap(number protowire.Number, end int) {
	n := w.size() - end
	if n >= 0x80 {
		w.varint(uint64(n))
		w.reserve(1)[0] = byte(number<<3 | bytesType)
		return
	}
	head := w.reserve(2)
	head[0], head[1] = byte(number<<3|bytesType), byte(n)
}

// number writes a field of type varint.
func (w *writer) number(number protowire.Number, v uint64) {
	w.varint(v)
	w.reserve(1)[0] = byte(number<<3 | varintType)
}

// writeValue writes a field of type string or bytes.
func writeValue[T ~string | ~[]byte](w *writer, number protowire.Number, v T) {
	end := w.size()
	copy(w.reserve(len(v)), v)
	w.wrap(number, end)
}
