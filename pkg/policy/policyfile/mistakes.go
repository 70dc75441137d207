package policyfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxHelped bounds the documents, in bytes, whose lines are looked at to explain a mistake.
const maxHelped = 1 << 20

// lines are the lines of a document, without their breaks.
type lines []string

// linesOf returns no lines if the document is too large.
func linesOf(text []byte) lines {
	if len(text) > maxHelped {
		return nil
	}
	list := lines{}
	for len(text) > 0 {
		list = append(list, string(cutLine(&text)))
	}
	return list
}

// at returns a line, counted from 1, "" if there is none.
func (ls lines) at(line int) string {
	if line < 1 || line > len(ls) {
		return ""
	}
	return ls[line-1]
}

// code returns a line without its comment.
func (ls lines) code(line int) string { return withoutComment(ls.at(line)) }

// mistake returns the likely mistake behind a syntax error, nil if it is none of those that are
// known. The parser finds most of them late, and names a consequence. Context is where the part
// begins that the parser could not end.
func mistake(text []byte, at, context position, message string) *treeError {
	ls := linesOf(text)
	if found := ls.findAnywhere(); found != nil {
		return found
	}
	for _, line := range []int{at.line, context.line, at.line - 1} {
		if found := ls.oddLine(line); found != nil {
			return found
		}
	}
	switch {
	case strings.Contains(message, "expected ':'") && context.line > 0:
		return ls.noColon(context)
	case strings.Contains(message, "mapping values are not allowed"): // at the colon
		return ls.misindented(position{at.line, indentOf(ls.at(at.line)) + 1})
	case strings.Contains(message, "expected key"), strings.Contains(message, "'-' indicator"):
		return ls.misindented(at)
	}
	return nil
}

// findAnywhere finds characters that are never meant.
func (ls lines) findAnywhere() *treeError {
	for i := range ls {
		written := ls.code(i + 1)
		if at := strings.Index(written, template); at >= 0 {
			return syntax(position{i + 1, utf8.RuneCountInString(written[:at]) + 1}, templateMessage, templateHint)
		}
		if found := findIn(written, i+1, oddSpace, invisible); found != nil {
			return found
		}
	}
	return nil
}

// findIn finds the first of some lookalikes in a line.
func findIn(written string, line int, which ...lookalike) *treeError {
	column := 0
	for _, r := range written {
		column++
		if l := lookalikeOf(r); slices.Contains(which, l) {
			what, hint := l.describe(r)
			return syntax(position{line, column}, what, hint)
		}
	}
	return nil
}

// oddLine finds a mistake in one line.
func (ls lines) oddLine(line int) *treeError {
	written := ls.code(line)
	content := strings.TrimLeft(written, " \t")
	indent := len(written) - len(content)
	if content == "" {
		return nil
	}
	if tab := strings.IndexByte(written[:indent], '\t'); tab >= 0 {
		return syntax(position{line, tab + 1}, "a tab in the indentation, which YAML does not allow", "spaces")
	}
	first, _ := utf8.DecodeRuneInString(content)
	if lookalikeOf(first) == oddDash {
		return findIn(written, line, oddDash)
	}
	if first == '-' && len(content) > 1 && !strings.ContainsAny(content[1:2], " \t-.0123456789") {
		return syntax(position{line, indent + 1}, "a dash that needs a blank after it", "- "+content[1:])
	}
	return findIn(written, line, oddQuote)
}

// noColon explains a line that is neither a field nor an item.
func (ls lines) noColon(at position) *treeError {
	hint := "NAME: value, with a blank after the colon"
	if above := strings.TrimSpace(ls.code(at.line - 1)); strings.HasSuffix(above, ":") {
		item := "- " + strings.TrimSpace(ls.code(at.line))
		hint = fmt.Sprintf("%s, as an item of %s", shorten(item), shorten(strings.TrimSuffix(above, ":")))
	}
	return syntax(at, "a line that is neither a field nor an item of a list", hint)
}

// misindented explains a line whose indentation is not that of any line it can belong to, nil if
// the indentation is not the mistake.
func (ls lines) misindented(at position) *treeError {
	indent := indentOf(ls.at(at.line))
	open := ls.openIndents(at.line)
	if at.column != indent+1 || len(open) == 0 || slices.Contains(open, indent) {
		return nil
	}
	var want string
	switch outer := slices.IndexFunc(open, func(n int) bool { return n < indent }); {
	case outer < 0:
		want = strconv.Itoa(open[len(open)-1])
	case outer == 0:
		want = strconv.Itoa(open[0])
	default:
		want = fmt.Sprintf("%d or %d", open[outer], open[outer-1])
	}
	return syntax(at, fmt.Sprintf("is indented by %d, unlike every line above that it can belong to", indent),
		"indent it by "+want+" spaces")
}

// openIndents returns the indentations that a line can continue, innermost first. The text after
// the dash of an item has one of its own.
func (ls lines) openIndents(line int) []int {
	var open []int
	for line--; line > 0 && (len(open) == 0 || open[len(open)-1] > 0); line-- {
		written := ls.code(line)
		if strings.TrimSpace(written) == "" {
			continue
		}
		levels := []int{indentOf(written)}
		for rest := written[levels[0]:]; strings.HasPrefix(rest, "- "); {
			inner := strings.TrimLeft(rest[1:], " ")
			levels = append(levels, levels[len(levels)-1]+len(rest)-len(inner))
			rest = inner
		}
		for _, n := range slices.Backward(levels) {
			if len(open) == 0 || n < open[len(open)-1] {
				open = append(open, n)
			}
		}
	}
	return open
}

// findComment finds the comment in a text that is JSON but for comments, nil if it has none.
func findComment(text []byte) *treeError {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case beginsComment(text, i):
			at := position{1, 1}
			at.advance(text[:i])
			return syntax(at, "a comment, which JSON does not have", "no comment, or YAML, in which # begins one")
		}
	}
	return nil
}

// beginsComment reports whether // or /* is at an index, and not within a word such as a URL.
func beginsComment(text []byte, i int) bool {
	return text[i] == '/' && i > 0 && strings.IndexByte(" \t\r\n,{[", text[i-1]) >= 0 &&
		i+1 < len(text) && (text[i+1] == '/' || text[i+1] == '*')
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// withoutComment cuts the comment off a line. A sign # within quotes may be taken for one.
func withoutComment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}
