package policyfile

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// exceedsNodes reports whether a text is too much for the parser, before a tree is
// built of it. The parser knows no such limit: it needs two hundred bytes for each
// node and more for each token, all of which it holds of a flow collection that might
// be a key (those that begin a document or an item). 4 MiB of "a," would need 2 GiB.
//
// So this counts, on the safe side, what the punctuation of a text can bring about.
// For block style the count of nodes is exact. Flow style counts three times: a YAML
// document that is nothing else is refused from a third of the bound on. JSON is not
// counted here, nor refused before its time.
func exceedsNodes(text []byte, most int, pause func()) bool {
	c := countPunctuation(text, pause)
	inFlow := min(c.tokens, 2*c.flow)
	// A tenth more, so that some indicators in comments and strings do no harm.
	return c.nodes+inFlow > most+most/10 || c.tokens > most
}

// punctuation is what the parser may make of a text, or more.
type punctuation struct {
	nodes  int // with comments, of which nodes keep a copy
	flow   int // entries of flow collections
	tokens int // quoted scalars, tags, anchors and aliases: they need no punctuation
}

// countPunctuation looks at single bytes, in comments and strings too, so that
// there is nothing that it can be wrong about. Each byte pays for the nodes that it
// can begin:
//
//   - "- " for an entry, "#" for a comment;
//   - "? " for a key and the value that may be missing;
//   - ":" for a key and a value, except where it cannot be an indicator: in "x:/y";
//   - "[" "{" and "," for the entry that follows, which in {a, b} has a value too and
//     in [a: b] is a mapping, and for their tokens.
func countPunctuation(text []byte, pause func()) punctuation {
	c, quotes := punctuation{nodes: 1}, 0
	for i, b := range text {
		if i%pieceBytes == 0 {
			pause()
		}
		switch b {
		case '{', '[', ',':
			c.flow++
			c.nodes += 3
		case ':':
			c.nodes += 2 - 2*insideWord(text, i)
		case '-':
			c.nodes += blankAfter(text, i)
		case '?':
			c.nodes += 2 * blankAfter(text, i)
		case '#':
			c.nodes += wordBegins(text, i)
		case '"', '\'':
			quotes++
		case '!', '&', '*':
			if i == 0 || !isAlphanumeric(text[i-1]) {
				c.tokens++
			}
		}
	}
	c.tokens += quotes / 2
	return c
}

// insideWord is 1 where a ":" stands as in https://x, which ends nothing, else 0.
func insideWord(text []byte, i int) int {
	if i > 0 && isAlphanumeric(text[i-1]) && i+1 < len(text) && text[i+1] == '/' {
		return 1
	}
	return 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

// blankAfter is 1 where white space or the end may follow, else 0. Bytes beyond
// ASCII may begin a line break.
func blankAfter(text []byte, i int) int {
	if i+1 == len(text) || text[i+1] <= ' ' || text[i+1] >= 0x80 {
		return 1
	}
	return 0
}

// wordBegins is 1 where white space or the beginning may stand before, else 0.
func wordBegins(text []byte, i int) int {
	if i == 0 || text[i-1] <= ' ' || text[i-1] >= 0x80 {
		return 1
	}
	return 0
}

// excess is the place at which a document breaks a bound.
type excess struct {
	node    *yaml.Node
	message string
	cyclic  bool // an alias within what it stands for: no bound is large enough
}

// census counts the nodes of a tree, each alias as what it stands for. It stops at
// the bound: ten aliases of ten aliases of ten cost no more than what is allowed.
type census struct {
	limits limits
	pause  func()
	nodes  int
	open   []*yaml.Node // the lists and mappings around the node, at most limits.nesting
}

func (c *census) take(n *yaml.Node) *excess {
	at := n
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if c.nodes++; c.nodes > c.limits.nodes {
		return &excess{node: at, message: tooManyNodes(c.limits.nodes)}
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
		c.pause()
		if wrong := c.take(child); wrong != nil {
			return wrong
		}
	}
	return nil
}

// enter judges a list or mapping before its content is looked at.
func (c *census) enter(at, n *yaml.Node) *excess {
	for _, outer := range c.open {
		if outer == n {
			return &excess{node: at, message: fmt.Sprintf("alias *%s stands within what it stands for", shorten(at.Value)), cyclic: true}
		}
	}
	if len(c.open) == c.limits.nesting {
		return &excess{node: at, message: tooDeep(c.limits.nesting)}
	}
	if n.Kind == yaml.MappingNode && len(n.Content)/2 > c.limits.keys {
		return &excess{node: at, message: fmt.Sprintf("more than %s keys in one mapping", count(c.limits.keys))}
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
