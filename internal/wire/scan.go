package wire

import (
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/encoding/protowire"
)

// Wire types, the low three bits of a tag.
const (
	varintType = 0
	bytesType  = 2
)

// cursor is the rest of a message.
type cursor []byte

// field removes the next field from the cursor and returns it: number is the value of a varint,
// value that of everything with a length. ok is false for malformed bytes and for unusual fields:
// a field number above 15, whose tag has two bytes, or a number of fixed size.
func (c *cursor) field() (tag byte, number uint64, value cursor, ok bool) {
	b := *c
	if len(b) < 2 || b[0] >= 0x80 {
		return 0, 0, nil, false
	}
	tag = b[0]
	number, n := uint64(b[1]), 1
	if number >= 0x80 {
		if number, n = protowire.ConsumeVarint(b[1:]); n < 0 {
			return 0, 0, nil, false
		}
	}
	b = b[1+n:]
	switch tag & 7 {
	case varintType:
		*c = b
		return tag, number, nil, true
	case bytesType:
		if number > uint64(len(b)) {
			return 0, 0, nil, false
		}
		*c = b[number:]
		return tag, 0, b[:number], true
	}
	return 0, 0, nil, false
}

// Header is one header line. Its name and value are slices of the message.
type Header struct {
	Name  []byte
	Value []byte
}

// The tags of config.core.v3.HeaderMap and HeaderValue.
const (
	tagHeaders  = 1<<3 | bytesType
	tagKey      = 1<<3 | bytesType
	tagValue    = 2<<3 | bytesType
	tagRawValue = 3<<3 | bytesType
)

// appendHeaderMap reads a HeaderMap.
func appendHeaderMap(dst []Header, c cursor) (headers []Header, ok bool) {
	for len(c) > 0 {
		tag, _, value, ok := c.field()
		if !ok || tag != tagHeaders || len(dst) == MaxHeaders {
			return dst, false
		}
		if h, ok := readPlainHeader(value); ok {
			dst = append(dst, h)
			continue
		}
		h, ok := readHeader(value)
		if !ok {
			return dst, false
		}
		dst = append(dst, h)
	}
	return dst, true
}

// readPlainHeader reads a HeaderValue that has a key and a raw_value, both shorter than 128 bytes,
// as nearly all are. It is readHeader with fewer checks.
func readPlainHeader(c cursor) (h Header, ok bool) {
	if len(c) < 4 || c[0] != tagKey || c[1] >= 0x80 {
		return h, false
	}
	name, rest := 2+int(c[1]), 0
	if rest = len(c) - name - 2; rest < 0 || c[name] != tagRawValue || int(c[name+1]) != rest || rest >= 0x80 {
		return h, false
	}
	h = Header{c[2:name], c[name+2:]}
	return h, utf8.Valid(h.Name)
}

// readHeader reads a HeaderValue. Envoy sends raw_value since 1.27; older versions and other data
// planes send value.
func readHeader(c cursor) (h Header, ok bool) {
	var text []byte
	for len(c) > 0 {
		tag, _, value, ok := c.field()
		if !ok || tag != tagRawValue && !utf8.Valid(value) {
			return h, false // also if this is a repeated field
		}
		switch tag {
		case tagKey:
			h.Name = value
		case tagValue:
			text = value
		case tagRawValue:
			h.Value = value
		default:
			return h, false
		}
	}
	if len(h.Value) == 0 {
		h.Value = text
	}
	return h, true
}

// appendHeaders is appendHeaderMap for a message that proto.Unmarshal has read.
func appendHeaders(dst []Header, m *corev3.HeaderMap) []Header {
	for _, h := range m.GetHeaders() {
		value := h.GetRawValue()
		if len(value) == 0 {
			value = []byte(h.GetValue())
		}
		dst = append(dst, Header{[]byte(h.GetKey()), value})
	}
	return dst
}
