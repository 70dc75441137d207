package plan

import (
	"regexp"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/urlpath"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// PathMatch matches the paths of a rule.
type PathMatch struct {
	Type   spec.PathMatchType
	Value  string         // as written
	Regexp *regexp.Regexp // for the whole path, of a RegularExpression
}

// PathKey identifies the paths that a [PathMatch] matches: two with one key are equal.
type PathKey struct {
	Type  spec.PathMatchType
	Value string // of a PathPrefix without its final "/", so "" for the root
}

// Key returns the key of the match.
func (m *PathMatch) Key() PathKey {
	if m.Type == spec.PathPrefix {
		return PathKey{m.Type, strings.TrimSuffix(m.Value, "/")}
	}
	return PathKey{m.Type, m.Value}
}

// resolveMatch sets which requests a rule matches.
func (r *resolver) resolveMatch(e *Entry, m *spec.Match) {
	e.Path = PathMatch{Type: spec.PathPrefix, Value: "/"}
	if m != nil && m.Methods != nil {
		r.resolveMethods(e, m.Methods)
	}
	if m != nil && m.Path != nil && !r.resolvePath(e, m.Path) {
		e.invalid = true
	}
}

func (r *resolver) resolveMethods(e *Entry, methods []string) {
	place := e.Place("match", "methods")
	if len(methods) == 0 {
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeValueInvalid, Location: at(place),
			Message: "is an empty list, and a rule that matches no method matches nothing",
			Hint:    "leave methods out to match every method",
		})
		e.invalid = true
	}
	names := make([]string, 0, len(methods))
	for i, method := range methods {
		if !r.checkMethod(method, place.Item(i), true) {
			e.invalid = true
			continue
		}
		names = append(names, header.NormalizeMethod(method))
	}
	slices.Sort(names)
	e.Methods = slices.Compact(names)
}

// resolvePath sets the path of a rule, and reports whether it has a meaning.
func (r *resolver) resolvePath(e *Entry, m *spec.PathMatch) bool {
	place := e.Place("match", "path")
	e.Path.Value = m.Value
	if m.Type != nil {
		e.Path.Type = *m.Type
		if !checkEnum(r, place.At("type"), m.Type, spec.PathExact, spec.PathPrefix, spec.PathRegularExpression) {
			return false
		}
	}
	place = place.At("value")
	switch {
	case m.Value == "":
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeMissingField, Location: at(place), Message: "is missing", Hint: "a path that begins with /",
		})
		return false
	case e.Path.Type == spec.PathRegularExpression:
		e.Path.Regexp = r.resolveRegex(m.Value, place)
		return e.Path.Regexp != nil
	}
	if fault := urlpath.Check(m.Value); fault != nil {
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodePathInvalid, Location: at(place), Value: m.Value, Message: fault.Message, Hint: fault.Hint,
		})
		return false
	}
	return true
}
