package policyfile

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy"
)

// at is where a node of the document's tree stands in the file.
func (d *document) at(n *yaml.Node) position { return d.inFile(position{n.Line, n.Column}) }

// inFile makes a position in the document one in its file.
func (d *document) inFile(p position) position {
	return position{p.line + d.line - 1, p.column}
}

// in writes a position as file:line:col.
func (p position) in(s *source) string {
	return fmt.Sprintf("%s:%d:%d", s.name, p.line, p.column)
}

// spot is where a path leads.
type spot struct {
	document *document
	position position

	// number is the value as written where it is a number or a duration: one that does
	// not fit was passed on as another.
	number string
}

// find gives the spots of places. No tree is kept after decoding, for it takes
// many times the text; the few documents that have something to report are parsed
// once more, each one once.
func (l *loader) find(places []policy.Place) map[policy.Place]spot {
	byDocument := map[*document][]policy.Place{}
	for _, place := range places {
		if doc := l.document(place); doc != nil {
			byDocument[doc] = append(byDocument[doc], place)
		}
	}
	spots := make(map[policy.Place]spot, len(places))
	for doc, places := range byDocument {
		root, failed := doc.parse(l.limits, l.pause)
		for _, place := range places {
			s := spot{document: doc, position: position{doc.line, 1}}
			if failed == nil && root != nil {
				n, key := follow(root, place.Path)
				s.position = doc.at(visible(n, key))
				if isNumber(n) || strings.HasSuffix(place.Path, ".maxAge") && n.Kind == yaml.ScalarNode {
					s.number = n.Value
				}
			}
			spots[place] = s
		}
	}
	return spots
}

// document is the document that a place of Compile is in.
func (l *loader) document(place policy.Place) *document {
	documents := l.documents[place.Kind]
	if place.Index < 0 || place.Index >= len(documents) {
		return nil
	}
	return documents[place.Index]
}

// follow goes along a path as far as there are nodes. It gives the last one, and
// the key where that is the value of one.
func follow(root *yaml.Node, path string) (n, key *yaml.Node) {
	n = resolve(root)
	for path != "" {
		var name string
		path, name = next(path)
		var nextKey, child *yaml.Node
		if index, found := strings.CutPrefix(name, "["); found {
			child = item(n, index)
		} else {
			nextKey, child = field(n, name)
		}
		if child == nil {
			return n, key
		}
		n, key = resolve(child), nextKey
	}
	return n, key
}

// next takes the first step off a path: "rules", or "[0" for an item.
func next(path string) (rest, name string) {
	path = strings.TrimPrefix(path, ".")
	if inner, found := strings.CutPrefix(path, "["); found {
		index, rest, _ := strings.Cut(inner, "]")
		return rest, "[" + index
	}
	if end := strings.IndexAny(path, ".["); end >= 0 {
		return path[end:], path[:end]
	}
	return "", path
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

func item(n *yaml.Node, index string) *yaml.Node {
	i, err := strconv.Atoi(index)
	if err != nil || n.Kind != yaml.SequenceNode || i < 0 || i >= len(n.Content) {
		return nil
	}
	return n.Content[i]
}

// visible is the node that a reader looks for: what is written as a block below
// its key is found by the key.
func visible(n, key *yaml.Node) *yaml.Node {
	block := n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle == 0
	if block && key != nil {
		return key
	}
	return n
}
