package policyfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Write writes the documents of a configuration as one YAML file, which [Read] reads as an equal
// configuration: unset, an empty list and zero stay distinct. Positions, comments and the files that
// documents came from are lost. Each document is one line of JSON in ASCII, so that what may follow
// on a line, how a YAML parser counts lines and which bounds YAML has make no difference.
//
// A configuration that does not fit into one file, see [MaxFileBytes] and [MaxDocuments], or has text
// that is not UTF-8, is an error, and nothing or a part of it is written.
func Write(w io.Writer, c *spec.Config) error {
	out := &writer{limits: defaultLimits(), w: w}
	for d := range c.Documents() {
		out.document(d.Kind, d.ID, d.Spec)
	}
	return out.err
}

// writer writes documents until one fails.
type writer struct {
	limits    limits
	w         io.Writer
	documents int
	bytes     int64
	buffer    bytes.Buffer
	err       error
}

// written is the form of a document.
type written struct {
	APIVersion string    `json:"apiVersion"`
	Kind       spec.Kind `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace,omitzero"`
	} `json:"metadata"`
	Spec any `json:"spec"`
}

func (w *writer) document(kind spec.Kind, id spec.ID, content any) {
	if w.err != nil {
		return
	}
	d := written{APIVersion: apiVersion, Kind: kind, Spec: content}
	d.Metadata.Name, d.Metadata.Namespace = id.Name, id.Namespace
	if w.err = w.encode(d); w.err != nil {
		w.err = fmt.Errorf("%s %s: %w", kind, id, w.err)
		return
	}
	_, w.err = w.w.Write(w.buffer.Bytes())
}

// encode fills the buffer with a document and the marker before it.
func (w *writer) encode(d written) error {
	if w.documents++; w.documents > w.limits.documents {
		return fmt.Errorf("more than %s documents in one file", count(w.limits.documents))
	}
	room := w.limits.fileBytes - w.bytes
	// Encoding needs memory for all of the text, and aliases can repeat one text many times.
	left, err := withoutText(room, reflect.ValueOf(d.Spec))
	if err != nil {
		return err
	}
	if left >= 0 {
		w.buffer.Reset()
		if w.documents > 1 {
			w.buffer.WriteString("---\n")
		}
		encoder := json.NewEncoder(&w.buffer)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(d); err != nil {
			return err
		}
		escapeNonASCII(&w.buffer)
		w.bytes += int64(w.buffer.Len())
		left = w.limits.fileBytes - w.bytes
	}
	if left < 0 {
		return fmt.Errorf("more than %s bytes in one file", count(int(w.limits.fileBytes)))
	}
	return nil
}

// withoutText returns room less the bytes of all strings in a value. It stops when nothing is left.
func withoutText(room int64, v reflect.Value) (left int64, err error) {
	if room < 0 {
		return room, nil
	}
	switch v.Kind() {
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			return room, fmt.Errorf("%q is not UTF-8 text", shorten(v.String()))
		}
		return room - int64(v.Len()), nil
	case reflect.Pointer:
		if !v.IsNil() {
			return withoutText(room, v.Elem())
		}
	case reflect.Struct:
		for i := 0; i < v.NumField() && err == nil; i++ {
			room, err = withoutText(room, v.Field(i))
		}
	case reflect.Slice:
		for i := 0; i < v.Len() && err == nil; i++ {
			room, err = withoutText(room, v.Index(i))
		}
	}
	return room, err
}

// escapeNonASCII escapes the characters of JSON in a buffer that are not ASCII, and DEL: the reader
// refuses that one, and counts some of the others as line breaks.
func escapeNonASCII(b *bytes.Buffer) {
	isOther := func(r rune) bool { return r >= 0x7f }
	if bytes.IndexFunc(b.Bytes(), isOther) < 0 {
		return
	}
	text := b.String()
	b.Reset()
	for _, r := range text {
		switch {
		case !isOther(r):
			b.WriteByte(byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
}
