package wire

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// Kind is the part of an HTTP exchange that a message of ext_proc contains.
type Kind uint8

// The values of [Kind].
const (
	// KindUnknown is every other message, such as the flow control of Envoy 1.40.
	KindUnknown Kind = iota
	KindRequestHeaders
	KindResponseHeaders
	KindRequestBody
	KindResponseBody
	KindRequestTrailers
	KindResponseTrailers
)

// ProcessingRequest is the part of envoy.service.ext_proc.v3.ProcessingRequest that is read. One
// that is used again does not allocate once its list of headers has grown.
type ProcessingRequest struct {
	Kind Kind
	// Headers are the header lines of the request or response, in their order.
	Headers []Header
	// Observability reports that Envoy does not wait for an answer and ignores one.
	Observability bool
	// HeadersOnly reports that Envoy will send no bodies. Envoy sends this in the first message of
	// a stream (protocol_config).
	HeadersOnly bool
	// Attributes are those that request_attributes or response_attributes configures.
	Attributes map[string]*structpb.Struct

	message message // Headers are slices of it
}

// Read replaces the message by the one in data. Its headers are slices of data, which is kept
// until [ProcessingRequest.Release].
func (m *ProcessingRequest) Read(data mem.BufferSlice) error {
	m.reset()
	bytes := m.message.open(data)
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

// Large reports whether the message's buffers have grown too large to be kept for the next one.
func (m *ProcessingRequest) Large() bool {
	return cap(m.Headers) > keptHeaders || m.message.size > keptSize
}

func (m *ProcessingRequest) reset() {
	m.Kind, m.Headers, m.Observability, m.HeadersOnly, m.Attributes = KindUnknown, m.Headers[:0], false, false, nil
}

// Release frees the data that the headers are slices of. They may not be used any more.
func (m *ProcessingRequest) Release() {
	m.message.free()
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

// metadataShape is the shape of a part that is skipped.
var metadataShape = shapeOf(&corev3.Metadata{})

// scan reads the usual layout. It returns false for every other.
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
			ok = metadataShape().matches(value)
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
	m.HeadersOnly = modes.present && modes.request == 0 && modes.response == 0
	return true
}

// bodyModes is a ProtocolConfiguration. NONE, the mode without bodies, is 0.
type bodyModes struct {
	present           bool
	request, response uint32
}

// scan reads a ProtocolConfiguration. A message may have several; the last value of each mode
// counts.
func (b *bodyModes) scan(c cursor) bool {
	b.present = true
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

// scanHeaders reads HttpHeaders. A second one in a message is unusual.
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
		const none = modev3.ProcessingMode_NONE
		m.HeadersOnly = c.GetRequestBodyMode() == none && c.GetResponseBodyMode() == none
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

// Field numbers of ProcessingResponse.
const (
	responseRequestHeaders  = 1
	responseResponseHeaders = 2
	responseImmediate       = 7
	responseDynamicMetadata = 8
	responseModeOverride    = 9
)

// responseField returns the field of a ProcessingResponse that answers a message of a kind.
func responseField(k Kind) protowire.Number {
	return [...]protowire.Number{
		KindRequestHeaders: responseRequestHeaders, KindResponseHeaders: responseResponseHeaders,
		KindRequestBody: 3, KindResponseBody: 4, KindRequestTrailers: 5, KindResponseTrailers: 6,
	}[k]
}

// Unchanged answers a message of the kind and changes nothing. The kind may not be KindUnknown,
// which has no answer.
func (a *Answer) Unchanged(k Kind) {
	w := &a.writer
	w.begin()
	w.wrap(responseField(k), w.size())
}

// Immediate answers in upstream's place. It never has a body: Envoy would send one even with a
// 204. details becomes %RESPONSE_CODE_DETAILS%.
func (a *Answer) Immediate(status int, m *Mutation, details string, md *Metadata) {
	w := &a.writer
	w.begin()
	w.dynamicMetadata(md)
	end := w.size()
	writeValue(w, 5, details)
	headers := w.size()
	w.mutation(m)
	w.wrap(2, headers)
	w.status(status)
	w.wrap(responseImmediate, end)
}

// Proceed lets the request continue, and requests the response's headers or not. A filter that is
// configured with response_header_mode SKIP sends them only if they are requested. One that is
// configured with SEND ends the stream early if they are not (1.37 and later; 1.36 keeps the
// stream open until the response).
func (a *Answer) Proceed(response bool, md *Metadata) {
	mode := modev3.ProcessingMode_SKIP
	if response {
		mode = modev3.ProcessingMode_SEND
	}
	w := &a.writer
	w.begin()
	w.number(2, uint64(mode)) // response_header_mode
	w.wrap(responseModeOverride, 0)
	w.dynamicMetadata(md)
	w.wrap(responseRequestHeaders, w.size())
}

// Edit changes the response's headers. md may be nil.
func (a *Answer) Edit(m *Mutation, md *Metadata) {
	w := &a.writer
	w.begin()
	w.dynamicMetadata(md)
	end := w.size()
	if len(m.Set)+len(m.Remove) > 0 {
		w.mutation(m)
		w.wrap(2, end) // CommonResponse.header_mutation
		w.wrap(1, end) // HeadersResponse.response
	}
	w.wrap(responseResponseHeaders, end)
}

// mutation writes the fields of a HeaderMutation. Values are in raw_value, since Envoy sends those
// in value as empty. append stays unset, which means to overwrite; Envoy ignores append_action.
func (w *writer) mutation(m *Mutation) {
	for i := len(m.Remove) - 1; i >= 0; i-- {
		writeValue(w, 2, m.Remove[i]) // remove_headers
	}
	for i := len(m.Set) - 1; i >= 0; i-- {
		end := w.size()
		writeValue(w, 3, m.Set[i].Value) // HeaderValue.raw_value
		writeValue(w, 1, m.Set[i].Name)  // HeaderValue.key
		w.wrap(1, end)                   // HeaderValueOption.header
		w.wrap(1, end)                   // set_headers
	}
}

// dynamicMetadata writes the dynamic metadata of a ProcessingResponse, if there is any: a Struct
// that has the values as a Struct under their namespace.
func (w *writer) dynamicMetadata(md *Metadata) {
	if md == nil {
		return
	}
	end := w.size()
	w.pairs(md)
	w.wrap(5, end)                 // Value.struct_value
	w.wrap(2, end)                 // value
	writeValue(w, 1, md.Namespace) // key
	w.wrap(1, end)                 // fields
	w.wrap(responseDynamicMetadata, end)
}
