package wire

import "google.golang.org/protobuf/encoding/protowire"

// Wire types, the low three bits of a tag.
const (
	varintType = 0
	bytesType  = 2
)

// cursor is the rest of a message.
type cursor []byte

// field cuts the next field off: number is the value of a varint, value that of
// anything with a length. ok is false for bytes that are no field, and for what is
// not usual: a field number above 15, whose tag has two bytes, or a fixed-size
// number.
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
