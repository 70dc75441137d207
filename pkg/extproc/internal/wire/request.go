package wire

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// Kind is what a message is about.
type Kind uint8

// The values of [Kind].
const (
	// KindUnknown is no known kind, such as the flow control of Envoy 1.40.
	KindUnknown Kind = iota
	KindRequestHeaders
	KindResponseHeaders
	KindRequestBody
	KindResponseBody
	KindRequestTrailers
	KindResponseTrailers
)

// ProcessingRequest is what is read of envoy.service.ext_proc.v3.ProcessingRequest.
// One that is used again does not allocate once its headers have grown.
type ProcessingRequest struct {
	Kind Kind
	// Headers are those of the request or response, in their order.
	Headers []Header
	// Observability: Envoy waits for no answer, and takes none.
	Observability bool
	// HeadersOnly: Envoy says that it will send no bodies, which it does in the first
	// message of a stream (protocol_config).
	HeadersOnly bool
	// Attributes are what request_attributes or response_attributes has Envoy send.
	Attributes map[string]*structpb.Struct

	held held // what Headers are parts of
}

// Read reads a message in place of the one before. Its headers are parts of data,
// which is held until [ProcessingRequest.Release].
func (m *ProcessingRequest) Read(data mem.BufferSlice) error {
	m.reset()
	bytes := m.held.hold(data)
	if m.scan(bytes) {
		return nil
	}
	m.reset()
	if err := checkFields(bytes); err != nil {
		return err
	}
	if err := m.readUnusual(bytes); err != nil {
		return err
	}
	return checkHeaders(m.Headers)
}

// Large reports whether the message was one for which buffers have grown beyond what is worth keeping.
func (m *ProcessingRequest) Large() bool {
	return cap(m.Headers) > keptHeaders || m.held.size > keptSize
}

func (m *ProcessingRequest) reset() {
	m.Kind, m.Headers, m.Observability, m.HeadersOnly, m.Attributes = KindUnknown, m.Headers[:0], false, false, nil
}

// Release gives back what the headers are parts of: they may not be used any more.
func (m *ProcessingRequest) Release() {
	m.held.giveBack()
	m.reset()
}

// The tags of ProcessingRequest and HttpHeaders.
const (
	tagRequestHeaders  = 2<<3 | bytesType
	tagResponseHeaders = 3<<3 | bytesType
	tagMetadataContext = 8<<3 | bytesType
	tagObservability   = 10<<3 | varintType
	tagProtocolConfig  = 11<<3 | bytesType

	tagHeaderMap   = 1<<3 | bytesType
	tagEndOfStream = 3<<3 | varintType

	tagRequestBodyMode  = 1<<3 | varintType
	tagResponseBodyMode = 2<<3 | varintType
	tagSendBodyAtOnce   = 3<<3 | varintType
)

// metadataContext is the shape of what is skipped.
var metadataContext = shapeOf(&corev3.Metadata{})

// scan reads the usual layout. It gives false for every other.
func (m *ProcessingRequest) scan(c cursor) bool {
	var modes bodyModes
	for len(c) > 0 {
		tag, number, value, ok := c.field()
		if !ok {
			return false
		}
		switch tag {
		case tagRequestHeaders:
			ok = m.scanHeaders(KindRequestHeaders, value)
		case tagResponseHeaders:
			ok = m.scanHeaders(KindResponseHeaders, value)
		case tagMetadataContext:
			ok = metadataContext().takes(value)
		case tagProtocolConfig:
			ok = modes.scan(value)
		case tagObservability:
			m.Observability = number != 0
		default:
			return false
		}
		if !ok {
			return false
		}
	}
	m.HeadersOnly = modes.said && modes.request == 0 && modes.response == 0
	return true
}

// bodyModes is what a message says in ProtocolConfiguration. NONE, the mode of no bodies,
// is 0.
type bodyModes struct {
	said              bool
	request, response uint32
}

// scan reads it, or one more of it: what is said twice counts as it is said last.
func (b *bodyModes) scan(c cursor) bool {
	b.said = true
	for len(c) > 0 {
		tag, number, _, ok := c.field()
		switch {
		case ok && tag == tagRequestBodyMode:
			b.request = uint32(number)
		case ok && tag == tagResponseBodyMode:
			b.response = uint32(number)
		case !ok || tag != tagSendBodyAtOnce:
			return false
		}
	}
	return true
}

// scanHeaders reads HttpHeaders. A second one in a message is not usual.
func (m *ProcessingRequest) scanHeaders(kind Kind, c cursor) bool {
	if m.Kind != KindUnknown {
		return false
	}
	m.Kind = kind
	for len(c) > 0 {
		tag, _, value, ok := c.field()
		switch {
		case ok && tag == tagHeaderMap:
			m.Headers, ok = appendHeaderMap(m.Headers, value)
		case tag != tagEndOfStream:
			ok = false
		}
		if !ok {
			return false
		}
	}
	return true
}

// readUnusual reads any message.
func (m *ProcessingRequest) readUnusual(b []byte) error {
	var p extprocv3.ProcessingRequest
	if err := proto.Unmarshal(b, &p); err != nil {
		return err
	}
	m.Observability, m.Attributes = p.GetObservabilityMode(), p.GetAttributes()
	if c := p.GetProtocolConfig(); c != nil {
		m.HeadersOnly = c.GetRequestBodyMode() == modev3.ProcessingMode_NONE && c.GetResponseBodyMode() == modev3.ProcessingMode_NONE
	}
	switch r := p.GetRequest().(type) {
	case *extprocv3.ProcessingRequest_RequestHeaders:
		m.Kind = KindRequestHeaders
		m.Headers = appendHeaders(m.Headers, r.RequestHeaders.GetHeaders())
	case *extprocv3.ProcessingRequest_ResponseHeaders:
		m.Kind = KindResponseHeaders
		m.Headers = appendHeaders(m.Headers, r.ResponseHeaders.GetHeaders())
	case *extprocv3.ProcessingRequest_RequestBody:
		m.Kind = KindRequestBody
	case *extprocv3.ProcessingRequest_ResponseBody:
		m.Kind = KindResponseBody
	case *extprocv3.ProcessingRequest_RequestTrailers:
		m.Kind = KindRequestTrailers
	case *extprocv3.ProcessingRequest_ResponseTrailers:
		m.Kind = KindResponseTrailers
	}
	return nil
}
