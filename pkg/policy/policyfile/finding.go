package policyfile

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy"
)

// finding is a diagnostic before its place is looked up.
type finding struct {
	Diagnostic
	order int // of its document: what comes first is listed first

	// compiled is what Compile says, nil for faults of the form, whose place is known.
	compiled *policy.Diagnostic
}

// ofNoDocument is the order of what is wrong with all documents together.
const ofNoDocument = math.MaxInt

// lose adds a fault for which a file or document is not understood at all.
func (l *loader) lose(d Diagnostic) {
	l.lost = true
	l.add(finding{Diagnostic: d, order: l.order})
}

// addFault adds a fault of a document's form, at a node of its tree.
func (l *loader) addFault(doc *document, at, other *yaml.Node, d Diagnostic) {
	if len(l.faults) < l.limits.findings { // beyond that Compile is not asked
		doc.broken = append(doc.broken, brokenPath{d.Path, d.Code})
	}
	where := doc.at(at)
	d.File, d.Line, d.Column = doc.source.name, where.line, where.column
	if other != nil {
		d.Message += ", first " + doc.at(other).in(doc.source)
	}
	l.add(finding{Diagnostic: d, order: doc.order})
}

func (l *loader) add(f finding) {
	l.failed = true
	if len(l.faults) == l.limits.findings {
		l.unshown++
		return
	}
	l.faults = append(l.faults, f)
}

// report compiles what was understood and lists everything that is wrong.
func (l *loader) report(paths []string, opts []policy.Option) *Report {
	r := &Report{Hash: l.sum(), Unreadable: l.unreadable}
	faults := l.faults
	// Beyond a bound the rest is unknown, and Compile's work may be what the bound is for.
	if !l.full && l.unshown == 0 {
		engine, warnings, err := policy.Compile(l.packed, opts...)
		var compiled policy.Faults
		if errors.As(err, &compiled) {
			faults = append(faults, l.findings(compiled, false)...)
		}
		r.Warnings = l.list(l.findings(warnings, true), 0, paths)
		if len(faults) == 0 {
			r.Engine = engine
		}
	}
	r.Faults = l.list(faults, l.unshown, paths)
	return r
}

func (l *loader) findings(compiled []policy.Diagnostic, warnings bool) []finding {
	var found []finding
	for i := range compiled {
		d := &compiled[i]
		if l.misleads(*d, warnings) {
			continue
		}
		f := finding{compiled: d, order: ofNoDocument}
		if doc := l.document(d.Place); doc != nil {
			f.order = doc.order
		}
		found = append(found, f)
	}
	return found
}

// list gives the findings in the order of their places, at most as many as the
// bound allows, and says how many are left out.
func (l *loader) list(found []finding, unshown int, paths []string) []Diagnostic {
	slices.SortStableFunc(found, func(a, b finding) int { return cmp.Compare(a.order, b.order) })
	found, unlisted := l.cut(found)
	l.locate(found, paths)
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var list []Diagnostic
	for _, f := range found {
		list = append(list, f.Diagnostic)
	}
	if unshown += unlisted; unshown > 0 {
		list = append(list, Diagnostic{
			Code:    policy.CodeLimitExceeded,
			Message: fmt.Sprintf("%s more are not shown", count(unshown)),
		})
	}
	return list
}

// cut keeps to the bound, and keeps what is of no document: Compile's own word of
// how many more it has is among that.
func (l *loader) cut(found []finding) (kept []finding, unlisted int) {
	general := len(found)
	for general > 0 && found[general-1].order == ofNoDocument {
		general--
	}
	if general <= l.limits.findings {
		return found, 0
	}
	return append(found[:l.limits.findings:l.limits.findings], found[general:]...), general - l.limits.findings
}

// locate turns what Compile says into diagnostics.
func (l *loader) locate(found []finding, paths []string) {
	var places []policy.Place
	for _, f := range found {
		if f.compiled != nil {
			places = append(places, f.compiled.Place)
			if f.compiled.Related != nil {
				places = append(places, *f.compiled.Related)
			}
		}
	}
	spots := l.find(places)
	for i := range found {
		if found[i].compiled != nil {
			found[i].Diagnostic = translate(*found[i].compiled, spots, paths)
		}
	}
}

func translate(c policy.Diagnostic, spots map[policy.Place]spot, paths []string) Diagnostic {
	d := Diagnostic{
		Path: c.Place.Path, Value: shorten(c.Value), Code: c.Code,
		Message: shortenTo(1000, c.Message), Hint: shortenTo(1000, c.Hint),
	}
	if at, found := spots[c.Place]; found {
		d.File, d.Line, d.Column = at.document.source.name, at.position.line, at.position.column
		if at.number != "" && d.Value != "" {
			d.Value = shorten(at.number)
		}
	} else if len(paths) == 1 {
		d.File = paths[0]
	}
	if c.Related != nil {
		if other, found := spots[*c.Related]; found {
			d.Message += ", see " + other.position.in(other.document.source)
		}
	}
	return d
}
