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

// at is the place of a field below p.
func (p Place) at(path string) Place {
	if p.Path != "" {
		path = p.Path + "." + path
	}
	p.Path = path
	return p
}

// item is the place of an element of the list field below p.
func (p Place) item(field string, index int) Place {
	return p.at(fmt.Sprintf("%s[%d]", field, index))
}

// String names the document and leads to the value.
func (p Place) String() string {
	return fmt.Sprintf("%s[%d] %s", p.Kind, p.Index, p.Path)
}
