package plan

import (
	"slices"
	"strconv"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Settings are the effective settings of an entry, merged from its layers, except its origins.
// Equal settings of a [Plan] are one, so they can be compared by their address.
type Settings struct {
	Enforcement     spec.Enforcement
	UpstreamHeaders spec.UpstreamHeaders
	Preflight       Preflight
	OriginCheck     spec.OriginCheck

	// Grants reports whether the following fields are set. It is false for settings that apply
	// if no entry was chosen.
	Grants bool

	// Public is "*" without credentials: the answer is the same for everyone.
	Public              bool
	Credentials         bool
	PrivateNetwork      bool
	ExpandExposeHeaders bool
	Methods             *Names
	Headers             *Names
	Expose              *Names
	MaxAge              string // in seconds; "": not sent
	Presets             string // their names, joined

	From Sources
}

// Preflight has the effective settings of preflights.
type Preflight struct {
	Mode          spec.PreflightMode
	SuccessStatus int
	DenyStatus    int
	Detail        spec.PreflightDetail
}

// Sources are the layers that the settings came from.
type Sources struct {
	Enforcement, UpstreamHeaders, Mode, SuccessStatus, DenyStatus, Detail, OriginCheck Layer

	Origins, Methods, Headers, Expose, Credentials, MaxAge, PrivateNetwork, Presets, ExpandExposeHeaders Layer
}

// merge merges layers. Without cors it leaves out everything that grants anything.
func (r *resolver) merge(ls layers, withCORS bool) *Settings {
	var s Settings
	s.Enforcement, s.From.Enforcement = pick(ls, spec.EnforcementEnforce,
		func(l *layer) *spec.Enforcement { return l.enforcement })
	s.UpstreamHeaders, s.From.UpstreamHeaders = pick(ls, spec.UpstreamOverride,
		func(l *layer) *spec.UpstreamHeaders { return l.upstreamHeaders })
	p := &s.Preflight
	p.Mode, s.From.Mode = pickPreflight(ls, spec.PreflightAnswer,
		func(p *spec.Preflight) *spec.PreflightMode { return p.Mode })
	p.SuccessStatus, s.From.SuccessStatus = pickPreflight(ls, 204,
		func(p *spec.Preflight) *int { return p.SuccessStatus })
	p.DenyStatus, s.From.DenyStatus = pickPreflight(ls, 403, func(p *spec.Preflight) *int { return p.DenyStatus })
	p.Detail, s.From.Detail = pickPreflight(ls, spec.DetailFull,
		func(p *spec.Preflight) *spec.PreflightDetail { return p.Detail })
	s.OriginCheck, s.From.OriginCheck = pick(ls, spec.OriginCheckDisabled, func(l *layer) *spec.OriginCheck {
		if l.webSocket == nil {
			return nil
		}
		return l.webSocket.OriginCheck
	})
	if withCORS {
		r.mergeCORS(&s, ls)
	}
	return r.shared(s)
}

func (r *resolver) mergeCORS(s *Settings, ls layers) {
	s.Grants = true
	s.Credentials, s.From.Credentials = pickCORS(ls, false, func(c *spec.CORS) *bool { return c.AllowCredentials })
	s.PrivateNetwork, s.From.PrivateNetwork = pickCORS(ls, false,
		func(c *spec.CORS) *bool { return c.AllowPrivateNetwork })
	s.ExpandExposeHeaders, s.From.ExpandExposeHeaders = pickCORS(ls, false,
		func(c *spec.CORS) *bool { return c.ExpandExposeHeaders })
	var origins *Origins
	origins, s.From.Origins = pickOrigins(ls)
	s.Public = origins != nil && origins.Any && !s.Credentials

	var presets []spec.Preset
	presets, s.From.Presets = pickPresets(ls)
	s.Presets = joinPresets(presets)
	list := func(kind nameKind, get func(*spec.CORS) []string) (*Names, Layer) {
		own, from := pickList(ls, get)
		return r.names.list(kind, own, presets), from
	}
	s.Methods, s.From.Methods = list(methodNames, func(c *spec.CORS) []string { return c.AllowMethods })
	s.Headers, s.From.Headers = list(requestHeaderNames, func(c *spec.CORS) []string { return c.AllowHeaders })
	s.Expose, s.From.Expose = list(exposedNames, func(c *spec.CORS) []string { return c.ExposeHeaders })
	maxAge, from := pickCORS(ls, -1, func(c *spec.CORS) *spec.Seconds { return c.MaxAge })
	if s.From.MaxAge = from; from != LayerBuiltIn {
		s.MaxAge = strconv.FormatInt(int64(maxAge), 10)
	}
}

// shared returns the settings that stand for all that are equal to s.
func (r *resolver) shared(s Settings) *Settings {
	known := r.settings[s]
	if known == nil {
		known = &s
		r.settings[s] = known
	}
	return known
}

// strictest returns settings that grant nothing, of which each is the strictest of the list.
// They apply if a request can be assigned to none of several entries: otherwise it could leave
// a rule that blocks by a path that fits no rule.
func (r *resolver) strictest(all []*Settings) *Settings {
	strict := Settings{
		Enforcement: all[0].Enforcement, UpstreamHeaders: all[0].UpstreamHeaders, Preflight: all[0].Preflight,
		OriginCheck: all[0].OriginCheck, From: all[0].From.unchosen(),
	}
	for _, s := range all[1:] {
		strict.tighten(s)
	}
	return r.shared(strict)
}

// unchosen leaves out the sources of the settings that grant anything.
func (f Sources) unchosen() Sources {
	return Sources{
		Enforcement: f.Enforcement, UpstreamHeaders: f.UpstreamHeaders, Mode: f.Mode, SuccessStatus: f.SuccessStatus,
		DenyStatus: f.DenyStatus, Detail: f.Detail, OriginCheck: f.OriginCheck,
	}
}

// tighten replaces each setting by the other's if that one is stricter.
func (s *Settings) tighten(other *Settings) {
	from := &other.From
	if isStricter(other.Enforcement, s.Enforcement,
		spec.EnforcementDisabled, spec.EnforcementShadow, spec.EnforcementEnforce, spec.EnforcementBlock) {
		s.Enforcement, s.From.Enforcement = other.Enforcement, from.Enforcement
	}
	if isStricter(other.UpstreamHeaders, s.UpstreamHeaders,
		spec.UpstreamPreserve, spec.UpstreamMerge, spec.UpstreamOverride) {
		s.UpstreamHeaders, s.From.UpstreamHeaders = other.UpstreamHeaders, from.UpstreamHeaders
	}
	if isStricter(other.Preflight.Mode, s.Preflight.Mode, spec.PreflightForward, spec.PreflightAnswer) {
		s.Preflight.Mode, s.From.Mode = other.Preflight.Mode, from.Mode
	}
	if other.Preflight.DenyStatus > s.Preflight.DenyStatus {
		s.Preflight.DenyStatus, s.From.DenyStatus = other.Preflight.DenyStatus, from.DenyStatus
	}
	if isStricter(other.Preflight.Detail, s.Preflight.Detail, spec.DetailFull, spec.DetailMinimal) {
		s.Preflight.Detail, s.From.Detail = other.Preflight.Detail, from.Detail
	}
	if isStricter(other.OriginCheck, s.OriginCheck, spec.OriginCheckDisabled, spec.OriginCheckEnforce) {
		s.OriginCheck, s.From.OriginCheck = other.OriginCheck, from.OriginCheck
	}
}

// isStricter reports whether a comes after b in an order from lax to strict.
func isStricter[T comparable](a, b T, order ...T) bool {
	return slices.Index(order, a) > slices.Index(order, b)
}
