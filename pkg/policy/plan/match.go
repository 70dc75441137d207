package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/internal/urlpath"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// PathMatch matches the paths of a rule.
type PathMatch struct {
	Type   spec.PathMatchType
	Value  string         // as written
	Regexp *regexp.Regexp // for the whole path, of a RegularExpression
	Paths  Paths          // of the policy
}

// Paths sets which paths the application treats as equal.
type Paths struct{ IgnoreCase, IgnoreTrailingSlash bool }

// Trim returns the path without one final "/", if that is ignored. "/" stays.
func (p Paths) Trim(path string) string {
	if p.IgnoreTrailingSlash && len(path) > 1 && path[len(path)-1] == '/' {
		return path[:len(path)-1]
	}
	return path
}

// PathKey identifies the paths that a [PathMatch] matches: two with one key are equal.
type PathKey struct {
	Type  spec.PathMatchType
	Value string // of a PathPrefix without its final "/", so "" for the root
}

// Key returns the key of the match.
func (m *PathMatch) Key() PathKey {
	if m.Type == spec.PathRegularExpression {
		return PathKey{m.Type, m.Value}
	}
	value := m.Paths.Trim(m.Value)
	if m.Type == spec.PathPrefix {
		value = strings.TrimSuffix(m.Value, "/")
	}
	if m.Paths.IgnoreCase {
		value = strings.ToLower(value)
	}
	return PathKey{m.Type, value}
}

// resolvePaths merges the paths fields of a policy and CORSDefaults.
func resolvePaths(ls layers) Paths {
	field := func(get func(*spec.Paths) *bool) bool {
		value, _ := pick(ls, false, func(l *layer) *bool {
			if l.paths == nil {
				return nil
			}
			return get(l.paths)
		})
		return value
	}
	return Paths{
		IgnoreCase:          field(func(p *spec.Paths) *bool { return p.IgnoreCase }),
		IgnoreTrailingSlash: field(func(p *spec.Paths) *bool { return p.IgnoreTrailingSlash }),
	}
}

// resolveMatch sets which requests a rule matches. l is the rule's layer.
func (r *resolver) resolveMatch(e *Entry, l *layer, m *spec.Match) {
	e.Path = PathMatch{Type: spec.PathPrefix, Value: "/", Paths: e.Policy.Paths}
	if m == nil {
		return
	}
	if m.Methods != nil {
		r.resolveMethods(e, m.Methods)
	}
	if m.Path != nil && !r.resolvePath(e, m.Path) {
		e.invalid = true
	}
	if m.Origins != nil || m.OriginSets != nil {
		r.resolveMatchOrigins(e, l, m)
	}
}

// resolveMatchOrigins sets the origins that a rule matches.
func (r *resolver) resolveMatchOrigins(e *Entry, l *layer, m *spec.Match) {
	from := &Origins{Entries: m.Origins, layer: l, ofMatch: true}
	if len(m.Origins)+len(m.OriginSets) == 0 {
		field := "origins"
		if m.Origins == nil {
			field = "originSets"
		}
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeValueInvalid, Location: at(e.Place("match", field)),
			Message: "is an empty list, and a rule that matches no origin matches nothing",
			Hint:    "leave " + field + " out to match requests of every origin",
		})
		e.invalid = true
		return
	}
	for i, text := range m.Origins {
		place := e.Place("match", "origins").Item(i)
		if text == origin.Any {
			r.report.Fault(spec.Diagnostic{
				Code: spec.CodeOriginInvalid, Location: at(place), Value: text,
				Message: "matches every origin, so the rule is not one for some origins",
				Hint:    `a rule without match.origins, with allowOrigins: ["*"]`,
			})
		} else if p, ok := r.resolvePattern(text, place); ok {
			from.Patterns = append(from.Patterns, OriginPattern{p, text, i})
		}
	}
	for i, name := range m.OriginSets {
		if set := r.resolveSetName(l, name, e.Place("match", "originSets").Item(i)); set != nil {
			from.Sets = append(from.Sets, UsedSet{set, i})
		}
	}
	e.From = from
	if l.origins == nil {
		l.origins = from // it allows exactly the origins that it matches
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
		if e.Path.Regexp != nil && e.Path.Paths.IgnoreCase {
			e.Path.Regexp = regexp.MustCompile("(?i:" + e.Path.Regexp.String() + ")")
		}
		return e.Path.Regexp != nil && r.checkFolded(e, place)
	}
	if !r.checkFolded(e, place) {
		return false
	}
	if fault := urlpath.Check(m.Value); fault != nil {
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodePathInvalid, Location: at(place), Value: m.Value, Message: fault.Message, Hint: fault.Hint,
		})
		return false
	}
	return true
}

// MaxFoldedPath bounds the match.path.value of a policy with paths.ignoreCase, in bytes: that much
// of each request's path is put into lower case.
const MaxFoldedPath = 1024

// checkFolded judges a path that is compared without its case: which letters beyond ASCII an
// application treats as equal is not known.
func (r *resolver) checkFolded(e *Entry, place spec.Place) bool {
	if !e.Path.Paths.IgnoreCase {
		return true
	}
	d := spec.Diagnostic{Code: spec.CodePathInvalid, Location: at(place), Value: e.Path.Value}
	switch {
	case !urlpath.IsASCII(e.Path.Value):
		d.Message = "has characters beyond ASCII, whose case paths.ignoreCase does not know"
		d.Hint = "an expression without them, or a policy without ignoreCase for this host"
	case len(e.Path.Value) > MaxFoldedPath:
		d.Code = spec.CodeLimitExceeded
		d.Message = fmt.Sprintf("is longer than %d bytes, which paths.ignoreCase does not allow", MaxFoldedPath)
		d.Hint = "a shorter prefix"
	default:
		return true
	}
	r.report.Fault(d)
	return false
}
