package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxDiagnostics bounds the faults, and the warnings, that one Compile reports.
const maxDiagnostics = 1000

// collector gathers diagnostics. What is wrong at a place is said once, however
// many rules inherit it.
type collector struct {
	faults, warnings report
}

type report struct {
	list []Diagnostic
	said map[said]struct{}
	more int // said, but not listed
}

type said struct {
	code           Code
	place, related Place
	value          string
}

func (c *collector) fault(d Diagnostic) { c.faults.add(d) }
func (c *collector) warn(d Diagnostic)  { c.warnings.add(d) }

// full reports that further faults are only counted, and need no hint.
func (c *collector) full() bool { return len(c.faults.list) >= maxDiagnostics }

func (r *report) add(d Diagnostic) {
	key := said{code: d.Code, place: d.Place, value: d.Value}
	if d.Related != nil {
		key.related = *d.Related
	}
	if _, again := r.said[key]; again {
		return
	}
	if len(r.list) >= maxDiagnostics {
		r.more++
		return
	}
	if r.said == nil {
		r.said = map[said]struct{}{}
	}
	r.said[key] = struct{}{}
	d.Message, d.Hint = oneLine(d.Message), oneLine(d.Hint)
	r.list = append(r.list, d)
}

// oneLine: messages and hints may quote what someone wrote.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, s)
}

// sorted gives the diagnostics document by document, in the order in which they
// were found within each.
func (r *report) sorted() []Diagnostic {
	slices.SortStableFunc(r.list, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Place.Kind, b.Place.Kind), cmp.Compare(a.Place.Index, b.Place.Index))
	})
	if r.more > 0 {
		r.list = append(r.list, Diagnostic{
			Code:    CodeLimitExceeded,
			Message: fmt.Sprintf("%d more are not shown", r.more),
		})
		r.more = 0
	}
	return r.list
}

// err is the faults as an error, nil where there are none.
func (c *collector) err() error {
	if list := c.faults.sorted(); len(list) > 0 {
		return Faults(list)
	}
	return nil
}

// locator is a [Place] that is written out only where there is something to say of it:
// most of a policy is well.
type locator struct {
	kind  Kind
	index int
	depth int
	steps [5]step
}

// step is a field, and the place in its list from 1 on; 0 where it is meant as a whole.
type step struct {
	field string
	item  int
}

func documentAt(kind Kind, index int) locator { return locator{kind: kind, index: index} }

// at leads to a field below.
func (l locator) at(field string) locator { return l.to(step{field, 0}) }

// item leads to an element of the list field below.
func (l locator) item(field string, i int) locator { return l.to(step{field, 1 + i}) }

func (l locator) to(s step) locator {
	l.steps[l.depth] = s
	l.depth++
	return l
}

// written writes it out.
func (l locator) written() Place {
	path := ""
	for i, s := range l.steps[:l.depth] {
		if i > 0 {
			path += "."
		}
		if path += s.field; s.item > 0 {
			path += fmt.Sprintf("[%d]", s.item-1)
		}
	}
	return Place{l.kind, l.index, path}
}

// String names the document and leads to the value.
func (p Place) String() string {
	return fmt.Sprintf("%s[%d] %s", p.Kind, p.Index, p.Path)
}
