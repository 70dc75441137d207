package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// maxDiagnostics bounds the faults, and the warnings, that one [Report] lists.
const maxDiagnostics = 1000

// Report gathers diagnostics. What is wrong at a place is reported once, however many rules
// inherit it.
type Report struct {
	// EachDocument means that the first fault of each document is listed, also beyond the bound.
	EachDocument bool

	faults, warnings diagnostics
	acknowledged     map[acknowledgement]bool
}

// acknowledgement is a code that a policy, by its index, acknowledges.
type acknowledgement struct {
	policy int
	code   spec.Code
}

func (r *Report) acknowledge(policy int, code spec.Code) {
	if r.acknowledged == nil {
		r.acknowledged = map[acknowledgement]bool{}
	}
	r.acknowledged[acknowledgement{policy, code}] = true
}

// Fault adds a fault.
func (r *Report) Fault(d spec.Diagnostic) { r.faults.add(d, r.EachDocument) }

// Warn adds a warning.
func (r *Report) Warn(d spec.Diagnostic) { r.warnings.add(d, false) }

// Faults lists the faults document by document, in each in the order in which they were found.
// Beyond a bound it only counts them, in a last fault.
func (r *Report) Faults() []spec.Diagnostic { return r.faults.sorted() }

// Warnings is Faults for warnings, without those that the policy they are about acknowledges.
func (r *Report) Warnings() []spec.Diagnostic {
	return slices.DeleteFunc(r.warnings.sorted(), func(d spec.Diagnostic) bool {
		return d.Place.Kind == spec.KindPolicy && r.acknowledged[acknowledgement{d.Place.Index, d.Code}]
	})
}

// Amend calls a function for each fault of a code, which may replace its message and its hint.
func (r *Report) Amend(code spec.Code, amend func(d *spec.Diagnostic)) {
	for i := range r.faults.list {
		if d := &r.faults.list[i]; d.Code == code {
			amend(d)
			d.Message, d.Hint = oneLine(d.Message), oneLine(d.Hint)
		}
	}
}

// HasFaults reports whether there is any fault.
func (r *Report) HasFaults() bool { return len(r.faults.list) > 0 }

// Full reports whether further faults are only counted, and need no hint.
func (r *Report) Full() bool { return len(r.faults.list) >= maxDiagnostics }

type diagnostics struct {
	list  []spec.Diagnostic
	known map[problem]bool
	of    map[document]bool // documents of which one is listed, beyond the bound
	more  int               // counted, but not listed
}

// document identifies a document.
type document struct {
	kind  spec.Kind
	index int
}

// problem identifies what is reported once.
type problem struct {
	code           spec.Code
	place, related spec.Place
	value          string
}

func (l *diagnostics) add(d spec.Diagnostic, eachDocument bool) {
	p := problem{code: d.Code, place: d.Place, value: d.Value}
	if d.Related != nil {
		p.related = d.Related.Place
	}
	switch {
	case l.known[p]:
		return
	case len(l.list) >= maxDiagnostics && !(eachDocument && l.isFirst(d.Place)):
		l.more++
		return
	case l.known == nil:
		l.known = map[problem]bool{}
	}
	l.known[p] = true
	d.Message, d.Hint = oneLine(d.Message), oneLine(d.Hint)
	l.list = append(l.list, d)
}

// isFirst reports whether no diagnostic of a document is listed yet, and notes that one is.
func (l *diagnostics) isFirst(p spec.Place) bool {
	if l.of == nil {
		l.of = map[document]bool{}
		for i := range l.list {
			l.of[document{l.list[i].Place.Kind, l.list[i].Place.Index}] = true
		}
	}
	doc := document{p.Kind, p.Index}
	first := !l.of[doc]
	l.of[doc] = true
	return first
}

// oneLine replaces control characters: messages and hints may quote what someone wrote.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, s)
}

func (l *diagnostics) sorted() []spec.Diagnostic {
	list := slices.Clone(l.list)
	slices.SortStableFunc(list, func(a, b spec.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Place.Kind, b.Place.Kind), cmp.Compare(a.Place.Index, b.Place.Index))
	})
	if l.more > 0 {
		list = append(list, spec.Diagnostic{
			Code: spec.CodeLimitExceeded, Message: fmt.Sprintf("%d more are not shown", l.more),
		})
	}
	return list
}

// at returns a location in documents, whose position is not known here.
func at(p spec.Place) spec.Location { return spec.Location{Place: p} }

// related returns the other location of a diagnostic.
func related(p spec.Place) *spec.Location { return &spec.Location{Place: p} }
