package wire

import (
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// Header is one header line. Its parts are parts of the message.
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

// readPlainHeader reads a HeaderValue of a key and a raw_value, both shorter than 128
// bytes, as nearly all are. It is readHeader without its questions.
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

// readHeader reads a HeaderValue. Envoy sends raw_value since 1.27, older versions
// and other data planes value.
func readHeader(c cursor) (h Header, ok bool) {
	var text []byte
	for len(c) > 0 {
		tag, _, value, ok := c.field()
		if !ok || tag != tagRawValue && !utf8.Valid(value) {
			return h, false // also where the field comes once more
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

// appendHeaders is appendHeaderMap for a message of go-control-plane's.
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
