package policyfile

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// finding is a diagnostic and the document that it is about.
type finding struct {
	spec.Diagnostic
	order int // of the document in the report
}

// ofNoDocument is the order of faults of all documents together.
const ofNoDocument = math.MaxInt

// inFile returns a location in a file.
func inFile(name string, p position) spec.Location {
	return spec.Location{Position: spec.Position{File: name, Line: p.line, Column: p.column}}
}

// lose adds a fault for which a file or document is not understood at all.
func (r *reader) lose(d spec.Diagnostic) {
	r.lost = true
	r.add(finding{d, r.order})
}

// loseAt is lose for a place in a document.
func (r *reader) loseAt(doc *document, failed *treeError) {
	d := spec.Diagnostic{Code: failed.code, Message: failed.message, Hint: failed.hint}
	doc.mark(&d, failed.at)
	r.lose(d)
}

// addFault adds a fault of a document's form, at a node of its tree.
func (r *reader) addFault(doc *document, at, other *yaml.Node, d spec.Diagnostic) {
	if len(r.faults) < r.limits.findings { // beyond that nobody judges the config
		doc.broken = append(doc.broken, brokenPath{d.Place.Path, d.Code})
	}
	doc.mark(&d, position{at.Line, at.Column})
	if other != nil {
		d.Related = &spec.Location{Position: doc.position(other)}
	}
	r.add(finding{d, doc.order})
}

func (r *reader) add(f finding) {
	r.failed = true
	if len(r.faults) == r.limits.findings {
		r.unshown++
		return
	}
	r.faults = append(r.faults, f)
}

// Locate joins the faults of the files with the faults and warnings that were found in their
// Config, and adds the position of each. Findings that may only be there because a part of a
// document could not be understood are left out: they would lead the reader to a line that has
// nothing wrong, and come back by themselves once the form is right.
//
// Each list has the order of files, lines and columns. It has at most [MaxFindings] elements and
// then, as limit_exceeded, how many more there are.
func (f *Files) Locate(faults, warnings []spec.Diagnostic) (allFaults, allWarnings []spec.Diagnostic) {
	r := f.reader
	found := append(slices.Clone(r.faults), r.kept(faults, false)...)
	warned := r.kept(warnings, true)
	for _, d := range f.ignored {
		warned = append(warned, finding{d, ofNoDocument})
	}
	return f.list(found, r.unshown), f.list(warned, 0)
}

// kept returns the findings that do not mislead.
func (r *reader) kept(list []spec.Diagnostic, warnings bool) []finding {
	var kept []finding
	for _, d := range list {
		if r.misleads(d, warnings) {
			continue
		}
		f := finding{d, ofNoDocument}
		if doc := r.document(d.Place); doc != nil {
			f.order = doc.order
		}
		kept = append(kept, f)
	}
	return kept
}

func (f *Files) list(found []finding, unshown int) []spec.Diagnostic {
	slices.SortStableFunc(found, func(a, b finding) int { return cmp.Compare(a.order, b.order) })
	found, unlisted := f.reader.cut(found)
	f.locate(found)
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(
			cmp.Compare(a.order, b.order),
			cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column),
		)
	})
	var list []spec.Diagnostic
	for _, f := range found {
		f.Value, f.Message, f.Hint = shorten(f.Value), shortenTo(1000, f.Message), shortenTo(1000, f.Hint)
		list = append(list, f.Diagnostic)
	}
	if unshown += unlisted; unshown > 0 {
		list = append(list, spec.Diagnostic{
			Code: spec.CodeLimitExceeded, Message: fmt.Sprintf("%s more are not shown", count(unshown)),
		})
	}
	return list
}

// cut drops findings beyond the bound. It keeps those of no document, one of which counts the
// faults that are not shown.
func (r *reader) cut(found []finding) (kept []finding, unlisted int) {
	general := len(found)
	for general > 0 && found[general-1].order == ofNoDocument {
		general--
	}
	if general <= r.limits.findings {
		return found, 0
	}
	return append(found[:r.limits.findings:r.limits.findings], found[general:]...), general - r.limits.findings
}

// locate adds the positions of places. No tree is kept after decoding, since it needs many times
// the memory of the text: the few documents that have something to report are parsed once more.
func (f *Files) locate(found []finding) {
	r := f.reader
	tree := r.trees()
	for i := range found {
		d := &found[i].Diagnostic
		if d.Position == (spec.Position{}) {
			if doc := r.document(d.Place); doc != nil {
				node, key := follow(tree(doc), d.Place.Path)
				doc.mark(d, doc.visible(node, key))
				d.Value = asWritten(d, node)
			} else if len(f.paths) == 1 {
				d.Position.File = f.paths[0]
			}
		}
		if d.Related != nil && d.Related.Position == (spec.Position{}) {
			if doc := r.document(d.Related.Place); doc != nil {
				at := doc.visible(follow(tree(doc), d.Related.Place.Path))
				d.Related = &spec.Location{Place: d.Related.Place, Position: doc.inSource(at)}
			}
		}
	}
}

// Positions returns where places stand in the files. A place that is not there has the position of
// the value that it belongs to, and one of no document the zero Position.
func (f *Files) Positions(places []spec.Place) []spec.Position {
	tree := f.reader.trees()
	positions := make([]spec.Position, len(places))
	for i, place := range places {
		if doc := f.reader.document(place); doc != nil {
			positions[i] = doc.inSource(doc.visible(follow(tree(doc), place.Path)))
		}
	}
	return positions
}

// trees returns a function that parses documents, each once.
func (r *reader) trees() func(*document) *yaml.Node {
	known := map[*document]*yaml.Node{}
	var tree func(doc *document) *yaml.Node
	tree = func(doc *document) *yaml.Node {
		if doc.list != nil {
			return doc.itemOf(tree(doc.list))
		}
		if _, parsed := known[doc]; !parsed {
			known[doc], _ = doc.parse(r.limits)
		}
		return known[doc]
	}
	return tree
}

// asWritten returns the value as the document has it, if that is a number or a duration: one
// that does not fit was passed on as another.
func asWritten(d *spec.Diagnostic, n *yaml.Node) string {
	if d.Value != "" && n != nil && (isNumber(n) || d.Place.Path.Last() == "maxAge" && n.Kind == yaml.ScalarNode) {
		return n.Value
	}
	return d.Value
}

// document returns the document of a place, nil if it is of none.
func (r *reader) document(place spec.Place) *document {
	documents := r.documents[place.Kind]
	if place.Index < 0 || place.Index >= len(documents) {
		return nil
	}
	return documents[place.Index]
}
