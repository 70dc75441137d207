package plan

import (
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
	ResourcePolicy  spec.ResourcePolicy // "": unset
	// Conduct has the fields above as levels.
	Conduct Conduct

	// Grants reports whether the following fields are set. It is false for settings that apply
	// if no entry was chosen.
	Grants bool

	// Public is "*" without credentials: the answer is the same for everyone.
	Public              bool
	Credentials         bool
	PrivateNetwork      bool
	ExpandExposeHeaders bool
	TimingAllowOrigin   bool
	Methods             *Names
	Headers             *Names
	Expose              *Names
	MaxAge              string // in seconds; "": not sent
	Presets             string // their names, joined

	From Sources
}

// ExpandsExposed reports whether the names of the response replace the "*" of exposeHeaders. The settings
// must be those of an entry.
func (s *Settings) ExpandsExposed() bool {
	return s.ExpandExposeHeaders && s.Credentials && s.Expose.Any
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
	Enforcement, UpstreamHeaders, Mode, SuccessStatus, DenyStatus, Detail, OriginCheck, ResourcePolicy Layer

	Origins, Methods, Headers, Expose, Credentials, MaxAge, PrivateNetwork, Presets, ExpandExposeHeaders,
	TimingAllowOrigin Layer
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
	s.ResourcePolicy, s.From.ResourcePolicy = pickCORS(ls, "",
		func(c *spec.CORS) *spec.ResourcePolicy { return c.CrossOriginResourcePolicy })
	s.Conduct = s.conduct()
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
	s.TimingAllowOrigin, s.From.TimingAllowOrigin = pickCORS(ls, false,
		func(c *spec.CORS) *bool { return c.TimingAllowOrigin })
	var origins *Origins
	origins, s.From.Origins = pickOrigins(ls)
	s.Public = origins != nil && origins.Any && !s.Credentials

	var presets []spec.Preset
	presets, s.From.Presets = pickPresets(ls)
	s.Presets = joinPresets(presets)
	list := func(kind nameKind, get func(*spec.CORS) *[]string) (*Names, Layer) {
		own, from := pickList(ls, get)
		return r.names.list(kind, own, presets), from
	}
	s.Methods, s.From.Methods = list(methodNames, func(c *spec.CORS) *[]string { return &c.AllowMethods })
	s.Headers, s.From.Headers = list(requestHeaderNames, func(c *spec.CORS) *[]string { return &c.AllowHeaders })
	s.Expose, s.From.Expose = list(exposedNames, func(c *spec.CORS) *[]string { return &c.ExposeHeaders })
	maxAge, from := pickCORS(ls, -1, func(c *spec.CORS) *spec.Seconds { return c.MaxAge })
	if s.From.MaxAge = from; from != LayerBuiltIn {
		s.MaxAge = strconv.FormatInt(int64(maxAge), 10)
	}
}

// shared returns the settings that stand for all that are equal to s.
func (r *resolver) shared(s Settings) *Settings {
	known := r.settings[s]
	if known == nil {
		known = new(s) // and not &s, for which every call would allocate
		r.settings[s] = known
	}
	return known
}

// strictest returns settings that grant nothing, of which each is the strictest of the list.
// They apply if a request can be assigned to none of several entries: otherwise it could leave
// a rule that blocks by a path that fits no rule.
func (r *resolver) strictest(all []*Settings) *Settings { return r.shared(Strictest(all)) }

// Strictest returns settings that grant nothing, of which each is the strictest of the list.
func Strictest(all []*Settings) Settings {
	strict := *all[0]
	strict.withoutGrants()
	for _, s := range all[1:] {
		strict.tighten(s)
	}
	strict.Conduct = strict.conduct()
	return strict
}

// withoutGrants leaves out the settings that grant anything, and their sources.
func (s *Settings) withoutGrants() {
	from := s.From
	*s = Settings{
		Enforcement: s.Enforcement, UpstreamHeaders: s.UpstreamHeaders, Preflight: s.Preflight,
		OriginCheck: s.OriginCheck, ResourcePolicy: s.ResourcePolicy,
		From: Sources{
			Enforcement: from.Enforcement, UpstreamHeaders: from.UpstreamHeaders, Mode: from.Mode,
			SuccessStatus: from.SuccessStatus, DenyStatus: from.DenyStatus, Detail: from.Detail,
			OriginCheck: from.OriginCheck, ResourcePolicy: from.ResourcePolicy,
		},
	}
}

// tighten replaces each setting by the other's if that one is stricter.
func (s *Settings) tighten(other *Settings) {
	from := &other.From
	stricter(&s.Enforcement, &s.From.Enforcement, other.Enforcement, from.Enforcement, enforcements[:])
	stricter(&s.UpstreamHeaders, &s.From.UpstreamHeaders, other.UpstreamHeaders, from.UpstreamHeaders,
		upstreamHeaders[:])
	stricter(&s.Preflight.Mode, &s.From.Mode, other.Preflight.Mode, from.Mode, preflightModes[:])
	stricter(&s.Preflight.Detail, &s.From.Detail, other.Preflight.Detail, from.Detail, preflightDetails[:])
	stricter(&s.OriginCheck, &s.From.OriginCheck, other.OriginCheck, from.OriginCheck, originChecks[:])
	stricter(&s.ResourcePolicy, &s.From.ResourcePolicy, other.ResourcePolicy, from.ResourcePolicy, resourcePolicies[:])
	if other.Preflight.DenyStatus > s.Preflight.DenyStatus {
		s.Preflight.DenyStatus, s.From.DenyStatus = other.Preflight.DenyStatus, from.DenyStatus
	}
}

// stricter replaces a setting and its source if the other comes after it in the order.
func stricter[T comparable](setting *T, source *Layer, other T, from Layer, order []T) {
	if levelOf(other, order) > levelOf(*setting, order) {
		*setting, *source = other, from
	}
}
