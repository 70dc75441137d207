package wire

import (
	"sync"

	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/corsd/corsd/pkg/policy"
)

// Answer is an encoded message to Envoy: a ProcessingResponse or a CheckResponse.
type Answer struct {
	// Outbox counts the answer until gRPC has written it, if there is one.
	Outbox Outbox

	buffer *[]byte // of answers; nil when it has been given away
	bytes  []byte  // in the buffer
}

// Outbox counts the answers of a connection that are not written. It stands for [Answers]: gRPC returns
// the buffers of written answers to it.
type Outbox interface {
	mem.BufferPool
	// Queued is called for each answer that gRPC is to write.
	Queued()
}

// Buffers gives the bytes away to gRPC, which writes them some time after they have been
// sent, and then gives the buffer back to answers.
func (a *Answer) Buffers() mem.BufferSlice {
	*a.buffer = append((*a.buffer)[:0], a.bytes...) // onto itself, if the size was right
	pool := Answers
	if a.Outbox != nil {
		a.Outbox.Queued()
		pool = a.Outbox
	}
	given := mem.NewBuffer(a.buffer, pool)
	a.buffer, a.bytes = nil, nil
	return mem.BufferSlice{given}
}

// room gives an empty buffer for so many bytes.
func (a *Answer) room(size int) []byte {
	if a.buffer == nil || cap(*a.buffer) < size {
		a.buffer = Answers.Get(size)
	}
	return (*a.buffer)[:0:size]
}

// Answers are the buffers of answers that have been written. An answer is a tenth of
// what a request allocates, gRPC included.
var Answers mem.BufferPool = &answerPool{}

// answerPool is gRPC's own kind of pool without its clearing of each buffer.
type answerPool struct{ pool sync.Pool }

// usualAnswer is the capacity of the buffers that are kept. gRPC gives back those of more
// than 1 kB only; few answers are longer than this.
const usualAnswer = 2 << 10

// Get is of mem.BufferPool.
func (p *answerPool) Get(length int) *[]byte {
	if length <= usualAnswer {
		if b, ok := p.pool.Get().(*[]byte); ok {
			*b = (*b)[:length]
			return b
		}
	}
	b := make([]byte, length, max(length, usualAnswer))
	return &b
}

// Put is of mem.BufferPool.
func (p *answerPool) Put(b *[]byte) {
	if cap(*b) == usualAnswer {
		p.pool.Put(b)
	}
}

// details are the field for each reason, which becomes %RESPONSE_CODE_DETAILS%.
var details = func() (all [][]byte) {
	for _, reason := range policy.Reasons() {
		all = append(all, appendBytes(nil, 5, "corsd_"+reason.String()))
	}
	return all
}()

// Field numbers of ProcessingResponse.
const (
	responseImmediate       = 7
	responseDynamicMetadata = 8
	responseModeOverride    = 9
)

// kindField gives the field of a ProcessingResponse that answers a kind.
func kindField(k Kind) protowire.Number {
	return [...]protowire.Number{
		KindRequestHeaders: 1, KindResponseHeaders: 2, KindRequestBody: 3, KindResponseBody: 4,
		KindRequestTrailers: 5, KindResponseTrailers: 6,
	}[k]
}

// Unchanged is the answer of the right kind that changes nothing. There is none to
// a message of no known kind, which is not to be answered.
func (a *Answer) Unchanged(k Kind) {
	a.bytes = appendHead(a.room(sizeOf(0)), kindField(k), 0)
}

// Immediate answers in upstream's place. It never has a body: Envoy would send one
// even with a 204.
func (a *Answer) Immediate(d *policy.Decision, change *policy.Response) {
	headers := mutationSize(change)
	detail := details[d.Reason]
	size := statusSize + sizeOf(headers) + len(detail)
	m := metadataOf(d)

	b := a.room(sizeOf(size) + sizeOf(m.namedSize()))
	b = appendHead(b, responseImmediate, size)
	b = appendStatus(b, change.Status)
	b = appendHead(b, 2, headers)
	b = appendMutation(b, change)
	b = append(b, detail...)
	a.bytes = m.appendNamed(b)
}

// statusSize is that of an HttpStatus as a field.
const statusSize = 5

// appendStatus appends an HttpStatus. Every status that a policy can have takes two bytes.
func appendStatus(dst []byte, status int) []byte {
	return append(dst, 1<<3|bytesType, statusSize-2, 1<<3|varintType, byte(status)|0x80, byte(status>>7)) // code
}

// Proceed lets the request go on, and asks for the response phase or not. A filter
// that is configured with response_header_mode SKIP sends it only when it is asked
// to, and one that is configured with SEND ends the stream early when it is told to
// skip it (1.37 and later; 1.36 holds the stream until the response). ahead is what
// the virtual host is to set in the response.
func (a *Answer) Proceed(d *policy.Decision, wantsResponse bool, ahead []policy.Field) {
	mode := byte(modev3.ProcessingMode_SKIP)
	if wantsResponse {
		mode = byte(modev3.ProcessingMode_SEND)
	}
	m := metadataOf(d)
	m.tell(ahead)
	b := a.room(sizeOf(0) + sizeOf(2) + sizeOf(m.namedSize()))
	b = appendHead(b, kindField(KindRequestHeaders), 0)
	b = m.appendNamed(b)
	b = appendHead(b, responseModeOverride, 2)
	a.bytes = append(b, 2<<3|varintType, mode) // response_header_mode
}

// Mutated changes the response's headers. With a decision it says that too, which
// is for a stream that has not said it in its request phase.
func (a *Answer) Mutated(d *policy.Decision, change *policy.Response) {
	mutation, response := 0, 0
	if len(change.Set)+len(change.Remove) > 0 {
		mutation = mutationSize(change)
		response = sizeOf(sizeOf(mutation))
	}
	var m metadata
	size := sizeOf(response)
	if d != nil {
		m = metadataOf(d)
		size += sizeOf(m.namedSize())
	}
	b := a.room(size)
	b = appendHead(b, kindField(KindResponseHeaders), response)
	if response > 0 {
		b = appendHead(b, 1, sizeOf(mutation)) // HeadersResponse.response
		b = appendHead(b, 2, mutation)         // CommonResponse.header_mutation
		b = appendMutation(b, change)
	}
	if d != nil {
		b = m.appendNamed(b)
	}
	a.bytes = b
}

// A HeaderMutation has values in raw_value, since one in value is sent empty.
// append stays unset, which is to overwrite; append_action is ignored.

func mutationSize(change *policy.Response) int {
	n := fieldsSize(change.Set)
	for _, name := range change.Remove {
		n += sizeOf(len(name))
	}
	return n
}

func fieldsSize(fields []policy.Field) int {
	n := 0
	for i := range fields {
		n += sizeOf(sizeOf(headerSize(&fields[i])))
	}
	return n
}

// headerSize is that of a HeaderValue.
func headerSize(f *policy.Field) int { return sizeOf(len(f.Name)) + sizeOf(len(f.Value)) }

func appendMutation(dst []byte, change *policy.Response) []byte {
	dst = appendFields(dst, change.Set)
	for _, name := range change.Remove {
		dst = appendBytes(dst, 2, name) // remove_headers
	}
	return dst
}

func appendFields(dst []byte, fields []policy.Field) []byte {
	for i := range fields {
		f := &fields[i]
		if n := len(f.Name) + len(f.Value); n < shortValue {
			dst = append(dst, 1<<3|bytesType, byte(n+6), 1<<3|bytesType, byte(n+4), 1<<3|bytesType, byte(len(f.Name)))
			dst = append(append(dst, f.Name...), 3<<3|bytesType, byte(len(f.Value)))
			dst = append(dst, f.Value...)
			continue
		}
		header := headerSize(f)
		dst = appendHead(dst, 1, sizeOf(header)) // set_headers
		dst = appendHead(dst, 1, header)         // HeaderValueOption.header
		dst = appendBytes(dst, 1, f.Name)
		dst = appendBytes(dst, 3, f.Value) // raw_value
	}
	return dst
}

// What follows writes a message from the outside in, the size of each part before
// it: summing sizes costs less than moving bytes.

// sizeOf is the size of a field of n bytes: a tag of one byte, the length, which mostly
// is one byte too, and the bytes.
func sizeOf(n int) int {
	if n < 0x80 {
		return 2 + n
	}
	return 1 + protowire.SizeVarint(uint64(n)) + n
}

// appendHead appends the tag of a field of n bytes and its length.
func appendHead(dst []byte, number protowire.Number, n int) []byte {
	if n < 0x80 {
		return append(dst, byte(number<<3|bytesType), byte(n))
	}
	return protowire.AppendVarint(append(dst, byte(number<<3|bytesType)), uint64(n))
}

func appendBytes[T ~string | ~[]byte](dst []byte, number protowire.Number, value T) []byte {
	return append(appendHead(dst, number, len(value)), value...)
}
