package policy

import (
	"strconv"
)

// settings is everything that a decision needs of the rule that took the request:
// what the layers come to, compiled.
type settings struct {
	*effects
	policy   string // "" for the settings of CORSDefaults
	rule     string
	compiled *compiledPolicy // nil for the settings of CORSDefaults

	origins   *origins // nil where nobody is allowed
	public    bool     // "*" without credentials: the answer is the same for everyone
	reachable bool     // some request could choose it

	// passThrough is unmatchedHosts: PassThrough, on the settings of CORSDefaults.
	passThrough bool
}

// effects are the settings that thousands of rules have in common: those that come
// to the same are one.
type effects struct {
	enforcement     Enforcement
	upstreamHeaders UpstreamHeaders
	preflight       resolvedPreflight
	originCheck     OriginCheck

	credentials    bool
	privateNetwork bool
	expandExpose   bool
	methods        *nameList // nil where there is no cors
	headers        *nameList
	expose         *nameList
	maxAge         string // "": not sent

	from sources
}

type resolvedPreflight struct {
	mode          PreflightMode
	successStatus int
	denyStatus    int
	detail        PreflightDetail
}

// sources says which layer each setting came from.
type sources struct {
	enforcement, upstreamHeaders, mode, successStatus, denyStatus, detail, originCheck Layer

	origins, methods, headers, expose, credentials, maxAge, privateNetwork, presets, expandExpose Layer

	presetNames string // of presets, joined
}

// resolve merges layers. Without cors it leaves out all that grants anything:
// that is what stands where no rule took the request.
func (c *compiler) resolve(ls layers, withCORS bool) *settings {
	s := &settings{effects: &effects{}}
	s.enforcement, s.from.enforcement = pick(ls, EnforcementEnforce, func(l *layer) *Enforcement { return l.enforcement })
	s.upstreamHeaders, s.from.upstreamHeaders = pick(ls, UpstreamOverride, func(l *layer) *UpstreamHeaders { return l.upstreamHeaders })
	s.preflight.mode, s.from.mode = pickPreflight(ls, PreflightAnswer, func(p *Preflight) *PreflightMode { return p.Mode })
	s.preflight.successStatus, s.from.successStatus = pickPreflight(ls, 204, func(p *Preflight) *int { return p.SuccessStatus })
	s.preflight.denyStatus, s.from.denyStatus = pickPreflight(ls, 403, func(p *Preflight) *int { return p.DenyStatus })
	s.preflight.detail, s.from.detail = pickPreflight(ls, DetailFull, func(p *Preflight) *PreflightDetail { return p.Detail })
	s.originCheck, s.from.originCheck = pick(ls, OriginCheckOff, func(l *layer) *OriginCheck {
		if l.webSocket == nil {
			return nil
		}
		return l.webSocket.OriginCheck
	})
	if withCORS {
		c.resolveCORS(s, ls)
	}
	s.effects = c.sharedEffects(s.effects)
	return s
}

// sharedEffects gives the one that stands for all that are equal.
func (c *compiler) sharedEffects(e *effects) *effects {
	if same := c.effects[*e]; same != nil {
		return same
	}
	if c.effects == nil {
		c.effects = map[effects]*effects{}
	}
	c.effects[*e] = e
	return e
}

func (c *compiler) resolveCORS(s *settings, ls layers) {
	s.origins, s.from.origins = originsOf(ls)
	s.credentials, s.from.credentials = pickCORS(ls, false, func(c *CORS) *bool { return c.AllowCredentials })
	s.privateNetwork, s.from.privateNetwork = pickCORS(ls, false, func(c *CORS) *bool { return c.AllowPrivateNetwork })
	s.expandExpose, s.from.expandExpose = pickCORS(ls, false, func(c *CORS) *bool { return c.ExpandExposeHeaders })
	s.public = s.origins != nil && s.origins.any && !s.credentials

	var presets *presetNames
	presets, s.from.presets = pickPresets(ls)
	s.from.presetNames = presets.joined
	s.methods, s.from.methods = c.list(ls, func(c *CORS) []string { return c.AllowMethods }, presets, methodNames)
	s.headers, s.from.headers = c.list(ls, func(c *CORS) []string { return c.AllowHeaders }, presets, requestHeaderNames)
	s.expose, s.from.expose = c.list(ls, func(c *CORS) []string { return c.ExposeHeaders }, presets, exposedNames)

	maxAge, from := pickCORS(ls, -1, func(c *CORS) *Seconds { return c.MaxAge })
	if s.from.maxAge = from; from != LayerBuiltIn {
		s.maxAge = strconv.FormatInt(int64(maxAge), 10)
	}
}

func (c *compiler) list(ls layers, get func(*CORS) []string, presets *presetNames, kind nameKind) (*nameList, Layer) {
	own, from := pickList(ls, get)
	return c.names.list(kind, own, presets), from
}
