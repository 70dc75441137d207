package policyfile

import (
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy"
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
	return warning || doc.hasBrokenSpec() || d.Related != nil && l.document(*d.Related).hasBrokenSpec()
}

// hasBrokenSpec reports whether a fault of the form is within the spec. One in the
// envelope, such as a missing name, leaves what the spec means as it is.
func (d *document) hasBrokenSpec() bool {
	return d != nil && slices.ContainsFunc(d.broken, func(b brokenPath) bool {
		return b.path == "spec" || isBelow(b.path, "spec")
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
