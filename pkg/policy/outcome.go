package policy

// Outcome is the effect of a decision on the exchange. It is computed once, by [Engine.Decide], and
// everything that writes an answer reads it. The set is closed.
type Outcome uint8

// The values of [Outcome].
const (
	// Untouched: request and response pass as they are.
	Untouched Outcome = iota
	// PreflightGranted: the preflight is answered and granted.
	PreflightGranted
	// PreflightExplained: the preflight is answered and refused, with what is allowed, so that
	// the browser's console names what is missing.
	PreflightExplained
	// PreflightRefused: the preflight is answered and refused, without CORS headers.
	PreflightRefused
	// Blocked: the request is answered 403 in upstream's place.
	Blocked
	// Granted: the request goes upstream, and the response lets the page read it.
	Granted
	// NotGranted: the request goes upstream, and the response lets no page read it.
	NotGranted
)

// Action is the part of an [Outcome] that Envoy needs to know first.
type Action uint8

// The values of [Action].
const (
	// ActionPass touches nothing.
	ActionPass Action = iota
	// ActionContinue lets the request go upstream and edits the response.
	ActionContinue
	// ActionRespond answers in upstream's place.
	ActionRespond
)

// String returns the action as explain writes it.
func (a Action) String() string { return word(a, "pass", "continue", "respond") }

// Action returns what happens to the request.
func (o Outcome) Action() Action {
	switch o {
	case PreflightGranted, PreflightExplained, PreflightRefused, Blocked:
		return ActionRespond
	case Granted, NotGranted:
		return ActionContinue
	}
	return ActionPass
}

// late returns the outcome for a request that has gone upstream already: nothing can be answered
// in upstream's place any more, so what was to be blocked is refused in the response, by the
// browser, and a WebSocket handshake passes.
func (o Outcome) late(c Class) Outcome {
	switch {
	case o.Action() != ActionRespond:
		return o
	case c == ClassWebSocket:
		return Untouched
	case o == PreflightGranted:
		return Granted
	}
	return NotGranted
}
