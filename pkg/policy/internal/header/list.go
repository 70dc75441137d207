package header

// Next cuts the first element off a comma-separated list (RFC 9110, section
// 5.6.1): white space around it and empty elements before it are passed over.
// The element is empty if the list has no more.
func Next[T ~string | ~[]byte](list T) (element, rest T) {
	start := 0
	for start < len(list) && (list[start] == ',' || isSpace(list[start])) {
		start++
	}
	end := start
	for end < len(list) && list[end] != ',' {
		end++
	}
	rest = list[end:]
	for end > start && isSpace(list[end-1]) {
		end--
	}
	return list[start:end], rest
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// Contains reports whether the list has the element, in any case.
func Contains[L, E ~string | ~[]byte](list L, element E) bool {
	for e, rest := Next(list); len(e) > 0; e, rest = Next(rest) {
		if EqualFold(e, element) {
			return true
		}
	}
	return false
}

// AppendElement appends an element to a list that is joined with ", " and begins
// at dst[start].
func AppendElement[T ~string | ~[]byte](dst []byte, start int, element T) []byte {
	if len(dst) > start {
		dst = append(dst, ", "...)
	}
	return append(dst, element...)
}

// The bounds within which a [List] looks for repeats, so that the cost of a list grows with
// its length and not with its square. What follows is appended as it is: a repeat is
// harmless. No list that is granted to a browser is longer.
const (
	MaxDistinct      = 128     // elements
	MaxDistinctBytes = 9 << 10 // bytes, separators included
)

// List appends a list to a buffer, each of its elements once. Make one with [NewList].
type List struct {
	buf   []byte
	start int
	n     int                                    // elements that are checked
	known [MaxDistinct]struct{ from, to uint32 } // in buf
}

// NewList returns the list that begins at dst[start]. If it has elements already, they are
// joined as [AppendElement] joins them.
func NewList(dst []byte, start int) List {
	l := List{buf: dst, start: start}
	for e, rest := Next(dst[start:]); len(e) > 0 && l.n < MaxDistinct; e, rest = Next(rest) {
		end := len(dst) - len(rest)
		l.remember(end-len(e), end)
	}
	return l
}

// Bytes returns the buffer with the list at its end.
func (l *List) Bytes() []byte { return l.buf }

// Add appends an element, unless the list has it already, in any case.
func (l *List) Add(element []byte) {
	before := len(l.buf)
	l.buf = AppendElement(l.buf, l.start, element)
	l.dropRepeat(before, len(element))
}

// AddString is Add for a string.
func (l *List) AddString(element string) {
	before := len(l.buf)
	l.buf = AppendElement(l.buf, l.start, element)
	l.dropRepeat(before, len(element))
}

// dropRepeat removes the last element if the list has had it before.
func (l *List) dropRepeat(before, size int) {
	if l.n == MaxDistinct || before-l.start > MaxDistinctBytes {
		return
	}
	from := len(l.buf) - size
	for _, k := range l.known[:l.n] {
		if EqualFold(l.buf[k.from:k.to], l.buf[from:]) {
			l.buf = l.buf[:before]
			return
		}
	}
	l.remember(from, len(l.buf))
}

func (l *List) remember(from, to int) {
	l.known[l.n] = struct{ from, to uint32 }{uint32(from), uint32(to)}
	l.n++
}

// AddTokens appends those elements of lines that are tokens.
func (l *List) AddTokens(lines [][]byte) {
	for _, line := range lines {
		for e, rest := Next(line); len(e) > 0; e, rest = Next(rest) {
			if IsToken(e) {
				l.Add(e)
			}
		}
	}
}
