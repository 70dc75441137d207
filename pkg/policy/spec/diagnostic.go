package spec

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/corsd/corsd/internal/printable"
)

// Position is where something stands in a file. The zero Position is unknown.
type Position struct {
	// File is the file as it was named, or found in a directory that was named.
	File string
	// Line and Column count from 1, columns in characters. Both are 0 if the position is the
	// file as a whole.
	Line, Column int
}

// String returns file:line:col, or the part of it that is known. A name that has characters which
// are not printable is quoted.
func (p Position) String() string {
	if p.Line == 0 {
		return printable.Name(p.File)
	}
	return fmt.Sprintf("%s:%d:%d", printable.Name(p.File), p.Line, p.Column)
}

// Location is a place, and its position if the document came from a file.
type Location struct {
	Place    Place
	Position Position
}

// String returns the position, or the place if no position is known.
func (l Location) String() string {
	switch {
	case l.Position != Position{}:
		return l.Position.String()
	case l.Place.Kind == "":
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("%s[%d] %s", l.Place.Kind, l.Place.Index, l.Place.Path))
}

// Diagnostic is one fault or one warning: the only form in which corsd reports what is wrong
// with documents.
type Diagnostic struct {
	Code Code

	// Location is where the value stands. It is zero if the fault is of the input as a whole.
	Location

	// Value is the offending value as written, "" if there is none.
	Value string

	// Message describes the fault, Hint is the text to write instead ("" if there is nothing to
	// suggest). Both are one line of English without a final stop.
	Message string
	Hint    string

	// Related is the other location that a fault is about, such as the other side of a
	// conflict or the first use of a name. It is nil if there is none.
	Related *Location
}

// String returns the diagnostic in one line, in which what is not printable is escaped:
//
//	file:line:col: path: "value" what is wrong, see file:line:col (code); hint: what to write instead
func (d Diagnostic) String() string { return d.line("") }

// Warning is [Diagnostic.String] for a warning, with that word after the position.
func (d Diagnostic) Warning() string { return d.line("warning: ") }

func (d Diagnostic) line(severity string) string {
	var b strings.Builder
	switch {
	case d.Position.File != "":
		b.WriteString(d.Position.String() + ": ")
	case d.Place.Kind != "":
		fmt.Fprintf(&b, "%s[%d] ", d.Place.Kind, d.Place.Index)
	}
	b.WriteString(severity)
	if path := d.Place.Path.String(); path != "" {
		b.WriteString(printable.Text(path) + ": ")
	}
	if d.Value != "" {
		b.WriteString(strconv.Quote(d.Value) + " ")
	}
	fmt.Fprintf(&b, "%s (%s)", printable.Text(d.text()), d.Code)
	if d.Hint != "" {
		b.WriteString("; hint: " + printable.Text(d.Hint))
	}
	return b.String()
}

// text is the message with the related location.
func (d Diagnostic) text() string {
	if d.Related == nil || d.Related.String() == "" {
		return d.Message
	}
	return d.Message + ", see " + d.Related.String()
}

// MarshalJSON writes the diagnostic as an object of file, line, column, path, value, code,
// message and hint.
func (d Diagnostic) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		File    string `json:"file"`
		Line    int    `json:"line"`
		Column  int    `json:"column"`
		Path    string `json:"path"`
		Value   string `json:"value"`
		Code    Code   `json:"code"`
		Message string `json:"message"`
		Hint    string `json:"hint"`
	}{d.Position.File, d.Position.Line, d.Position.Column, d.Place.Path.String(), d.Value, d.Code, d.text(), d.Hint})
}

// Faults is every fault of one input, in the order of their places. It is the error of an
// input that is refused.
type Faults []Diagnostic

// Error lists the faults, one a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, d := range f {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}
