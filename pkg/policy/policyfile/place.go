package policyfile

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// position returns where a node of the document's tree stands in its file.
func (d *document) position(n *yaml.Node) spec.Position {
	return d.inSource(position{n.Line, n.Column})
}

// inSource turns a position in the document into one in its file.
func (d *document) inSource(p position) spec.Position {
	p.line += d.line - 1
	if e := d.source.entry; e != nil {
		p = e.inFile(p)
	}
	return inFile(d.source.name, p).Position
}

// mark sets the position of a diagnostic. If the file has only the beginning of the text, the line
// becomes a part of the message.
func (d *document) mark(to *spec.Diagnostic, p position) {
	to.Position = d.inSource(p)
	if e := d.source.entry; e != nil && e.indent < 0 {
		to.Message += fmt.Sprintf(", at line %d of data[%q]", p.line+d.line-1, shorten(e.key))
	}
}

// visible returns the position that a reader looks for: a value that is written as a block below
// its key is found by the key. n is nil if the document has no tree.
func (d *document) visible(n, key *yaml.Node) position {
	switch {
	case n == nil:
		return position{1, 1}
	case key != nil && n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle == 0:
		return position{key.Line, key.Column}
	}
	return position{n.Line, n.Column}
}

// follow goes along a path as far as there are nodes. It returns the last one, and its key if it
// is the value of one.
func follow(root *yaml.Node, path spec.Path) (n, key *yaml.Node) {
	if root == nil {
		return nil, nil
	}
	n = resolve(root)
	for _, s := range path.Steps() {
		var nextKey, child *yaml.Node
		if s.Field == "" {
			child = item(n, s.Index)
		} else {
			nextKey, child = field(n, s.Field)
		}
		if child == nil {
			return n, key
		}
		n, key = resolve(child), nextKey
	}
	return n, key
}

func field(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if resolve(n.Content[i]).Value == name {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

func item(n *yaml.Node, index int) *yaml.Node {
	if n.Kind != yaml.SequenceNode || index < 0 || index >= len(n.Content) {
		return nil
	}
	return n.Content[index]
}
