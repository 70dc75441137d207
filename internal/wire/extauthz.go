package wire

import (
	"bytes"
	"unicode/utf8"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// CheckRequest is the part of envoy.service.auth.v3.CheckRequest that is read. One that is used
// again does not allocate once its lists have grown.
type CheckRequest struct {
	Method, Scheme, Host, Path []byte
	// Headers are those of header_map with encode_raw_headers. Without, they are those of headers,
	// in which Envoy has joined repeated lines.
	Headers []Header
	// Extensions are the context_extensions of the route.
	Extensions []Header

	message message
}

// Read is like [ProcessingRequest.Read].
func (m *CheckRequest) Read(data mem.BufferSlice) error {
	m.reset()
	text := m.message.open(data)
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

// Large is like [ProcessingRequest.Large].
func (m *CheckRequest) Large() bool {
	return max(cap(m.Headers), cap(m.Extensions)) > keptHeaders || m.message.size > keptSize
}

func (m *CheckRequest) reset() {
	m.Method, m.Scheme, m.Host, m.Path = nil, nil, nil, nil
	m.Headers, m.Extensions = m.Headers[:0], m.Extensions[:0]
}

// Release is like [ProcessingRequest.Release].
func (m *CheckRequest) Release() {
	m.message.free()
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

// The shapes of the parts that are skipped.
var (
	peerShape       = shapeOf(&authv3.AttributeContext_Peer{})
	tlsSessionShape = shapeOf(&authv3.AttributeContext_TLSSession{})
	timestampShape  = shapeOf(&timestamppb.Timestamp{})
)

// scan reads the usual layout. It returns false for every other.
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
			ok = peerShape().matches(value)
		case tagRequest:
			requests++
			ok = requests == 1 && m.scanRequest(value)
		case tagExtensions:
			m.Extensions, ok = appendEntry(m.Extensions, value)
		case tagContextMetadata, tagRouteContextMetadata:
			ok = metadataShape().matches(value)
		case tagTLSSession:
			ok = tlsSessionShape().matches(value)
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
			ok = timestampShape().matches(value)
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
		text := true // unless a case below sets it to false
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

// appendEntry reads an entry of a map of strings. Of two entries with one name the last one counts;
// a message that has them is unusual.
func appendEntry(dst []Header, c cursor) (entries []Header, ok bool) {
	var e Header
	for len(c) > 0 {
		tag, _, value, ok := c.field()
		if !ok || !utf8.Valid(value) {
			return dst, false // also if this is a repeated field
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
	m.Method, m.Scheme = []byte(http.GetMethod()), []byte(http.GetScheme())
	m.Host, m.Path = []byte(http.GetHost()), []byte(http.GetPath())
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

// Passed lets a request of ext_authz continue and adds headers to its response. md may be nil.
// append is false, since Envoy appends if it is unset.
func (a *Answer) Passed(add []Field, md *Metadata) {
	w := &a.writer
	w.begin()
	w.checkMetadata(md)
	end := w.size()
	for i := len(add) - 1; i >= 0; i-- {
		end := w.size()
		w.wrap(2, end) // append, a BoolValue: false
		w.checkHeader(&add[i])
		w.wrap(6, end) // response_headers_to_add
	}
	w.wrap(3, end)      // ok_response
	w.wrap(1, w.size()) // status: OK
}

// Denied answers in upstream's place. md may be nil. append stays unset: Envoy drops a header of a
// denial in which it is true.
func (a *Answer) Denied(status int, set []Field, md *Metadata) {
	w := &a.writer
	w.begin()
	w.checkMetadata(md)
	end := w.size()
	for i := len(set) - 1; i >= 0; i-- {
		end := w.size()
		w.checkHeader(&set[i])
		w.wrap(2, end) // headers
	}
	w.status(status)
	w.wrap(2, end) // denied_response
	end = w.size()
	w.number(1, uint64(codes.PermissionDenied)) // Status.code
	w.wrap(1, end)                              // status
}

// checkHeader writes a HeaderValueOption.header. The value is in value, since ext_authz sends one in
// raw_value as empty.
func (w *writer) checkHeader(f *Field) {
	end := w.size()
	writeValue(w, 2, f.Value)
	writeValue(w, 1, f.Name)
	w.wrap(1, end)
}

// checkMetadata writes the dynamic metadata of a CheckResponse, if there is any. It has no
// namespace.
func (w *writer) checkMetadata(md *Metadata) {
	if md == nil {
		return
	}
	end := w.size()
	w.pairs(md)
	w.wrap(4, end) // dynamic_metadata
}
