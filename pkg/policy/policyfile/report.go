package policyfile

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/corsd/corsd/internal/printable"
	"github.com/corsd/corsd/pkg/policy"
)

// Diagnostic is one fault or warning and where it stands.
type Diagnostic struct {
	// File is the file as it was named, or found in a directory that was named. It
	// is "" where the fault is of all files together.
	File string `json:"file"`

	// Line and Column count from 1, columns in characters. Both are 0 where the
	// fault is of the file as a whole.
	Line   int `json:"line"`
	Column int `json:"column"`

	// Path leads to the value within its document, such as spec.rules[0].name.
	Path string `json:"path"`

	// Value is the offending value, shortened where it is long.
	Value string `json:"value"`

	Code    policy.Code `json:"code"`
	Message string      `json:"message"`
	Hint    string      `json:"hint"`
}

// String returns the diagnostic in one line:
//
//	file:line:col: path: "value" what is wrong (code); hint: what to write instead
//
// What is not printable is escaped, and the name of a file that has such characters quoted.
// The fields have everything as it is.
func (d Diagnostic) String() string { return d.text("") }

func (d Diagnostic) text(prefix string) string {
	var b strings.Builder
	if d.File != "" {
		b.WriteString(d.at() + ": ")
	}
	b.WriteString(prefix)
	if d.Path != "" {
		b.WriteString(printable.Text(d.Path) + ": ")
	}
	if d.Value != "" {
		b.WriteString(strconv.Quote(d.Value) + " ")
	}
	fmt.Fprintf(&b, "%s (%s)", printable.Text(d.Message), d.Code)
	if d.Hint != "" {
		b.WriteString("; hint: " + printable.Text(d.Hint))
	}
	return b.String()
}

// at is file:line:col, less what is not known.
func (d Diagnostic) at() string {
	if d.Line == 0 {
		return printable.Name(d.File)
	}
	return fmt.Sprintf("%s:%d:%d", printable.Name(d.File), d.Line, d.Column)
}

// Report is the outcome of reading and compiling policies.
type Report struct {
	// Engine is what was compiled, nil when there is any fault.
	Engine *policy.Engine

	// Faults and Warnings are in the order of files, lines and columns. Each lists
	// at most [MaxFindings] and then, as limit_exceeded, how many more there are.
	Faults   []Diagnostic
	Warnings []Diagnostic

	// Hash is the SHA-256, in hex, of names and contents of all files that could be
	// read, whatever their order on the command line. It is there when the load failed too.
	Hash string

	// Unreadable is the first fault of a file or directory that could not be read, nil if
	// there is none. Such a fault may go away while the files stay as they are, so it is
	// worth reading them again. Faults may leave it out, since they are bounded.
	Unreadable *Diagnostic
}

// Strict gives the report in which each warning is a fault.
func (r *Report) Strict() *Report {
	if len(r.Warnings) == 0 {
		return r
	}
	return &Report{Faults: slices.Concat(r.Faults, r.Warnings), Hash: r.Hash, Unreadable: r.Unreadable}
}

// Err is nil when there is no fault, else an error that lists the faults, one a line.
func (r *Report) Err() error {
	if len(r.Faults) == 0 {
		return nil
	}
	return &Error{Faults: r.Faults}
}

// Error is the error of a report that has faults.
type Error struct{ Faults []Diagnostic }

func (e *Error) Error() string {
	lines := make([]string, len(e.Faults))
	for i, d := range e.Faults {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// WriteText writes faults, then warnings, one a line. Nothing is written where
// there is neither.
func (r *Report) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, d := range r.Faults {
		fmt.Fprintln(out, d.text(""))
	}
	for _, d := range r.Warnings {
		fmt.Fprintln(out, d.text("warning: "))
	}
	return out.Flush()
}

// WriteJSON writes one object with the lists faults and warnings, which are empty
// where there is nothing, never null.
func (r *Report) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(struct {
		Faults   []Diagnostic `json:"faults"`
		Warnings []Diagnostic `json:"warnings"`
	}{
		Faults:   append([]Diagnostic{}, r.Faults...),
		Warnings: append([]Diagnostic{}, r.Warnings...),
	})
}

// shorten keeps what a report repeats of a file within one readable line.
func shorten(s string) string { return shortenTo(200, s) }

func shortenTo(most int, s string) string {
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
