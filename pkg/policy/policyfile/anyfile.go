package policyfile

import (
	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Bounds of the files that [Tree] reads. The configuration of a large proxy is larger than any policy.
const (
	maxTreeBytes   = 64 << 20
	maxTreeNodes   = 2_000_000
	maxTreeKeys    = 100_000
	maxTreeNesting = 100
)

// Tree reads a file of another kind than policies, such as an Envoy configuration, to a tree with lines and
// columns: YAML, or JSON. It has one document. The tree is nil if the file is empty.
func Tree(path string) (*yaml.Node, *spec.Diagnostic) {
	l := defaultLimits()
	l.fileBytes, l.nodes, l.keys, l.nesting = maxTreeBytes, maxTreeNodes, maxTreeKeys, maxTreeNesting
	return l.tree(path)
}

func (l limits) tree(path string) (*yaml.Node, *spec.Diagnostic) {
	src := &source{name: path}
	if src.read(l.fileBytes); src.fault != nil {
		return nil, src.fault
	}
	if at, wrong := judgeText(src.data); wrong != "" {
		return nil, &spec.Diagnostic{
			Location: inFile(path, at), Code: spec.CodeSyntax, Message: wrong, Hint: "UTF-8 text",
		}
	}
	src.data = withoutBOM(src.data)
	documents, more := split(src, l.documents)
	if more {
		return nil, beyond(path, "more than "+count(l.documents)+" documents in one file", "one document").fault
	}
	var root *yaml.Node
	for _, doc := range documents {
		n, failed := doc.parse(l)
		switch {
		case failed != nil:
			return nil, &spec.Diagnostic{
				Location: spec.Location{Position: doc.inSource(failed.at)}, Code: failed.code, Message: failed.message,
				Hint: failed.hint,
			}
		case n != nil && root != nil:
			return nil, &spec.Diagnostic{
				Location: inFile(path, position{doc.line, 1}), Code: spec.CodeSyntax,
				Message: "a second document begins", Hint: "one document",
			}
		case n != nil:
			shift(n, doc.line-1)
			root = n
		}
	}
	return root, nil
}

// shift moves a tree down by lines: its document begins further down in the file.
func shift(n *yaml.Node, lines int) {
	if lines == 0 {
		return
	}
	n.Line += lines
	for _, child := range n.Content {
		shift(child, lines)
	}
}
