package policy

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Bounds of the regular expressions of one [Config]. More is limit_exceeded.
const (
	// MaxRegexLength bounds one expression, in bytes.
	MaxRegexLength = 1024
	// MaxRegexSize bounds all expressions together, in instructions of their
	// compiled programs, four ranges of characters counting as one: nine bytes of
	// text can make a thousand instructions, and \pL is some 650 ranges.
	MaxRegexSize = 1_000_000
)

// regexes compiles each distinct expression once.
type regexes struct {
	compiled map[string]*regexp.Regexp
	size     int
}

// compile compiles an expression that is to be matched as a whole. It gives nil
// where it has reported a fault.
func (r *regexes) compile(c *compiler, text string, at locator) *regexp.Regexp {
	re, ok := r.compiled[text]
	if ok && re != nil {
		return re
	}
	re, d := r.build(text)
	if d.Code != "" {
		d.Place, d.Value = at.written(), text
		c.fault(d)
		return nil
	}
	if r.compiled == nil {
		r.compiled = map[string]*regexp.Regexp{}
	}
	r.compiled[text] = re
	return re
}

func (r *regexes) build(text string) (*regexp.Regexp, Diagnostic) {
	if len(text) > MaxRegexLength {
		return nil, Diagnostic{
			Code: CodeLimitExceeded, Message: fmt.Sprintf("is longer than %d bytes", MaxRegexLength),
			Hint: "several shorter expressions",
		}
	}
	if r.size > MaxRegexSize {
		return nil, tooManyRegexes()
	}
	// Parsed by itself first: "a)(b" compiles once it stands between parentheses.
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, Diagnostic{
			Code: CodeRegexInvalid, Message: "is no RE2 expression: " + syntaxError(err),
			Hint: "the syntax of https://github.com/google/re2/wiki/Syntax",
		}
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, Diagnostic{Code: CodeRegexInvalid, Message: "does not compile: " + err.Error()}
	}
	if r.size += sizeOf(prog); r.size > MaxRegexSize {
		return nil, tooManyRegexes()
	}
	re, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil { // a \Q that is not closed takes the rest for literal
		re, err = regexp.Compile(`\A(?:` + text + `\E)\z`)
	}
	if err != nil {
		return nil, Diagnostic{Code: CodeRegexInvalid, Message: "does not compile: " + err.Error()}
	}
	return re, Diagnostic{}
}

func sizeOf(prog *syntax.Prog) int {
	size := len(prog.Inst)
	for i := range prog.Inst {
		size += len(prog.Inst[i].Rune) / 4
	}
	return size
}

func tooManyRegexes() Diagnostic {
	return Diagnostic{
		Code: CodeLimitExceeded, Message: fmt.Sprintf("makes all expressions together larger than %d instructions", MaxRegexSize),
		Hint: "fewer counted repetitions and Unicode classes",
	}
}

func syntaxError(err error) string {
	var e *syntax.Error
	if errors.As(err, &e) {
		return string(e.Code)
	}
	return err.Error()
}

// takesAllBelow gives the literal that an expression consists of before it takes
// everything, such as "/api/" of /api/.*; ok is false for every other expression.
func takesAllBelow(text string) (literal string, ok bool) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return "", false
	}
	tree = tree.Simplify()
	if isAnything(tree) {
		return "", true
	}
	if tree.Op == syntax.OpConcat && len(tree.Sub) == 2 && isLiteral(tree.Sub[0]) && isAnything(tree.Sub[1]) {
		return string(tree.Sub[0].Rune), true
	}
	return "", false
}

func isLiteral(re *syntax.Regexp) bool {
	return re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0
}

// isAnything takes .* with or without newlines: no path has one.
func isAnything(re *syntax.Regexp) bool {
	return re.Op == syntax.OpStar && (re.Sub[0].Op == syntax.OpAnyChar || re.Sub[0].Op == syntax.OpAnyCharNotNL)
}
