// Package urlpath judges request paths, and the paths of policies: which may be read in more
// than one way, and which no request can have. It knows no policy.
package urlpath

import (
	"fmt"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// byteSet is a set of bytes.
type byteSet [256 / 64]uint64

func (s *byteSet) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *byteSet) has(c byte) bool { return s[c>>6]>>(c&63)&1 != 0 }

// Escapes has the bytes of the paths that the rules of a host name, by how they are written.
type Escapes struct {
	plain   byteSet       // stand for themselves
	escaped byteSet       // stand as %XX, with digits of any case
	written [2][2]byteSet // stand as %XX, by the case of each digit: 0 to 9 have both cases
}

// Add adds the value of a match.path.
func (s *Escapes) Add(value string) {
	for i := 0; i < len(value); i++ {
		s.plain.add(value[i])
		if value[i] == '%' && i+2 < len(value) {
			s.addEscape(value[i+1], value[i+2])
		}
	}
}

func (s *Escapes) addEscape(high, low byte) {
	c, ok := unhex(high, low)
	if !ok {
		return // of a regular expression, in which no escape need follow a %
	}
	s.escaped.add(c)
	for i := range s.written {
		for j := range s.written[i] {
			if hasCase(high, i) && hasCase(low, j) {
				s.written[i][j].add(c)
			}
		}
	}
}

// hasCase reports whether a hex digit is written in upper case (0) or lower case (1).
func hasCase(digit byte, letters int) bool {
	return digit <= '9' || (digit >= 'a') == (letters == 1)
}

// isOtherEscape reports whether rules name the byte that an escape stands for, and no rule
// writes it like this: %c3 and %C3 are equal to an application that decodes them.
func (s *Escapes) isOtherEscape(c, high, low byte) bool {
	if !s.escaped.has(c) {
		return false
	}
	for i := range s.written {
		for j := range s.written[i] {
			if hasCase(high, i) && hasCase(low, j) && s.written[i][j].has(c) {
				return false
			}
		}
	}
	return true
}

// IsAmbiguous reports whether an application may read the path as another one than is matched
// here. Envoy's path normalisation removes most such paths if it is switched on. A policy must
// hold if it is not.
func (s *Escapes) IsAmbiguous(path string) bool {
	segment := 0 // start of the current segment
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '/':
			if i > 0 && path[i-1] == '/' || isDots(path[segment:i]) {
				return true
			}
			segment = i + 1
		case c == '\\', c == ';', c < ' ', c == 0x7f:
			return true
		case c == '%':
			if s.isAmbiguousEscape(path[i:]) {
				return true
			}
			i += 2
		case s.escaped.has(c) && !s.plain.has(c):
			return true // a rule names the byte as %XX
		}
	}
	return isDots(path[segment:])
}

// isAmbiguousEscape judges the %XX that s begins with.
func (s *Escapes) isAmbiguousEscape(path string) bool {
	if len(path) < 3 {
		return true
	}
	c, ok := unhex(path[1], path[2])
	switch {
	case !ok, c == '/', c == '\\', c == ';', c == 0, isUnreserved(c), s.plain.has(c):
		return true
	case c == '%' && len(path) >= 5:
		_, twice := unhex(path[3], path[4])
		return twice
	}
	return s.isOtherEscape(c, path[1], path[2])
}

// IsASCII reports whether the path has no byte beyond ASCII, plain or as %XX.
func IsASCII(path string) bool {
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			if escaped, ok := unhex(path[i+1], path[i+2]); ok {
				c = escaped
			}
		}
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// HasFoldedLetter reports whether the path has a letter beyond ASCII, plain or as %XX, that becomes an
// ASCII letter in another case: dotted I, dotless i, long s and the Kelvin sign (Unicode,
// CaseFolding.txt and SpecialCasing.txt). Applications that ignore case may read it as that.
func HasFoldedLetter(path string) bool {
	var last uint32 // the last three bytes
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			if escaped, ok := unhex(path[i+1], path[i+2]); ok {
				c = escaped
				i += 2
			}
		}
		last = last<<8&0xffffff | uint32(c)
		if two := last & 0xffff; two == 0xc4b0 || two == 0xc4b1 || two == 0xc5bf || last == 0xe284aa {
			return true
		}
	}
	return false
}

func isDots(segment string) bool { return segment == "." || segment == ".." }

// isUnreserved is RFC 3986's: nothing changes when such a byte is decoded.
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

func unhex(high, low byte) (c byte, ok bool) {
	h, ok1 := hexDigit(high)
	l, ok2 := hexDigit(low)
	return h<<4 | l, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// Check returns what is wrong with the value of an Exact or PathPrefix match that no request
// could ever match, nil if nothing is.
func Check(value string) *origin.Fault {
	switch {
	case !strings.HasPrefix(value, "/"):
		return &origin.Fault{Message: `does not begin with "/"`, Hint: "/" + value}
	case strings.ContainsAny(value, "?#"):
		return &origin.Fault{
			Message: "has a query or fragment, which is never compared",
			Hint:    value[:strings.IndexAny(value, "?#")],
		}
	}
	var none Escapes
	if none.IsAmbiguous(value) {
		return &origin.Fault{
			Message: `is ambiguous: "\", "//", ";", ".", ".." and needless percent-encoding are read differently ` +
				"by different servers",
			Hint: "the path in its plain form",
		}
	}
	return nil
}

// WithoutPlaceholders returns a path up to the first segment that is a wildcard or a parameter
// for other routers: *, **, :id, {id}.
func WithoutPlaceholders(value string) string {
	for at := 0; at < len(value); {
		end := strings.IndexByte(value[at+1:], '/')
		segment := value[at+1:]
		if end >= 0 {
			segment = segment[:end]
		}
		if isPlaceholder(segment) {
			return value[:max(at, 1)]
		}
		if end < 0 {
			break
		}
		at += 1 + end
	}
	return value
}

func isPlaceholder(segment string) bool {
	return segment == "*" || segment == "**" ||
		len(segment) > 1 && (segment[0] == ':' || segment[0] == '{' && segment[len(segment)-1] == '}')
}

// AsSent returns a path as a browser sends it: the bytes of the path percent-encode set are
// encoded, with upper-case digits (https://url.spec.whatwg.org/#path-percent-encode-set).
func AsSent(value string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '%' && i+2 < len(value):
			b.WriteString(strings.ToUpper(value[i : i+3]))
			i += 2
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>^`{}", c) >= 0:
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
