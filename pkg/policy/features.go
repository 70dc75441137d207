package policy

import (
	"slices"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Feature is a setting that not every profile of Envoy can carry out.
type Feature string

// The features.
const (
	FeatureBlock               Feature = "enforcement: Block"
	FeatureWebSocketCheck      Feature = "webSocket.originCheck: Enforce"
	FeaturePreserve            Feature = "upstreamHeaders: Preserve"
	FeatureMerge               Feature = "upstreamHeaders: Merge"
	FeatureExpandExposeHeaders Feature = "expandExposeHeaders"
	FeatureExposeFamilies      Feature = "exposeHeaders with a family"
	FeatureForward             Feature = "preflight.mode: Forward"
)

// Uses returns the names of the policies that use a feature, themselves or in a rule.
// CORSDefaults is among them for the hosts that no policy names, if those are denied.
func (e *Engine) Uses(f Feature) []string {
	x := e.tables()
	var names []string
	if !x.PassThrough && uses(x.Settings[x.Unmatched], f) {
		names = append(names, string(spec.KindDefaults))
	}
	for i := range x.Policies {
		p := &x.Policies[i]
		used := uses(x.Settings[p.Unchosen], f)
		if p.Own >= 0 {
			used = used || uses(x.Settings[x.Entries[p.Own].Settings], f)
		}
		for _, e := range x.Rules(p) {
			used = used || uses(x.Settings[e.Settings], f)
		}
		if used && !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

func uses(s *plan.Settings, f Feature) bool {
	switch f {
	case FeatureBlock:
		return s.Enforcement == spec.EnforcementBlock
	case FeatureWebSocketCheck:
		return s.OriginCheck == spec.OriginCheckEnforce
	case FeaturePreserve:
		return s.UpstreamHeaders == spec.UpstreamPreserve
	case FeatureMerge:
		return s.UpstreamHeaders == spec.UpstreamMerge
	case FeatureExpandExposeHeaders:
		return s.Grants && s.ExpandsExposed()
	case FeatureExposeFamilies:
		return s.Grants && len(s.Expose.Families) > 0
	case FeatureForward:
		return s.Preflight.Mode == spec.PreflightForward
	}
	return false
}
