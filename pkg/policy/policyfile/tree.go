package policyfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// treeError is why there is no tree of a document. The position counts from the
// document's first line.
type treeError struct {
	at      position
	code    spec.Code
	message string
	hint    string
}

func syntax(at position, message, hint string) *treeError {
	return &treeError{at: at, code: spec.CodeSyntax, message: shorten(message), hint: hint}
}

// parse makes the tree of a document, nil when the document is empty. The tree
// keeps the bounds of l.
func (d *document) parse(l limits) (*yaml.Node, *treeError) {
	root, failed := d.parseText(l)
	if failed != nil || root == nil {
		return nil, failed
	}
	c := nodeCounter{limits: l}
	wrong := c.count(root)
	if wrong == nil {
		return root, nil
	}
	at := position{wrong.node.Line, wrong.node.Column}
	if wrong.cyclic {
		return nil, syntax(at, wrong.message, "write the value out")
	}
	return nil, &treeError{at: at, code: spec.CodeLimitExceeded, message: wrong.message}
}

func (d *document) parseText(l limits) (*yaml.Node, *treeError) {
	if d.isJSON() {
		if start := contentStart(d.text); d.source.isJSON() || json.Valid(d.text[start:]) {
			return parseJSON(d.text, start, l)
		}
		if found := findComment(d.text); found != nil {
			return nil, found
		}
	}
	if exceedsNodes(d.text, l.nodes) {
		return nil, &treeError{
			at: position{1, 1}, code: spec.CodeLimitExceeded, message: tooManyNodes(l.nodes),
			hint: "several documents, or block style: an entry in flow style, {a: b}, counts up to three times",
		}
	}
	return parseYAML(d.text, l.nesting)
}

// contentStart skips what may stand before the root: comments, directives, white
// space and the marker.
func contentStart(text []byte) int {
	at := 0
	for at < len(text) {
		line := text[at : at+lineLength(text[at:])]
		switch {
		case isPreface(line):
			at += len(line)
		case isMarker(line, "---"):
			at += len("---")
		default:
			return at + len(line) - len(bytes.TrimLeft(line, " \t"))
		}
	}
	return at
}

// startsFlow reports whether the document begins as JSON objects and lists do.
func startsFlow(text []byte) bool {
	start := contentStart(text)
	return start < len(text) && (text[start] == '{' || text[start] == '[')
}

var errTooDeep = errors.New("nested too deep")

// parseYAML parses the text of one document.
func parseYAML(text []byte, nesting int) (root *yaml.Node, failed *treeError) {
	// The composer panics on sequences of events that it does not expect.
	defer func() {
		if p := recover(); p != nil {
			message := fmt.Sprintf("the YAML parser cannot read this document: %v", p)
			root, failed = nil, syntax(position{1, 1}, message, "")
		}
	}()
	parser, err := newParser(text, nesting)
	if err != nil {
		return nil, syntax(position{1, 1}, err.Error(), "")
	}
	var top yaml.Node
	if err := parser.Load(&top); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, explain(err, text, nesting)
	}
	// What follows the root without a marker is only looked at when it is asked for.
	var second yaml.Node
	if err := parser.Load(&second); err == nil {
		at := position{second.Line, second.Column}
		return nil, syntax(at, "a second document begins", `put a line "---" before it`)
	} else if !errors.Is(err, io.EOF) {
		return nil, explain(err, text, nesting)
	}
	if root = top.Content[0]; root.Tag == "!!null" {
		return nil, nil
	}
	return root, nil
}

// newParser sets the parser up. It counts the depth of flow and block style apart
// and knows nothing of aliases, so this bound only guards the stack; the nodeCounter
// holds the exact one. Duplicate keys are left to the decoder, which names both.
func newParser(text []byte, nesting int) (*yaml.Loader, error) {
	depth := func(depth int, _ *yaml.DepthContext) error {
		if depth > nesting+1 {
			return errTooDeep
		}
		return nil
	}
	bounds := loaderlimits.New(loaderlimits.DepthFunc(depth), loaderlimits.AliasNone())
	return yaml.NewLoader(bytes.NewReader(text), yaml.WithUniqueKeys(false), yaml.WithPlugin(bounds))
}

// explain turns the parser's error into ours.
func explain(err error, text []byte, nesting int) *treeError {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return syntax(position{1, 1}, err.Error(), "")
	}
	at := position{load.Mark.Line, load.Mark.Column}
	if end := contentEnd(text); !at.before(end) {
		// An error at the end of the text is of something that was not closed.
		at = end
		if begun := (position{load.ContextMark.Line, load.ContextMark.Column}); begun.line > 0 && begun.before(end) {
			at = begun
		}
	}
	at = position{max(at.line, 1), max(at.column, 1)}
	if strings.Contains(load.Message, errTooDeep.Error()) {
		return &treeError{at: at, code: spec.CodeLimitExceeded, message: tooDeep(nesting)}
	}
	context := position{load.ContextMark.Line, load.ContextMark.Column}
	if found := mistake(text, at, context, load.Message); found != nil {
		return found
	}
	message := load.Message
	if load.ContextMsg != "" {
		message += " " + load.ContextMsg
	}
	return syntax(at, message, syntaxHint(message))
}

// contentEnd is the position behind the last character that is not white space.
func contentEnd(text []byte) position {
	end := position{1, 1}
	end.advance(bytes.TrimRight(text, " \t\r\n"))
	return end
}

// syntaxHint explains the parser's words by their most frequent cause.
func syntaxHint(message string) string {
	switch {
	case strings.Contains(message, "mapping values are not allowed"):
		return `indent by the parent's depth, and quote a value that has ": " in it`
	case strings.Contains(message, "cannot start any token"):
		return "indent with spaces, and quote a value that begins with @, ` or %"
	case strings.Contains(message, "incompatible YAML document"):
		return "leave the %YAML line out" // the parser takes 1.1 only, and reads 1.2 all the same
	case strings.Contains(message, "unknown anchor"), strings.Contains(message, "scanning an alias"):
		return `quote a value that begins with "*"`
	case strings.Contains(message, "expected node content"):
		return "a value, in quotes where it begins with a bracket, a comma or another sign"
	case strings.Contains(message, "<document start>"):
		return `indent what belongs to the document, or put a line "---" before the next`
	case strings.Contains(message, "expected key"):
		return `indent the fields of a mapping alike, and quote a value that has ": " or " #" in it`
	case strings.Contains(message, "'-' indicator"):
		return "indent the items of a list alike"
	case strings.Contains(message, "',' or"):
		return "a comma between entries, and the bracket that closes them"
	case strings.Contains(message, "expected ':'"):
		return "a colon and a blank behind the name of a field"
	case strings.Contains(message, "quoted scalar"):
		return "close the quote; within single quotes a backslash is itself"
	case strings.Contains(message, "tab character"):
		return "indent with spaces"
	default:
		return "quote the value, and indent with spaces"
	}
}
