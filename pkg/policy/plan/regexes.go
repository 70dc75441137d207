package plan

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Bounds of the regular expressions of one configuration. More is limit_exceeded.
const (
	// MaxRegexLength bounds one expression, in bytes.
	MaxRegexLength = 1024
	// MaxRegexSize bounds all expressions together, in instructions of their compiled programs,
	// four ranges of characters counting as one: nine bytes of text can make a thousand
	// instructions, and \pL is some 650 ranges.
	MaxRegexSize = 1_000_000
)

// regexes compiles each distinct expression once.
type regexes struct {
	compiled map[string]*regexp.Regexp
	size     int
}

// resolveRegex compiles an expression for the whole of a text, nil if it has a fault.
func (r *resolver) resolveRegex(text string, place spec.Place) *regexp.Regexp {
	if re := r.regexes.compiled[text]; re != nil {
		return re
	}
	re, fault := r.regexes.compile(text)
	if fault != nil {
		fault.Location, fault.Value = at(place), text
		r.report.Fault(*fault)
		return nil
	}
	if r.regexes.compiled == nil {
		r.regexes.compiled = map[string]*regexp.Regexp{}
	}
	r.regexes.compiled[text] = re
	return re
}

func (r *regexes) compile(text string) (*regexp.Regexp, *spec.Diagnostic) {
	if len(text) > MaxRegexLength {
		return nil, &spec.Diagnostic{
			Code: spec.CodeLimitExceeded, Message: fmt.Sprintf("is longer than %d bytes", MaxRegexLength),
			Hint: "several shorter expressions",
		}
	}
	if r.size > MaxRegexSize {
		return nil, tooManyRegexes()
	}
	// Parsed by itself first: "a)(b" compiles once it stands between parentheses.
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, &spec.Diagnostic{
			Code: spec.CodeRegexInvalid, Message: "is not a valid RE2 expression: " + syntaxError(text, err),
			Hint: "the syntax of https://github.com/google/re2/wiki/Syntax",
		}
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, &spec.Diagnostic{Code: spec.CodeRegexInvalid, Message: "does not compile: " + err.Error()}
	}
	if r.size += sizeOf(prog); r.size > MaxRegexSize {
		return nil, tooManyRegexes()
	}
	re, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil { // a \Q that is not closed makes the rest literal
		re, err = regexp.Compile(`\A(?:` + text + `\E)\z`)
	}
	if err != nil {
		return nil, &spec.Diagnostic{Code: spec.CodeRegexInvalid, Message: "does not compile: " + err.Error()}
	}
	return re, nil
}

func sizeOf(prog *syntax.Prog) int {
	size := len(prog.Inst)
	for i := range prog.Inst {
		size += len(prog.Inst[i].Rune) / 4
	}
	return size
}

func tooManyRegexes() *spec.Diagnostic {
	return &spec.Diagnostic{
		Code:    spec.CodeLimitExceeded,
		Message: fmt.Sprintf("makes all expressions together larger than %d instructions", MaxRegexSize),
		Hint:    "fewer counted repetitions and Unicode classes",
	}
}

// beyondRE2 matches what other languages have and RE2 has not, with its name.
var beyondRE2 = []struct {
	form *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`\(\?<?[=!]`), "look-around"},
	{regexp.MustCompile(`\\[1-9]|\\k<`), "back-references"},
	{regexp.MustCompile(`\(\?>|[*+?}]\+`), "atomic groups"},
}

func syntaxError(text string, err error) string {
	for _, b := range beyondRE2 {
		if b.form.MatchString(text) {
			return "RE2 has no " + b.name
		}
	}
	var e *syntax.Error
	if errors.As(err, &e) {
		return string(e.Code)
	}
	return err.Error()
}
