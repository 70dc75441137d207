package policyfile

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// limitError is the place at which a document breaks a bound.
type limitError struct {
	node    *yaml.Node
	message string
	cyclic  bool // an alias within its own value: no bound is large enough
}

// nodeCounter counts the nodes of a tree, each alias as the nodes of its value. It stops at the
// bound: ten aliases of ten aliases of ten cost no more than an allowed document.
type nodeCounter struct {
	limits limits
	nodes  int
	open   []*yaml.Node // the lists and mappings around the node, at most limits.nesting
}

func (c *nodeCounter) count(n *yaml.Node) *limitError {
	at := n
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if c.nodes++; c.nodes > c.limits.nodes {
		return &limitError{node: at, message: tooManyNodes(c.limits.nodes)}
	}
	if n.Kind == yaml.ScalarNode {
		return nil
	}
	if wrong := c.enter(at, n); wrong != nil {
		return wrong
	}
	c.open = append(c.open, n)
	defer func() { c.open = c.open[:len(c.open)-1] }()
	for _, child := range n.Content {
		if wrong := c.count(child); wrong != nil {
			return wrong
		}
	}
	return nil
}

// enter judges a list or mapping before its content is looked at.
func (c *nodeCounter) enter(at, n *yaml.Node) *limitError {
	for _, outer := range c.open {
		if outer == n {
			message := fmt.Sprintf("alias *%s stands within what it stands for", shorten(at.Value))
			return &limitError{node: at, message: message, cyclic: true}
		}
	}
	if len(c.open) == c.limits.nesting {
		return &limitError{node: at, message: tooDeep(c.limits.nesting)}
	}
	if n.Kind == yaml.MappingNode && len(n.Content)/2 > c.limits.keys {
		return &limitError{node: at, message: fmt.Sprintf("more than %s keys in one mapping", count(c.limits.keys))}
	}
	return nil
}

func tooManyNodes(most int) string {
	return fmt.Sprintf("more than %s keys and values in one document", count(most))
}

func tooDeep(most int) string {
	return fmt.Sprintf("nested more than %s deep", count(most))
}

// count writes a bound with commas between thousands.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
