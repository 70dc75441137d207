package policy

// Class is what a request is to CORS, judged from the request alone.
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

// String gives the class as metrics, logs and explain write it.
func (c Class) String() string {
	return [numClasses]string{"not_cors", "preflight", "actual", "websocket"}[c]
}

// Classes lists every class.
func Classes() []Class { return list(numClasses) }

// Verdict is what a decision comes to.
type Verdict uint8

// The values of [Verdict].
const (
	// VerdictNone: there was nothing to decide.
	VerdictNone Verdict = iota
	// VerdictAllow: the page may read the answer, or send what it asked for.
	VerdictAllow
	// VerdictDeny: it may not.
	VerdictDeny
	numVerdicts
)

// String gives the verdict as metrics, logs and explain write it.
func (v Verdict) String() string { return [numVerdicts]string{"none", "allow", "deny"}[v] }

// Action is what a decision does to the exchange.
type Action uint8

// The values of [Action].
const (
	// ActionPass touches nothing.
	ActionPass Action = iota
	// ActionContinue lets the request go upstream and changes the response.
	ActionContinue
	// ActionRespond answers in upstream's place.
	ActionRespond
	numActions
)

// String gives the action as explain writes it.
func (a Action) String() string { return [numActions]string{"pass", "continue", "respond"}[a] }

// Reason says why a decision came out as it did. The set is closed; docs/reasons.md
// has a heading for each.
type Reason uint8

// The values of [Reason], in the order in which they are decided.
const (
	// ReasonNoPolicy: no policy names the host.
	ReasonNoPolicy Reason = iota
	// ReasonSelectorUnknown: Envoy asked for a policy or rule that does not exist.
	ReasonSelectorUnknown
	// ReasonOff: enforcement is Off.
	ReasonOff
	// ReasonPathAmbiguous: the path can be read in more than one way.
	ReasonPathAmbiguous
	// ReasonNoRule: no rule of the host takes the path.
	ReasonNoRule
	// ReasonNotCORS: the request has no Origin header.
	ReasonNotCORS
	// ReasonOriginMalformed: Origin is not what a browser sends.
	ReasonOriginMalformed
	// ReasonOriginNull: the origin is null, which is not allowed.
	ReasonOriginNull
	// ReasonOriginNotAllowed: no entry of the policy takes the origin.
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
	// ReasonHeadersTooLarge: more header names are asked for than anyone needs.
	ReasonHeadersTooLarge
	// ReasonHeadersMalformed: Access-Control-Request-Headers is no list of names.
	ReasonHeadersMalformed
	// ReasonAuthorizationNotListed: Authorization is asked for and not named.
	ReasonAuthorizationNotListed
	// ReasonHeaderNotAllowed: a header is asked for that is not in allowHeaders.
	ReasonHeaderNotAllowed
	// ReasonAllowed: the policy allows it.
	ReasonAllowed
	numReasons
)

// String gives the reason as metrics, logs, explain and Envoy's
// %RESPONSE_CODE_DETAILS% (after "corsd_") write it.
func (r Reason) String() string {
	return [numReasons]string{
		"no_policy", "selector_unknown", "off", "path_ambiguous", "no_rule", "not_cors", "origin_malformed",
		"origin_null", "origin_not_allowed", "same_origin", "method_malformed", "method_forbidden", "method_case",
		"method_not_allowed", "headers_too_large", "headers_malformed", "authorization_not_listed",
		"header_not_allowed", "allowed",
	}[r]
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
