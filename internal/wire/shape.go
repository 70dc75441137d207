package wire

import (
	"sync"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// shape recognises bytes that are certainly a message of one type. Each part that is skipped is
// compared with its shape, so that the scan accepts no message that proto.Unmarshal would refuse.
type shape struct {
	fields [maxShapeField + 1]shapeField // by number
}

// maxShapeField is the highest field number in a shape.
const maxShapeField = 31

type shapeField struct {
	wireType protowire.Type
	known    bool
	text     bool   // must be UTF-8
	message  *shape // of a message
}

// maxShapeDepth bounds how deep messages are nested.
const maxShapeDepth = 16

// shapeOf derives the shape of a type from its descriptor when it is first needed. The descriptors
// that protobuf makes for it are a tenth of the live heap of a corsd that serves only ext_proc, and
// every cycle of the garbage collector scans them.
func shapeOf(m protoreflect.ProtoMessage) func() *shape {
	return sync.OnceValue(func() *shape {
		return derive(m.ProtoReflect().Descriptor(), map[protoreflect.FullName]*shape{})
	})
}

func derive(d protoreflect.MessageDescriptor, derived map[protoreflect.FullName]*shape) *shape {
	if s := derived[d.FullName()]; s != nil {
		return s
	}
	s := &shape{}
	derived[d.FullName()] = s
	fields := d.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Number() <= maxShapeField {
			s.fields[f.Number()] = deriveField(f, derived)
		}
	}
	return s
}

func deriveField(f protoreflect.FieldDescriptor, derived map[protoreflect.FullName]*shape) shapeField {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return shapeField{known: true, wireType: protowire.BytesType, message: derive(f.Message(), derived)}
	case protoreflect.StringKind:
		return shapeField{known: true, wireType: protowire.BytesType, text: true}
	case protoreflect.BytesKind:
		return shapeField{known: true, wireType: protowire.BytesType}
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.Int64Kind,
		protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		// A list of numbers may be packed, which is left to proto.Unmarshal.
		return shapeField{known: !f.IsList(), wireType: protowire.VarintType}
	case protoreflect.DoubleKind:
		return shapeField{known: !f.IsList(), wireType: protowire.Fixed64Type}
	}
	return shapeField{}
}

// matches reports whether the bytes are certainly such a message. Unusual messages (unknown fields,
// deep nesting) do not match.
func (s *shape) matches(b []byte) bool { return s.matchesAt(b, 0) }

func (s *shape) matchesAt(b []byte, depth int) bool {
	if depth > maxShapeDepth {
		return false
	}
	for len(b) > 0 {
		number, wireType, n := protowire.ConsumeTag(b)
		if n < 0 || number > maxShapeField {
			return false
		}
		b = b[n:]
		f := &s.fields[number]
		if !f.known || f.wireType != wireType {
			return false
		}
		if n = protowire.ConsumeFieldValue(number, wireType, b); n < 0 {
			return false
		}
		if wireType == protowire.BytesType && !f.matchesValue(b[:n], depth) {
			return false
		}
		b = b[n:]
	}
	return true
}

func (f *shapeField) matchesValue(b []byte, depth int) bool {
	value, _ := protowire.ConsumeBytes(b)
	if f.message != nil {
		return f.message.matchesAt(value, depth+1)
	}
	return !f.text || utf8.Valid(value)
}
