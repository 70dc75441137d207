package wire

import (
	"bytes"
	"unicode/utf8"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// CheckRequest is what is read of envoy.service.auth.v3.CheckRequest. One that is
// used again does not allocate once its lists have grown.
type CheckRequest struct {
	Method, Scheme, Host, Path []byte
	// Headers are those of header_map, with encode_raw_headers, and of headers,
	// where Envoy has joined repeated lines, without.
	Headers []Header
	// Extensions are the context_extensions of the route.
	Extensions []Header

	held held
}

// Read is as [ProcessingRequest.Read].
func (m *CheckRequest) Read(data mem.BufferSlice) error {
	m.reset()
	text := m.held.hold(data)
	if m.scan(text) {
		return nil
	}
	m.reset()
	if err := checkFields(text); err != nil {
		return err
	}
	if err := m.readUnusual(text); err != nil {
		return err
	}
	return checkHeaders(m.Headers)
}

// Large is as [ProcessingRequest.Large].
func (m *CheckRequest) Large() bool {
	return max(cap(m.Headers), cap(m.Extensions)) > keptHeaders || m.held.size > keptSize
}

func (m *CheckRequest) reset() {
	m.Method, m.Scheme, m.Host, m.Path = nil, nil, nil, nil
	m.Headers, m.Extensions = m.Headers[:0], m.Extensions[:0]
}

// Release is as [ProcessingRequest.Release].
func (m *CheckRequest) Release() {
	m.held.giveBack()
	m.reset()
}

// The tags of CheckRequest, AttributeContext, its Request and HttpRequest.
const (
	tagAttributes = 1<<3 | bytesType

	tagSource               = 1<<3 | bytesType
	tagDestination          = 2<<3 | bytesType
	tagRequest              = 4<<3 | bytesType
	tagExtensions           = 10<<3 | bytesType
	tagContextMetadata      = 11<<3 | bytesType
	tagTLSSession           = 12<<3 | bytesType
	tagRouteContextMetadata = 13<<3 | bytesType

	tagTime = 1<<3 | bytesType
	tagHTTP = 2<<3 | bytesType

	tagID            = 1<<3 | bytesType
	tagMethod        = 2<<3 | bytesType
	tagHTTPHeaders   = 3<<3 | bytesType
	tagPath          = 4<<3 | bytesType
	tagHost          = 5<<3 | bytesType
	tagScheme        = 6<<3 | bytesType
	tagQuery         = 7<<3 | bytesType
	tagFragment      = 8<<3 | bytesType
	tagSize          = 9<<3 | varintType
	tagProtocol      = 10<<3 | bytesType
	tagHTTPHeaderMap = 13<<3 | bytesType
)

// The shapes of what is skipped.
var (
	peer       = shapeOf(&authv3.AttributeContext_Peer{})
	tlsSession = shapeOf(&authv3.AttributeContext_TLSSession{})
	timestamp  = shapeOf(&timestamppb.Timestamp{})
)

// scan reads the usual layout. It gives false for every other.
func (m *CheckRequest) scan(c cursor) bool {
	tag, _, attributes, ok := c.field()
	if !ok || tag != tagAttributes || len(c) > 0 {
		return false
	}
	requests := 0
	for len(attributes) > 0 {
		tag, _, value, ok := attributes.field()
		if !ok {
			return false
		}
		switch tag {
		case tagSource, tagDestination:
			ok = peer().takes(value)
		case tagRequest:
			requests++
			ok = requests == 1 && m.scanRequest(value)
		case tagExtensions:
			m.Extensions, ok = appendEntry(m.Extensions, value)
		case tagContextMetadata, tagRouteContextMetadata:
			ok = metadataContext().takes(value)
		case tagTLSSession:
			ok = tlsSession().takes(value)
		default:
			return false
		}
		if !ok {
			return false
		}
	}
	return true
}

func (m *CheckRequest) scanRequest(c cursor) bool {
	requests := 0
	for len(c) > 0 {
		tag, _, value, ok := c.field()
		switch {
		case ok && tag == tagTime:
			ok = timestamp().takes(value)
		case ok && tag == tagHTTP:
			requests++
			ok = requests == 1 && m.scanHTTP(value)
		default:
			return false
		}
		if !ok {
			return false
		}
	}
	return true
}

func (m *CheckRequest) scanHTTP(c cursor) bool {
	mapped := false
	for len(c) > 0 {
		tag, _, value, ok := c.field()
		if !ok {
			return false
		}
		text := true // unless it is something else
		switch tag {
		case tagMethod:
			m.Method = value
		case tagPath:
			m.Path = value
		case tagHost:
			m.Host = value
		case tagScheme:
			m.Scheme = value
		case tagID, tagQuery, tagFragment, tagProtocol:
		case tagSize:
			text = false
		case tagHTTPHeaders:
			text = false
			m.Headers, ok = appendEntry(m.Headers, value)
			ok = ok && !mapped
		case tagHTTPHeaderMap:
			text, mapped = false, true
			m.Headers, ok = appendHeaderMap(m.Headers, value)
		default:
			return false
		}
		if !ok || text && !utf8.Valid(value) {
			return false
		}
	}
	return true
}

// appendEntry reads an entry of a map of strings. Of two with one name the last one
// counts, which is not usual.
func appendEntry(dst []Header, c cursor) (entries []Header, ok bool) {
	var e Header
	for len(c) > 0 {
		tag, _, value, ok := c.field()
		if !ok || !utf8.Valid(value) {
			return dst, false // also where the field comes once more
		}
		switch tag {
		case tagKey:
			e.Name = value
		case tagValue:
			e.Value = value
		default:
			return dst, false
		}
	}
	for i := range dst {
		if bytes.Equal(dst[i].Name, e.Name) {
			return dst, false
		}
	}
	return append(dst, e), len(dst) < maxEntries
}

// maxEntries bounds the entries of a map that are compared with one another.
const maxEntries = 128

// readUnusual reads any message.
func (m *CheckRequest) readUnusual(b []byte) error {
	var p authv3.CheckRequest
	if err := proto.Unmarshal(b, &p); err != nil {
		return err
	}
	http := p.GetAttributes().GetRequest().GetHttp()
	m.Method, m.Scheme, m.Host, m.Path = []byte(http.GetMethod()), []byte(http.GetScheme()), []byte(http.GetHost()), []byte(http.GetPath())
	m.Headers = appendHeaders(appendEntries(m.Headers, http.GetHeaders()), http.GetHeaderMap())
	m.Extensions = appendEntries(m.Extensions, p.GetAttributes().GetContextExtensions())
	return nil
}

func appendEntries(dst []Header, entries map[string]string) []Header {
	for name, value := range entries {
		dst = append(dst, Header{[]byte(name), []byte(value)})
	}
	return dst
}
