package limits

// maxFields bounds the fields of a header block. Envoy sends some 20. A byte can stand for a field, which needs
// hundreds of bytes while it is decoded.
const maxFields = 256

// fieldCounter counts the fields of a header block (RFC 7541, section 6) without decoding them. The block may come in
// pieces.
type fieldCounter struct {
	fields  int
	state   fieldState
	strings int // literals of the current field that are to come
	n       int // the number that is read: an index, or a length
	shift   int
}

// fieldState is the meaning of the next byte.
type fieldState uint8

const (
	atField  fieldState = iota // the first one of a field
	inIndex                    // of a number that is an index, or the size of the table
	atLength                   // the first one of a length
	inLength                   // of a length
	inString                   // of a string, n of which are to come
)

// count counts the fields that begin in a piece.
func (c *fieldCounter) count(b []byte) {
	for len(b) > 0 {
		if c.state == inString {
			n := min(c.n, len(b))
			if c.n, b = c.n-n, b[n:]; c.n == 0 {
				c.endString()
			}
			continue
		}
		next := b[0]
		b = b[1:]
		switch c.state {
		case atField:
			c.begin(next)
		case atLength:
			c.prefix(next, 7, inLength)
		case inIndex, inLength:
			c.n = min(c.n+int(next&0x7f)<<min(c.shift, 21), 1<<30) // hpack refuses what is much less
			if c.shift += 7; next < 0x80 {
				c.endNumber(c.state)
			}
		}
	}
}

// begin begins a field, whose first bits have its kind.
func (c *fieldCounter) begin(b byte) {
	bits := 4 // a literal that is not indexed
	c.strings = 1
	switch {
	case b >= 0x80: // a field of the table
		bits, c.strings = 7, 0
	case b >= 0x40: // a literal that is indexed
		bits = 6
	case b >= 0x20: // the size of the table, which is not a field
		bits, c.strings = 5, 0
		c.fields--
	}
	c.fields++
	if c.strings > 0 && b&(1<<bits-1) == 0 {
		c.strings = 2 // its name is a literal, too
	}
	c.prefix(b, bits, inIndex)
}

// prefix reads the first byte of a number, of which some bits belong to it.
func (c *fieldCounter) prefix(b byte, bits int, more fieldState) {
	most := 1<<bits - 1
	c.n, c.shift = int(b)&most, 0
	if c.n == most {
		c.state = more
		return
	}
	c.endNumber(more)
}

func (c *fieldCounter) endNumber(kind fieldState) {
	switch {
	case kind == inLength && c.n > 0:
		c.state = inString
	case kind == inLength:
		c.endString()
	case c.strings > 0:
		c.state = atLength
	default:
		c.state = atField
	}
}

func (c *fieldCounter) endString() {
	c.state = atLength
	if c.strings--; c.strings == 0 {
		c.state = atField
	}
}
