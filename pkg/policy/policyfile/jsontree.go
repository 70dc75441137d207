package policyfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// jsonTree makes the tree of JSON that the YAML parser would make. The YAML parser cannot do it:
// it refuses surrogate pairs (\ud83d\ude00), and holds all tokens of a flow collection, so that
// 1.5 MB of rules needed 250 MB.
type jsonTree struct {
	decoder *json.Decoder
	text    []byte
	start   int // of the JSON within text
	limits  limits
	nodes   int

	// at is the position of offset, which only moves forward.
	at     position
	offset int
}

// parseJSON parses the JSON document that begins at start.
func parseJSON(text []byte, start int, l limits) (*yaml.Node, *treeError) {
	if start == len(text) {
		return nil, nil
	}
	t := &jsonTree{text: text, start: start, limits: l, at: position{1, 1}}
	t.decoder = json.NewDecoder(bytes.NewReader(text[start:]))
	t.decoder.UseNumber()
	root, failed := t.node(0)
	if failed != nil {
		return nil, failed
	}
	t.seek()
	if _, err := t.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, syntax(t.at, "text after the end of the document",
			"write one document into each .json file, or several into a YAML file")
	}
	if root.Tag == "!!null" {
		return nil, nil
	}
	return root, nil
}

// seek moves to the beginning of the next token. The decoder knows only the end
// of the last one.
func (t *jsonTree) seek() {
	next := t.start + int(t.decoder.InputOffset())
	for next < len(t.text) && strings.IndexByte(" \t\r\n,:", t.text[next]) >= 0 {
		next++
	}
	t.at.advance(t.text[t.offset:next])
	t.offset = next
}

// node reads the next value, which is nested in depth lists and objects.
func (t *jsonTree) node(depth int) (*yaml.Node, *treeError) {
	t.seek()
	token, err := t.decoder.Token()
	if err != nil {
		return nil, t.explain(err)
	}
	if t.nodes++; t.nodes > t.limits.nodes {
		return nil, t.exceeds(tooManyNodes(t.limits.nodes))
	}
	n := &yaml.Node{Line: t.at.line, Column: t.at.column, Kind: yaml.ScalarNode}
	opening, nested := token.(json.Delim)
	if !nested {
		n.Tag, n.Value = jsonScalar(token)
		return n, nil
	}
	if depth == t.limits.nesting {
		return nil, t.exceeds(tooDeep(t.limits.nesting))
	}
	n.Style, n.Kind, n.Tag = yaml.FlowStyle, yaml.SequenceNode, "!!seq"
	if opening == '{' {
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	}
	return n, t.fill(n, depth+1)
}

// fill reads the elements of a list or an object. Keys and values of an object
// alternate, as in the tree.
func (t *jsonTree) fill(n *yaml.Node, depth int) *treeError {
	for t.decoder.More() {
		child, failed := t.node(depth)
		if failed != nil {
			return failed
		}
		n.Content = append(n.Content, child)
	}
	t.seek()
	if _, err := t.decoder.Token(); err != nil {
		return t.explain(err)
	}
	return nil
}

func (t *jsonTree) exceeds(message string) *treeError {
	return &treeError{at: t.at, code: spec.CodeLimitExceeded, message: message}
}

func (t *jsonTree) explain(err error) *treeError {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return syntax(t.at, "unexpected end of the JSON document", "close every {, [ and quote")
	}
	if found := findComment(t.text); found != nil {
		return found
	}
	return syntax(t.at, strings.TrimPrefix(err.Error(), "json: "),
		"names and texts in double quotes, commas between entries and none behind the last, no comments")
}

func jsonScalar(token json.Token) (tag, value string) {
	switch v := token.(type) {
	case string:
		return "!!str", v
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "!!float", v.String()
		}
		return "!!int", v.String()
	case bool:
		if v {
			return "!!bool", "true"
		}
		return "!!bool", "false"
	default:
		return "!!null", "null"
	}
}
