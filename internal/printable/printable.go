// Package printable makes text of names and values that corsd did not write itself: names of
// files, of policies, values of documents and of command lines. Written as they are to a
// terminal, control characters could change what was printed before, and bidirectional ones
// the order of the text; a line break would make two messages of one.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s with every byte and character escaped, as Go writes them in strings, that is
// not printable. Line breaks and tabs are not.
func Text(s string) string {
	if isPrintable(s) {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[0]), 16))
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return b.String()
}

// Name returns a name that stands at the beginning of a message: quoted if it has anything
// that is not printable, or looks quoted.
func Name(s string) string {
	if isPrintable(s) && !strings.HasPrefix(s, `"`) {
		return s
	}
	return strconv.Quote(s)
}

// Lines is [Text] of each line.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Text(lines[i])
	}
	return strings.Join(lines, "\n")
}

func isPrintable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
