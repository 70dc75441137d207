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
		if !ok || tag != tagHeaders {
			return dst, false
		}
		h, ok := readHeader(value)
		if !ok {
			return dst, false
		}
		dst = append(dst, h)
	}
	return dst, true
}

// readHeader reads a HeaderValue. Envoy sends raw_value since 1.27, older versions
// and other data planes value.
func readHeader(c cursor) (h Header, ok bool) {
	var text []byte
	for len(c) > 0 {
		tag, _, value, ok := c.field()
		if !ok {
			return h, false
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
	return h, utf8.Valid(h.Name) && utf8.Valid(text)
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
