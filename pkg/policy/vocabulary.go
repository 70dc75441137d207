package policy

// Class is the kind of request in the terms of CORS, judged from the request alone.
type Class uint8

// The values of [Class].
const (
	// ClassNotCORS is a request without an Origin header.
	ClassNotCORS Class = iota
	// ClassPreflight is OPTIONS with a non-empty Origin and a non-empty
	// Access-Control-Request-Method.
	ClassPreflight
	// ClassActual is any other request with an Origin header, be it empty.
	ClassActual
	// ClassWebSocket is a WebSocket handshake with an Origin header.
	ClassWebSocket
	numClasses
)

// String returns the class as metrics, logs and explain write it.
func (c Class) String() string { return word(c, "not_cors", "preflight", "actual", "websocket") }

// Classes lists every class.
func Classes() []Class { return list(numClasses) }

// Verdict is the result of a decision.
type Verdict uint8

// The values of [Verdict].
const (
	// VerdictNone: there was nothing to decide.
	VerdictNone Verdict = iota
	// VerdictAllow: the page may read the answer, or send the request that its preflight asked about.
	VerdictAllow
	// VerdictDeny: it may not.
	VerdictDeny
	numVerdicts
)

// String returns the verdict as metrics, logs and explain write it.
func (v Verdict) String() string { return word(v, "none", "allow", "deny") }

// Verdicts lists every verdict.
func Verdicts() []Verdict { return list(numVerdicts) }

// Reason is why a decision has its verdict. The set is closed; docs/reasons.md has a heading
// for each.
type Reason uint8

// The values of [Reason], in the order in which they are decided.
const (
	// ReasonNoPolicy: no policy names the host.
	ReasonNoPolicy Reason = iota
	// ReasonSelectorUnknown: Envoy selects a policy or rule that does not exist.
	ReasonSelectorUnknown
	// ReasonDisabled: enforcement is Disabled.
	ReasonDisabled
	// ReasonPathAmbiguous: the path can be read in more than one way.
	ReasonPathAmbiguous
	// ReasonNoRule: no rule of the host matches the path.
	ReasonNoRule
	// ReasonNotCORS: the request has no Origin header.
	ReasonNotCORS
	// ReasonOriginMalformed: Origin is not what a browser sends.
	ReasonOriginMalformed
	// ReasonOriginNull: the origin is null, which is not allowed.
	ReasonOriginNull
	// ReasonOriginNotAllowed: no entry of the policy allows the origin.
	ReasonOriginNotAllowed
	// ReasonSameOrigin: the page has the origin of the host itself.
	ReasonSameOrigin
	// ReasonMethodMalformed: Access-Control-Request-Method is not one method.
	ReasonMethodMalformed
	// ReasonMethodForbidden: the method is CONNECT, TRACE or TRACK.
	ReasonMethodForbidden
	// ReasonMethodCase: the method would pass in another case.
	ReasonMethodCase
	// ReasonMethodNotAllowed: the method is not in allowMethods.
	ReasonMethodNotAllowed
	// ReasonHeadersTooLarge: Access-Control-Request-Headers is larger than any page needs.
	ReasonHeadersTooLarge
	// ReasonHeadersMalformed: Access-Control-Request-Headers is not a list of names.
	ReasonHeadersMalformed
	// ReasonAuthorizationNotListed: Authorization is requested and not listed.
	ReasonAuthorizationNotListed
	// ReasonHeaderNotAllowed: a requested header is not in allowHeaders.
	ReasonHeaderNotAllowed
	// ReasonAllowed: the policy allows it.
	ReasonAllowed
	numReasons
)

// String returns the reason as metrics, logs, explain and Envoy's
// %RESPONSE_CODE_DETAILS% (after "corsd_") write it.
func (r Reason) String() string {
	return word(r,
		"no_policy", "selector_unknown", "disabled", "path_ambiguous", "no_rule", "not_cors", "origin_malformed",
		"origin_null", "origin_not_allowed", "same_origin", "method_malformed", "method_forbidden", "method_case",
		"method_not_allowed", "headers_too_large", "headers_malformed", "authorization_not_listed",
		"header_not_allowed", "allowed",
	)
}

// Reasons lists every reason, in the order in which they are decided.
func Reasons() []Reason { return list(numReasons) }

func list[T ~uint8](end T) []T {
	values := make([]T, end)
	for i := range values {
		values[i] = T(i)
	}
	return values
}

// word returns the word of a value of a closed set.
func word[T ~uint8](v T, words ...string) string {
	if int(v) < len(words) {
		return words[v]
	}
	return "unknown"
}
