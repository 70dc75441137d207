package policyfile

import (
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/internal/suggest"
)

// misleads reports whether something that Compile says may only be there because
// a part of the input could not be understood and is missing from what was
// compiled. Such findings are left out: they would send the reader to a line that
// has nothing wrong. They come back by themselves once the form is right.
func (l *loader) misleads(d policy.Diagnostic, warning bool) bool {
	if !l.failed {
		return false
	}
	switch d.Code {
	case policy.CodeUnknownReference, policy.CodeNoPolicies:
		if l.lost {
			return true
		}
	}
	doc := l.document(d.Place)
	if doc != nil && doc.covers(d) {
		return true
	}
	if judgesValueAlone(d.Code) {
		return false
	}
	return warning || doc.lacks(turnsOn(d.Code)) || d.Related != nil && l.document(*d.Related).lacks(turnsOn(d.Code))
}

// turnsOn gives the fields that decide whether there is such a fault: one that is
// broken or misspelt may have been there to prevent it.
func turnsOn(code policy.Code) []string {
	switch code {
	case policy.CodeConflict:
		return []string{"hosts", "cors", "rules", "match", "path", "type", "value", "methods"}
	case policy.CodeTenantUnbound:
		return []string{"hosts"}
	}
	return []string{
		"dangerouslyAllow", "allowCredentials", "allowOrigins", "allowOriginRegexes", "allowOriginSets", "allowNullOrigin",
		"exposeHeaders", "expandExposeHeaders", "webSocket", "originCheck", "hosts",
	}
}

// lacks reports whether one of the fields is broken, or may be the one that is misspelt.
func (d *document) lacks(fields []string) bool {
	return d != nil && slices.ContainsFunc(d.broken, func(b brokenPath) bool {
		last := b.path[strings.LastIndexByte(b.path, '.')+1:]
		name, _, _ := strings.Cut(last, "[")
		return b.path == "spec" || slices.Contains(fields, name) ||
			b.code == policy.CodeUnknownField && suggest.Nearest(name, fields) != ""
	})
}

// covers reports whether a fault of the form, at the same place, above or below
// it, explains the finding. An unknown field may be the one that is missing.
func (d *document) covers(found policy.Diagnostic) bool {
	path := found.Place.Path
	for _, b := range d.broken {
		if path != "" && (b.path == path || isBelow(b.path, path) || isBelow(path, b.path)) {
			return true
		}
		if found.Code == policy.CodeMissingField && b.code == policy.CodeUnknownField && parent(b.path) == parent(path) {
			return true
		}
	}
	return false
}

func isBelow(path, above string) bool {
	rest, found := strings.CutPrefix(path, above)
	return found && rest != "" && (above == "" || rest[0] == '.' || rest[0] == '[')
}

func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// judgesValueAlone reports whether a finding is true of a value whatever else is
// written. All others may turn on a field that is missing: an allowCredentials
// that was inherited, a danger that was waived, a match that left other paths.
func judgesValueAlone(code policy.Code) bool {
	switch code {
	case policy.CodeOriginInvalid, policy.CodeOriginAnyMixed,
		policy.CodeMethodInvalid, policy.CodeMethodForbidden,
		policy.CodeHeaderInvalid, policy.CodeHeaderForbidden,
		policy.CodeMaxAgeOutOfRange, policy.CodeRegexInvalid,
		policy.CodeHostInvalid, policy.CodePathInvalid,
		policy.CodeUnknownReference, policy.CodeDuplicateName,
		policy.CodeMissingField, policy.CodeValueInvalid, policy.CodeLimitExceeded,
		policy.CodeDefaultPort, policy.CodeOriginUpperCase,
		policy.CodeMaxAgeCapped, policy.CodeOriginSetExpired:
		return true
	default:
		return false
	}
}
