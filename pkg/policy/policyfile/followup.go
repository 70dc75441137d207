package policyfile

import (
	"slices"

	"github.com/corsd/corsd/internal/suggest"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// misleads reports whether a finding may only be there because a part of a document could not be
// understood and is missing from the config.
func (r *reader) misleads(d spec.Diagnostic, warning bool) bool {
	if !r.failed {
		return false
	}
	switch d.Code {
	case spec.CodeUnknownReference, spec.CodeNoPolicies:
		if r.lost {
			return true
		}
	}
	doc := r.document(d.Place)
	if doc != nil && doc.covers(d) {
		return true
	}
	if judgesValueAlone(d.Code) {
		return false
	}
	return warning || doc.lacks(turnsOn(d.Code)) ||
		d.Related != nil && r.document(d.Related.Place).lacks(turnsOn(d.Code))
}

// turnsOn returns the fields that decide whether there is such a fault. A broken or misspelt
// one may have been written to prevent it.
func turnsOn(code spec.Code) []string {
	switch code {
	case spec.CodeConflict:
		return []string{"hosts", "cors", "rules", "match", "path", "type", "value", "methods"}
	case spec.CodeTenantUnbound:
		return []string{"hosts"}
	}
	return []string{
		"dangerouslyAllow", "allowCredentials", "allowOrigins", "allowOriginRegexes", "allowOriginSets",
		"allowNullOrigin",
		"exposeHeaders", "expandExposeHeaders", "webSocket", "originCheck", "hosts",
	}
}

// lacks reports whether one of the fields is broken, or may be the one that is misspelt.
func (d *document) lacks(fields []string) bool {
	return d != nil && slices.ContainsFunc(d.broken, func(b brokenPath) bool {
		name := b.path.Last()
		return b.path == spec.Path{}.At("spec") || slices.Contains(fields, name) ||
			b.code == spec.CodeUnknownField && suggest.Nearest(name, fields) != ""
	})
}

// covers reports whether a fault of the form, at the same place, above or below it, explains the
// finding. An unknown field may be the one that is missing.
func (d *document) covers(found spec.Diagnostic) bool {
	path := found.Place.Path
	for _, b := range d.broken {
		if path != (spec.Path{}) && (b.path.Contains(path) || path.Contains(b.path)) {
			return true
		}
		if found.Code == spec.CodeMissingField && b.code == spec.CodeUnknownField && b.path.Parent() == path.Parent() {
			return true
		}
	}
	return false
}

// judgesValueAlone reports whether a finding is true of a value whatever else is
// written. All others may turn on a field that is missing: an allowCredentials
// that was inherited, a danger that was waived, a match that left other paths.
func judgesValueAlone(code spec.Code) bool {
	switch code {
	case spec.CodeOriginInvalid, spec.CodeOriginAnyMixed,
		spec.CodeMethodInvalid, spec.CodeMethodNeverSent, spec.CodeMethodLowerCase,
		spec.CodeHeaderInvalid, spec.CodeHeaderNeverSent,
		spec.CodeMaxAgeOutOfRange, spec.CodeRegexInvalid,
		spec.CodeHostInvalid, spec.CodePathInvalid,
		spec.CodeUnknownReference, spec.CodeDuplicateName,
		spec.CodeMissingField, spec.CodeValueInvalid, spec.CodeLimitExceeded,
		spec.CodeDefaultPort, spec.CodeOriginUpperCase,
		spec.CodeMaxAgeCapped, spec.CodeOriginSetExpired, spec.CodeOriginSetExpiresSoon:
		return true
	default:
		return false
	}
}
