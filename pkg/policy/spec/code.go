package spec

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
	CodeHeaderInvalid             Code = "header_invalid"
	CodeMaxAgeOutOfRange          Code = "max_age_out_of_range"
	CodeRegexInvalid              Code = "regex_invalid"
	CodeRegexDead                 Code = "regex_dead"
	CodeRegexUnbounded            Code = "regex_unbounded"
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

// The codes of faults that only the text of a document can have, never a value of the types
// of this package. Package policyfile reports them.
const (
	CodeSourceUnreadable Code = "source_unreadable"
	CodeUnknownField     Code = "unknown_field"
	CodeDuplicateField   Code = "duplicate_field"
	CodeWrongType        Code = "wrong_type"
	CodeUnknownKind      Code = "unknown_kind"
	CodeUnknownVersion   Code = "unknown_version"
	CodeSyntax           Code = "syntax"
)

// The codes of faults that only a resource of a cluster can have: a host that its namespace may not name, and a target
// that does not exist or that no Gateway sends requests to.
const (
	CodeHostNotGranted Code = "host_not_granted"
	CodeTargetNotFound Code = "target_not_found"
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
	CodeRedundantRegex          Code = "redundant_regex"
	CodeHeaderNeverSent         Code = "header_never_sent"
	CodeMethodNeverSent         Code = "method_never_sent"
	CodeMethodLowerCase         Code = "method_lower_case"
	CodeGrantsNobody            Code = "grants_nobody"
	CodeRuleNeverRefuses        Code = "rule_never_refuses"
	CodeResourcePolicyStatic    Code = "resource_policy_static"
	CodeOriginSetExpiresSoon    Code = "origin_set_expires_soon"
	CodeDirectoryIgnored        Code = "directory_ignored"
	CodeRegexBranchDead         Code = "regex_branch_dead"
	CodeRulePartlyShadowed      Code = "rule_partly_shadowed"
)

// WarningCodes lists the codes of warnings, which a policy can acknowledge.
func WarningCodes() []Code {
	return []Code{
		CodeDefaultPort, CodeOriginUpperCase, CodeMaxAgeCapped, CodeMaxAgeUnused,
		CodeRuleUnreachable, CodeOwnCORSShadowed, CodeOriginSetExpired, CodeOriginSetUnused,
		CodeAuthorizationNotCovered, CodeSubdomainTakeover, CodeRedundantRegex, CodeHeaderNeverSent,
		CodeMethodNeverSent, CodeMethodLowerCase, CodeGrantsNobody, CodeRuleNeverRefuses,
		CodeResourcePolicyStatic, CodeOriginSetExpiresSoon, CodeDirectoryIgnored,
		CodeRegexBranchDead, CodeRulePartlyShadowed,
	}
}

// Kind is the kind of a document.
type Kind string

// The kinds of documents. A CORSTest has test cases, and is not part of a [Config].
const (
	KindPolicy    Kind = "CORSPolicy"
	KindOriginSet Kind = "OriginSet"
	KindDefaults  Kind = "CORSDefaults"
	KindTest      Kind = "CORSTest"
)
