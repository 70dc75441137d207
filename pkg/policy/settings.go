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
	s, e := &settings{}, effects{}
	e.enforcement, e.from.enforcement = pick(ls, EnforcementEnforce, func(l *layer) *Enforcement { return l.enforcement })
	e.upstreamHeaders, e.from.upstreamHeaders = pick(ls, UpstreamOverride, func(l *layer) *UpstreamHeaders { return l.upstreamHeaders })
	e.preflight.mode, e.from.mode = pickPreflight(ls, PreflightAnswer, func(p *Preflight) *PreflightMode { return p.Mode })
	e.preflight.successStatus, e.from.successStatus = pickPreflight(ls, 204, func(p *Preflight) *int { return p.SuccessStatus })
	e.preflight.denyStatus, e.from.denyStatus = pickPreflight(ls, 403, func(p *Preflight) *int { return p.DenyStatus })
	e.preflight.detail, e.from.detail = pickPreflight(ls, DetailFull, func(p *Preflight) *PreflightDetail { return p.Detail })
	e.originCheck, e.from.originCheck = pick(ls, OriginCheckOff, func(l *layer) *OriginCheck {
		if l.webSocket == nil {
			return nil
		}
		return l.webSocket.OriginCheck
	})
	if withCORS {
		c.resolveCORS(s, &e, ls)
	}
	s.effects = c.sharedEffects(e)
	return s
}

// sharedEffects gives the one that stands for all that are equal.
func (c *compiler) sharedEffects(e effects) *effects {
	same := c.effects[e]
	if same == nil {
		if c.effects == nil {
			c.effects = map[effects]*effects{}
		}
		same = new(e) // and not &e, which would be made anew for every rule
		c.effects[e] = same
	}
	return same
}

func (c *compiler) resolveCORS(s *settings, e *effects, ls layers) {
	s.origins, e.from.origins = originsOf(ls)
	e.credentials, e.from.credentials = pickCORS(ls, false, func(c *CORS) *bool { return c.AllowCredentials })
	e.privateNetwork, e.from.privateNetwork = pickCORS(ls, false, func(c *CORS) *bool { return c.AllowPrivateNetwork })
	e.expandExpose, e.from.expandExpose = pickCORS(ls, false, func(c *CORS) *bool { return c.ExpandExposeHeaders })
	s.public = s.origins != nil && s.origins.any && !e.credentials

	var presets *presetNames
	presets, e.from.presets = pickPresets(ls)
	e.from.presetNames = presets.joined
	e.methods, e.from.methods = c.list(ls, func(c *CORS) []string { return c.AllowMethods }, presets, methodNames)
	e.headers, e.from.headers = c.list(ls, func(c *CORS) []string { return c.AllowHeaders }, presets, requestHeaderNames)
	e.expose, e.from.expose = c.list(ls, func(c *CORS) []string { return c.ExposeHeaders }, presets, exposedNames)

	maxAge, from := pickCORS(ls, -1, func(c *CORS) *Seconds { return c.MaxAge })
	if e.from.maxAge = from; from != LayerBuiltIn {
		e.maxAge = strconv.FormatInt(int64(maxAge), 10)
	}
}

func (c *compiler) list(ls layers, get func(*CORS) []string, presets *presetNames, kind nameKind) (*nameList, Layer) {
	own, from := pickList(ls, get)
	return c.names.list(kind, own, presets), from
}
