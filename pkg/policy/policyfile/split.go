package policyfile

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// document is the text of one document and its position.
type document struct {
	source *source
	text   []byte
	line   int // of the file, on which text begins, from 1
	order  int // among all documents of a load

	// broken lists the paths of the document's own faults. Faults that Compile finds
	// there would only mislead.
	broken []brokenPath

	// list is the document of a List, of which this one is an item: its lines are those of the
	// list. It is nil if the document stands by itself.
	list *document
	item int
}

type brokenPath struct {
	path spec.Path
	code spec.Code
}

// isJSON reports whether the text is to be read as JSON: a .json file is nothing
// else, and a YAML document may be.
func (d *document) isJSON() bool {
	return d.source.isJSON() || startsFlow(d.text)
}

// split cuts a YAML file into documents, so that a syntax error in one does not
// hide the others. That is safe without parsing: a line that begins with "---" or
// "..." and white space is a marker whatever it stands in (YAML 1.2, c-forbidden).
// It stops after most documents and then reports true.
func split(src *source, most int) (documents []*document, more bool) {
	if src.isJSON() {
		return []*document{{source: src, text: src.data, line: 1}}, false
	}
	current := &document{source: src, line: 1}
	start, begun := 0, false
	cut := func(end, line int) {
		current.text = src.data[start:end]
		documents = append(documents, current)
		current = &document{source: src, line: line}
		start, begun = end, false
	}
	for at, line := 0, 1; at < len(src.data); line++ {
		if len(documents) == most {
			return documents, true
		}
		end := at + lineLength(src.data[at:])
		text := src.data[at:end]
		switch {
		case isMarker(text, "..."):
			cut(end, line+1)
		case isMarker(text, "---") && begun:
			cut(at, line)
			begun = true
		default:
			begun = begun || !isPreface(text)
		}
		at = end
	}
	if len(documents) == most {
		return documents, start < len(src.data)
	}
	cut(len(src.data), 0)
	return documents, false
}

// isMarker reports whether a line begins with a document marker.
func isMarker(line []byte, marker string) bool {
	rest, found := bytes.CutPrefix(line, []byte(marker))
	return found && (len(rest) == 0 || rest[0] == ' ' || rest[0] == '\t' || breakLength(rest) > 0)
}

// isPreface reports whether a line may stand between two documents and belongs to
// the second: blank, a comment, or a directive.
func isPreface(line []byte) bool {
	if bytes.HasPrefix(line, []byte("%")) {
		return true
	}
	line = bytes.TrimLeft(line, " \t")
	return len(line) == 0 || line[0] == '#' || breakLength(line) == len(line)
}

// lineLength is the length of the first line with its break.
func lineLength(text []byte) int {
	for i := 0; i < len(text); i++ {
		// Only these bytes begin a line break: \n, \r, NEL, LS and PS.
		if c := text[i]; c == '\n' || c == '\r' || c == 0xC2 || c == 0xE2 {
			if n := breakLength(text[i:]); n > 0 {
				return i + n
			}
		}
	}
	return len(text)
}

// breakLength is the length of the line break that text begins with, 0 if none.
// NEL, LS and PS are none in YAML 1.2, but are to the parser, and lines must be
// counted as it counts them.
func breakLength(text []byte) int {
	for _, lineBreak := range []string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if len(text) >= len(lineBreak) && string(text[:len(lineBreak)]) == lineBreak {
			return len(lineBreak)
		}
	}
	return 0
}

// position is a place in a file. Lines and columns count from 1.
type position struct{ line, column int }

func (p position) before(q position) bool {
	return p.line < q.line || p.line == q.line && p.column < q.column
}

// advance moves a position over text.
func (p *position) advance(text []byte) {
	for len(text) > 0 {
		n := lineLength(text)
		line := text[:n]
		text = text[n:]
		if endsInBreak(line) {
			p.line++
			p.column = 1
		} else {
			p.column += utf8.RuneCount(line)
		}
	}
}

func endsInBreak(line []byte) bool {
	for _, n := range []int{1, 2, 3} {
		if len(line) >= n && breakLength(line[len(line)-n:]) == n {
			return true
		}
	}
	return false
}

// withoutBOM drops the byte order mark that some editors write.
func withoutBOM(data []byte) []byte {
	return bytes.TrimPrefix(data, []byte("\ufeff"))
}

// isControl reports whether r is a control character that neither YAML nor JSON allows.
func isControl(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f }

// judgeText returns why bytes are not text, and the position. wrong is "" if they are.
func judgeText(data []byte) (at position, wrong string) {
	at = position{1, 1}
	if isUTF16(data) {
		return at, "is UTF-16 text, as some programs on Windows write it"
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		at.advance(data[:i])
		return at, "a NUL byte"
	}
	if !utf8.Valid(data) {
		bad := validPrefix(data)
		at.advance(data[:bad])
		return at, fmt.Sprintf("byte 0x%02X is not UTF-8", data[bad])
	}
	if i := bytes.IndexFunc(data, isControl); i >= 0 {
		at.advance(data[:i])
		return at, fmt.Sprintf("a control character, 0x%02X", data[i])
	}
	return at, ""
}

// isUTF16 reports whether text begins with a byte order mark of UTF-16, or with two characters of
// ASCII in UTF-16.
func isUTF16(data []byte) bool {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return true
	}
	if len(data) < 4 {
		return false
	}
	zero := [4]bool{data[0] == 0, data[1] == 0, data[2] == 0, data[3] == 0}
	return zero == [4]bool{true, false, true, false} || zero == [4]bool{false, true, false, true}
}

// validPrefix is how many bytes are UTF-8.
func validPrefix(data []byte) int {
	valid := 0
	for valid < len(data) {
		r, n := utf8.DecodeRune(data[valid:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		valid += n
	}
	return valid
}
