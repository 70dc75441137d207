package plan

import (
	"slices"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Conduct has the settings that apply to a request whether an entry was chosen or not. The levels
// of each field are in the order from lax to strict, so that the stricter one is the greater.
type Conduct struct {
	Enforcement     Level
	UpstreamHeaders Level
	Mode            Level
	Detail          Level
	OriginCheck     Level
	ResourcePolicy  Level
	DenyStatus      uint16
}

// Level is the place of a value in the order of a field of [Conduct].
type Level uint8

// The levels that decisions compare.
const (
	Disabled Level = iota // of Enforcement
	Shadow
	Enforce
	Block

	Preserve Level = 0 // of UpstreamHeaders
	Merge    Level = 1
	Forward  Level = 0 // of Mode
	Full     Level = 0 // of Detail
	Check    Level = 1 // of OriginCheck
	NoPolicy Level = 1 // of ResourcePolicy: upstream's header is not changed
)

// The values of each level. The orders are those in which a request that belongs to none of
// several entries is judged.
var (
	enforcements = [...]spec.Enforcement{
		spec.EnforcementDisabled, spec.EnforcementShadow, spec.EnforcementEnforce, spec.EnforcementBlock,
	}
	upstreamHeaders  = [...]spec.UpstreamHeaders{spec.UpstreamPreserve, spec.UpstreamMerge, spec.UpstreamOverride}
	preflightModes   = [...]spec.PreflightMode{spec.PreflightForward, spec.PreflightAnswer}
	preflightDetails = [...]spec.PreflightDetail{spec.DetailFull, spec.DetailMinimal}
	originChecks     = [...]spec.OriginCheck{spec.OriginCheckDisabled, spec.OriginCheckEnforce}
	resourcePolicies = [...]spec.ResourcePolicy{
		spec.ResourceCrossOrigin, "", spec.ResourceSameSite, spec.ResourceSameOrigin,
	}
)

// conduct returns the levels of the settings.
func (s *Settings) conduct() Conduct {
	return Conduct{
		Enforcement:     levelOf(s.Enforcement, enforcements[:]),
		UpstreamHeaders: levelOf(s.UpstreamHeaders, upstreamHeaders[:]),
		Mode:            levelOf(s.Preflight.Mode, preflightModes[:]),
		Detail:          levelOf(s.Preflight.Detail, preflightDetails[:]),
		OriginCheck:     levelOf(s.OriginCheck, originChecks[:]),
		ResourcePolicy:  levelOf(s.ResourcePolicy, resourcePolicies[:]),
		DenyStatus:      uint16(s.Preflight.DenyStatus),
	}
}

// levelOf returns the level of a value, 0 if it is not one: that is a fault, and nothing is decided.
func levelOf[T comparable](value T, order []T) Level {
	return Level(max(slices.Index(order, value), 0))
}

// Strictest returns the stricter of each field.
func (c Conduct) Strictest(other Conduct) Conduct {
	return Conduct{
		Enforcement:     max(c.Enforcement, other.Enforcement),
		UpstreamHeaders: max(c.UpstreamHeaders, other.UpstreamHeaders),
		Mode:            max(c.Mode, other.Mode),
		Detail:          max(c.Detail, other.Detail),
		OriginCheck:     max(c.OriginCheck, other.OriginCheck),
		ResourcePolicy:  max(c.ResourcePolicy, other.ResourcePolicy),
		DenyStatus:      max(c.DenyStatus, other.DenyStatus),
	}
}

// EnforcementValue returns the value of the field Enforcement.
func (c Conduct) EnforcementValue() spec.Enforcement { return enforcements[c.Enforcement] }

// UpstreamHeadersValue returns the value of the field UpstreamHeaders.
func (c Conduct) UpstreamHeadersValue() spec.UpstreamHeaders {
	return upstreamHeaders[c.UpstreamHeaders]
}

// ResourcePolicyValue returns the value of the field ResourcePolicy, "" if it is unset.
func (c Conduct) ResourcePolicyValue() spec.ResourcePolicy { return resourcePolicies[c.ResourcePolicy] }
