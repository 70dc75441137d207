package policy

import "slices"

// Late gives the decision for a request that has gone upstream already: nothing
// can be answered in upstream's place any more, so what was to be blocked is
// refused in the response, by the browser, and a WebSocket handshake passes.
func (d Decision) Late() Decision {
	switch {
	case d.Action != ActionRespond:
	case d.Class == ClassWebSocket:
		d.Action = ActionPass
	default:
		d.Action = ActionContinue
	}
	return d
}

// Feature is a setting that not every way of asking for decisions can carry out.
type Feature string

// The features.
const (
	FeatureBlock               Feature = "enforcement: Block"
	FeatureWebSocketCheck      Feature = "webSocket.originCheck: Enforce"
	FeaturePreserve            Feature = "upstreamHeaders: Preserve"
	FeatureMerge               Feature = "upstreamHeaders: Merge"
	FeatureExpandExposeHeaders Feature = "expandExposeHeaders"
	FeatureForward             Feature = "preflight.mode: Forward"
)

// Uses gives the policies that use a feature, themselves or in a rule.
//
// CORSDefaults stands for the hosts that no policy names, if those are denied.
func (e *Engine) Uses(f Feature) []string {
	var names []string
	if u := &e.settings[e.unmatched]; !u.passThrough && e.effects[u.effects].uses(f) {
		names = append(names, string(KindDefaults))
	}
	for i := range e.policies.list {
		if p := &e.policies.list[i]; slices.ContainsFunc(part(e.settings, p.settings), func(s settings) bool { return e.effects[s.effects].uses(f) }) {
			names = append(names, e.text.At(p.name))
		}
	}
	return names
}

func (s *effects) uses(f Feature) bool {
	switch f {
	case FeatureBlock:
		return s.enforcement == EnforcementBlock
	case FeatureWebSocketCheck:
		return s.originCheck == OriginCheckEnforce
	case FeaturePreserve:
		return s.upstreamHeaders == UpstreamPreserve
	case FeatureMerge:
		return s.upstreamHeaders == UpstreamMerge
	case FeatureExpandExposeHeaders:
		return s.expandExpose && s.expose.any && s.credentials
	case FeatureForward:
		return s.preflight.mode == PreflightForward
	}
	return false
}
