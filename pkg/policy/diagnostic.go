package policy

import (
	"fmt"
	"strings"
)

// Code names a kind of fault or warning. The set is closed.
type Code string

// The codes of faults. A policy with any of them is refused.
const (
	CodeAnyOriginWithCredentials  Code = "any_origin_with_credentials"
	CodeNullOriginWithCredentials Code = "null_origin_with_credentials"
	CodePublicSuffix              Code = "public_suffix"
	CodeInsecureOrigin            Code = "insecure_origin"
	CodeExposeAnyWithCredentials  Code = "expose_any_with_credentials"
	CodeOriginInvalid             Code = "origin_invalid"
	CodeOriginAnyMixed            Code = "origin_any_mixed"
	CodeWebSocketAnyOrigin        Code = "websocket_any_origin"
	CodeMethodInvalid             Code = "method_invalid"
	CodeMethodForbidden           Code = "method_forbidden"
	CodeHeaderInvalid             Code = "header_invalid"
	CodeHeaderForbidden           Code = "header_forbidden"
	CodeMaxAgeOutOfRange          Code = "max_age_out_of_range"
	CodeRegexInvalid              Code = "regex_invalid"
	CodeRegexUnsafe               Code = "regex_unsafe"
	CodeHostInvalid               Code = "host_invalid"
	CodePathInvalid               Code = "path_invalid"
	CodeConflict                  Code = "conflict"
	CodeUnknownReference          Code = "unknown_reference"
	CodeDuplicateName             Code = "duplicate_name"
	CodeTenantUnbound             Code = "tenant_unbound"
	CodeNoPolicies                Code = "no_policies"
	CodeMissingField              Code = "missing_field"
	CodeValueInvalid              Code = "value_invalid"
	CodeLimitExceeded             Code = "limit_exceeded"
)

// The codes of faults that only a document can have, never a value of this
// package's types. Package policyfile reports them.
const (
	CodeSourceUnreadable Code = "source_unreadable"
	CodeUnknownField     Code = "unknown_field"
	CodeDuplicateField   Code = "duplicate_field"
	CodeWrongType        Code = "wrong_type"
	CodeUnknownKind      Code = "unknown_kind"
	CodeUnknownVersion   Code = "unknown_version"
	CodeSyntax           Code = "syntax"
)

// The codes of warnings.
const (
	CodeDefaultPort             Code = "default_port"
	CodeOriginUpperCase         Code = "origin_upper_case"
	CodeMaxAgeCapped            Code = "max_age_capped"
	CodeMaxAgeUnused            Code = "max_age_unused"
	CodeRuleUnreachable         Code = "rule_unreachable"
	CodeOwnCORSShadowed         Code = "own_cors_shadowed"
	CodeOriginSetExpired        Code = "origin_set_expired"
	CodeOriginSetUnused         Code = "origin_set_unused"
	CodeAuthorizationNotCovered Code = "authorization_not_covered"
	CodeSubdomainTakeover       Code = "subdomain_takeover"
)

// Kind is the kind of a document.
type Kind string

// The kinds of documents that [Compile] reads.
const (
	KindPolicy    Kind = "CORSPolicy"
	KindOriginSet Kind = "OriginSet"
	KindDefaults  Kind = "CORSDefaults"
)

// Place is where in the input of [Compile] something stands.
type Place struct {
	// Kind and Index name the document: Index counts from 0 within the slice of
	// [Config] that holds documents of this kind.
	Kind  Kind
	Index int

	// Path leads to the value within the document, such as
	// spec.rules[0].cors.allowOrigins[2]. Where the value is missing it leads to
	// where it should stand. "" means the document itself.
	Path string
}

// Diagnostic is one fault or one warning.
type Diagnostic struct {
	Code Code

	// Place is where the value stands. It is the zero Place where the fault is of
	// the input as a whole.
	Place Place

	// Value is the offending value as written, "" where there is none.
	Value string

	// Message says what is wrong, Hint what to write instead ("" where there is
	// nothing to suggest). Both are one line of English without a final stop.
	Message string
	Hint    string

	// Related is the other place that a fault is about, nil where there is none:
	// the other side of a conflict, the first use of a name.
	Related *Place
}

// Error gives the diagnostic in one line: path, value, message, code and hint.
func (d Diagnostic) Error() string {
	var b strings.Builder
	if d.Place.Kind != "" {
		fmt.Fprintf(&b, "%s[%d] ", d.Place.Kind, d.Place.Index)
	}
	if d.Place.Path != "" {
		fmt.Fprintf(&b, "%s: ", d.Place.Path)
	}
	if d.Value != "" {
		fmt.Fprintf(&b, "%q ", d.Value)
	}
	fmt.Fprintf(&b, "%s (%s)", d.Message, d.Code)
	if d.Hint != "" {
		fmt.Fprintf(&b, "; hint: %s", d.Hint)
	}
	return b.String()
}

// Faults is every fault of one input, in the order of their places. It is the
// error that [Compile] returns.
type Faults []Diagnostic

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, d := range f {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}
