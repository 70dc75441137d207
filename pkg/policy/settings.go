package policy

import (
	"strconv"

	"github.com/corsd/corsd/pkg/policy/internal/index"
)

// settings is a rule, a policy's own cors, or what stands where neither took the
// request. An engine has one for each rule; none has a pointer.
type settings struct {
	effects uint32    // in Engine.effects
	origins uint32    // 1 + its place in originIndex.lists, 0 where nobody is allowed
	policy  uint32    // 1 + its place in policyIndex.list, 0 for the settings of CORSDefaults
	rule    index.Ref // its name, "" where it is no rule

	path     index.Ref // of a rule, for explain
	pathType pathType
	methods  span // of pathIndex.methods

	reachable bool // some request could choose it

	// passThrough is unmatchedHosts: PassThrough, on the settings of CORSDefaults.
	passThrough bool
}

// span is a part of a list that many share.
type span struct{ first, n uint32 }

// part gives the part of a list.
func part[T any](list []T, s span) []T { return list[s.first:][:s.n] }

// partFrom is what has been appended to a list since it had so many elements.
func partFrom[T any](list []T, first int) span {
	return span{uint32(first), uint32(len(list) - first)}
}

// effects are the settings that thousands of rules have in common, and the parts of
// answers that follow from them: those that come to the same are one.
type effects struct {
	common
	same same
}

// common is what the layers come to, but for the origins.
type common struct {
	enforcement     Enforcement
	upstreamHeaders UpstreamHeaders
	preflight       resolvedPreflight
	originCheck     OriginCheck

	public         bool // "*" without credentials: the answer is the same for everyone
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

// resolved is what the layers of a rule, a policy or CORSDefaults come to, while the
// engine is compiled.
type resolved struct {
	*effects
	*settings
	id      uint32        // of the settings, in Engine.settings
	origins *originFields // nil where nobody is allowed
}

// resolve merges layers. Without cors it leaves out all that grants anything:
// that is what stands where no rule took the request.
func (c *compiler) resolve(ls layers, withCORS bool) resolved {
	var r resolved
	var s common
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
		r.origins, s.from.origins = originsOf(ls)
		c.resolveCORS(&s, ls)
		s.public = r.origins != nil && r.origins.any && !s.credentials
	}
	r.id, r.settings = c.newSettings()
	if r.origins != nil {
		r.settings.origins = 1 + r.origins.id
	}
	r.settings.effects, r.effects = c.sharedEffects(s)
	return r
}

// newSettings gives empty settings, which stay where they are: there is room for all.
func (c *compiler) newSettings() (id uint32, s *settings) {
	e := c.engine
	e.settings = append(e.settings, settings{})
	id = uint32(len(e.settings) - 1)
	return id, &e.settings[id]
}

// sharedEffects gives the one that stands for all that are equal.
func (c *compiler) sharedEffects(s common) (id uint32, e *effects) {
	id, known := c.effects[s]
	if !known {
		id = uint32(len(c.engine.effects))
		c.effects[s] = id
		e = &effects{common: s}
		e.same = c.sameOf(e)
		c.engine.effects = append(c.engine.effects, e)
	}
	return id, c.engine.effects[id]
}

func (c *compiler) resolveCORS(s *common, ls layers) {
	s.credentials, s.from.credentials = pickCORS(ls, false, func(c *CORS) *bool { return c.AllowCredentials })
	s.privateNetwork, s.from.privateNetwork = pickCORS(ls, false, func(c *CORS) *bool { return c.AllowPrivateNetwork })
	s.expandExpose, s.from.expandExpose = pickCORS(ls, false, func(c *CORS) *bool { return c.ExpandExposeHeaders })

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
	l, own := pickList(ls, get)
	if l == nil {
		return c.names.list(kind, nil, presets), LayerBuiltIn
	}
	return c.names.inherited(l, kind, own, presets), l.kind
}
