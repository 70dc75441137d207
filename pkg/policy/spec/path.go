package spec

import (
	"slices"
	"strconv"
	"strings"
)

// maxSteps is the number of steps of the longest path that leads to a value of a document,
// spec.rules[0].cors.allowOrigins[0], and one for a key below it that is not known.
const maxSteps = 7

// Step is one step of a [Path]: to a field by its name in the document, or, if the name is
// "", to an element of a list by its index from 0.
type Step struct {
	Field string
	Index int
}

// Path leads from the top of a document to a value in it. The zero Path leads to the document
// itself. Paths can be compared with ==.
type Path struct {
	steps [maxSteps]Step
	n     int
}

// At returns the path to a field below p, or to a field of a field: At("spec", "cors").
func (p Path) At(fields ...string) Path {
	for _, f := range fields {
		p = p.to(Step{Field: f})
	}
	return p
}

// Item returns the path to an element of the list that p leads to.
func (p Path) Item(index int) Path { return p.to(Step{Index: index}) }

// to appends a step. A path that has no room for it stays as it is: it leads to a value above.
func (p Path) to(s Step) Path {
	if p.n < maxSteps {
		p.steps[p.n] = s
		p.n++
	}
	return p
}

// Steps returns the steps, from the top of the document.
func (p *Path) Steps() []Step { return p.steps[:p.n] }

// Parent returns the path without its last step.
func (p Path) Parent() Path {
	if p.n > 0 {
		p.n--
		p.steps[p.n] = Step{}
	}
	return p
}

// Last returns the last field of the path: allowOrigins of spec.cors.allowOrigins[2].
func (p Path) Last() string {
	for i := p.n - 1; i >= 0; i-- {
		if p.steps[i].Field != "" {
			return p.steps[i].Field
		}
	}
	return ""
}

// Contains reports whether other is p itself or leads to a value below it.
func (p Path) Contains(other Path) bool {
	return p.n <= other.n && slices.Equal(p.steps[:p.n], other.steps[:p.n])
}

// String returns the path as messages write it: spec.rules[0].cors.allowOrigins[2].
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p.steps[:p.n] {
		switch {
		case s.Field == "":
			b.WriteString("[" + strconv.Itoa(s.Index) + "]")
		case !isPlainKey(s.Field):
			b.WriteString("[" + strconv.Quote(s.Field) + "]")
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Field)
		}
	}
	return b.String()
}

// isPlainKey reports whether a key can stand in a path without quotes.
func isPlainKey(key string) bool {
	isOther := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_' && r != '/'
	}
	return key != "" && strings.IndexFunc(key, isOther) < 0
}

// Place is where a value stands in a [Config].
type Place struct {
	// Kind and Index name the document: Index counts from 0 in the list of the Config that has
	// the documents of this kind. Kind is "" if the place is the Config as a whole.
	Kind  Kind
	Index int

	// Path leads to the value in the document. If the value is missing, it leads to where it
	// belongs.
	Path Path
}

// At returns the place of a field below.
func (p Place) At(fields ...string) Place {
	p.Path = p.Path.At(fields...)
	return p
}

// Item returns the place of an element of a list.
func (p Place) Item(index int) Place {
	p.Path = p.Path.Item(index)
	return p
}

// In returns the place of the document of a kind.
func In(kind Kind, index int) Place { return Place{Kind: kind, Index: index} }
