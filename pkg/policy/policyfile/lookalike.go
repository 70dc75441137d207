package policyfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// lookalike is the class of a character that looks like one of YAML, or that is invisible. Word
// processors, chats and web pages put them in.
type lookalike uint8

const (
	ordinary lookalike = iota
	oddSpace
	oddQuote
	oddDash
	invisible
)

func lookalikeOf(r rune) lookalike {
	switch {
	case r == '\u00a0', r == '\u2007', r == '\u202f', r == '\u3000':
		return oddSpace
	case '\u2018' <= r && r <= '\u201f', r == '«', r == '»', r == '‹', r == '›':
		return oddQuote
	case '\u2010' <= r && r <= '\u2015', r == '\u2212', r == '•', r == '·':
		return oddDash
	case '\u200b' <= r && r <= '\u200f', '\u202a' <= r && r <= '\u202e', '\u2060' <= r && r <= '\u2069',
		r == '\ufeff', r == '\u00ad':
		return invisible
	}
	return ordinary
}

// describe names a character, and returns a hint for the correct one.
func (l lookalike) describe(r rune) (what, hint string) {
	code := fmt.Sprintf("U+%04X", r)
	switch l {
	case oddSpace:
		return "a no-break space (" + code + ")", "an ordinary space"
	case oddQuote:
		return fmt.Sprintf("a typographic quote (%c, %s)", r, code), `straight quotes, " or '`
	case oddDash:
		return fmt.Sprintf("a typographic dash or bullet (%c, %s)", r, code),
			"- before an item of a list, --- between documents"
	case invisible:
		return "an invisible character (" + code + ")", "remove it: type the line again"
	}
	return "", ""
}

// template is how a template is found that was not rendered.
const template = "{{"

const (
	templateMessage = "is a template that is not rendered"
	templateHint    = "the rendered text: helm template . | corsd check -"
)

// isFreeText reports whether the value is text for people.
func (d *decoder) isFreeText() bool {
	metadata := spec.Path{}.At("metadata")
	return d.path.Last() == "owner" || metadata.At("labels").Contains(d.path) ||
		metadata.At("annotations").Contains(d.path)
}

// isOdd reports a string that cannot be meant as it is, and returns true.
func (d *decoder) isOdd(n *yaml.Node) bool {
	if d.isFreeText() {
		return false
	}
	if strings.Contains(n.Value, template) && strings.Contains(n.Value, "}}") {
		d.wrong(n, spec.CodeSyntax, n.Value, templateMessage, templateHint)
		return true
	}
	for i, r := range n.Value {
		l := lookalikeOf(r)
		atEnd := i == 0 || i+utf8.RuneLen(r) == len(n.Value)
		if l == ordinary || l == oddDash && i > 0 || l == oddQuote && !atEnd {
			continue // within a text, dashes and quotes may be meant
		}
		what, hint := l.describe(r)
		d.wrong(d.find(n, r), spec.CodeSyntax, n.Value, "has "+what, hint)
		return true
	}
	return n.Style == 0 && strings.Contains(n.Value, " - ") && d.hasNextItem(n)
}

// hasNextItem reports a string to which YAML has joined the item below it, and returns true.
func (d *decoder) hasNextItem(n *yaml.Node) bool {
	below := d.line(n.Line + 1)
	if !strings.HasPrefix(strings.TrimLeft(below, " "), "- ") {
		return false
	}
	at := &yaml.Node{Line: n.Line + 1, Column: indentOf(below) + 1}
	d.wrong(at, spec.CodeSyntax, "", "has the next item in it, which is indented deeper",
		"indent the items of a list alike")
	return true
}

// find returns a node at a character of a value, or the value itself if it has the character as an
// escape.
func (d *decoder) find(n *yaml.Node, r rune) *yaml.Node {
	column := 0
	for _, have := range d.line(n.Line) {
		if column++; column >= n.Column && have == r {
			return &yaml.Node{Line: n.Line, Column: column}
		}
	}
	return n
}

// oddKey reports an unknown key that is not a name, and returns true.
func (d *decoder) oddKey(key *yaml.Node, known []string) bool {
	name := resolve(key).Value
	for _, r := range name {
		if l := lookalikeOf(r); l != ordinary {
			what, hint := l.describe(r)
			d.wrong(d.find(key, r), spec.CodeSyntax, "", "has "+what, hint)
			return true
		}
	}
	if field, rest, found := strings.Cut(name, ":"); found && slices.Contains(known, field) {
		d.wrong(key, spec.CodeSyntax, "", "needs a blank after the colon", field+": "+shorten(rest))
		return true
	}
	return false
}

// isTemplate reports whether a node is {{ … }}, which is a mapping in a mapping to a YAML parser.
func isTemplate(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) == 2 &&
		n.Content[0].Kind == yaml.MappingNode
}
