package wire

import "google.golang.org/grpc/mem"

// Field is a header to set. It is an alias of the type that the engine's responses have: lists need not be copied.
type Field = struct {
	Name  string
	Value []byte
}

// Mutation is a change of headers. Envoy removes headers before it sets any.
type Mutation struct {
	Set    []Field
	Remove []string
}

// Pair is a name and its value.
type Pair struct{ Name, Value string }

// Metadata is a message's dynamic metadata: text by name, Pairs before Fields.
type Metadata struct {
	// Namespace is where ext_proc puts it. ext_authz puts it under its filter's own name.
	Namespace string
	Pairs     []Pair
	Fields    []Field
}

// Answer is an encoded message to Envoy: a ProcessingResponse or a CheckResponse. Each method that
// writes one replaces the message before.
type Answer struct {
	// Outbox counts the answer until gRPC has written it. It may be nil.
	Outbox Outbox

	writer writer
}

// Buffers hands the encoded message over to gRPC. gRPC writes it some time after it was sent, and
// then returns its buffer to the pool.
func (a *Answer) Buffers() mem.BufferSlice {
	pool := Buffers
	if a.Outbox != nil {
		a.Outbox.Queued()
		pool = a.Outbox
	}
	return mem.BufferSlice{mem.NewBuffer(a.writer.take(), pool)}
}

// pairs writes the fields of a google.protobuf.Struct.
func (w *writer) pairs(m *Metadata) {
	for i := len(m.Fields) - 1; i >= 0; i-- {
		writePair(w, m.Fields[i].Name, m.Fields[i].Value)
	}
	for i := len(m.Pairs) - 1; i >= 0; i-- {
		writePair(w, m.Pairs[i].Name, m.Pairs[i].Value)
	}
}

// writePair writes an entry of Struct.fields whose value is text.
func writePair[T ~string | ~[]byte](w *writer, name string, text T) {
	end := w.size()
	writeValue(w, 3, text) // Value.string_value
	w.wrap(2, end)         // value
	writeValue(w, 1, name) // key
	w.wrap(1, end)
}

// status writes an HttpStatus as field 1, which it is in every message.
func (w *writer) status(code int) {
	end := w.size()
	w.number(1, uint64(code))
	w.wrap(1, end)
}
