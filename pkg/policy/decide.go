package policy

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// Decision is what comes of one request. It refers to the engine and to the
// [Request] that it was made from: neither the request nor its slices may be
// changed until the answer is written. Copies are cheap and equal.
type Decision struct {
	Class   Class
	Verdict Verdict
	Reason  Reason
	Action  Action

	engine *Engine
	// rule is what applies: the rule or own cors that took the request, or what
	// stands where none did. Neither it nor its effects are ever nil.
	rule    *settings
	effects *effects
	// governed is nil where a selector named the rule, and where no policy names the host.
	governed *governed
	// depends says that another method might have been taken by another rule.
	depends bool
	request *Request
}

// Policy is the name of the policy that took the request. Where no rule did, it
// is that of the one policy that names the host, or that the selector names; ""
// where there is none, or more than one.
func (d *Decision) Policy() string {
	if d.rule.policy == 0 {
		return ""
	}
	return d.engine.text.At(d.engine.policies.list[d.rule.policy-1].name)
}

// Rule is the name of the rule that took the request, "" where the policy's own
// cors did, or nothing.
func (d *Decision) Rule() string { return d.engine.text.At(d.rule.rule) }

// Taken reports whether a rule, or a policy's own cors, took the request.
func (d *Decision) Taken() bool { return d.effects.methods != nil }

// Enforcement says how much of the decision reaches the wire.
func (d *Decision) Enforcement() Enforcement { return d.effects.enforcement }

// UpstreamHeaders says what becomes of the CORS headers that upstream sends.
func (d *Decision) UpstreamHeaders() UpstreamHeaders { return d.effects.upstreamHeaders }

// Decide judges a request. It is total: whatever the request holds, it gives a
// decision, without an error, a panic, blocking or an allocation.
func (e *Engine) Decide(r *Request) Decision {
	d := Decision{Class: r.class(), engine: e, request: r}
	if r.Selector != "" {
		d.Reason = d.selectRule()
	} else {
		d.Reason = d.findRule()
	}
	if d.Reason == ReasonAllowed {
		d.Reason = d.judge()
	}
	d.Verdict = d.verdict()
	d.Action = d.action()
	return d
}

// apply sets what applies, by its place in the engine's settings.
func (d *Decision) apply(settings uint32) {
	d.rule = &d.engine.settings[settings]
	d.effects = d.engine.effects[d.rule.effects]
}

// findRule finds what applies by host, path and method. Its reason is
// ReasonAllowed where there is a rule, and the request is still to be judged.
func (d *Decision) findRule() Reason {
	e := d.engine
	g := e.hosts.find(d.request.Authority)
	if g == nil {
		d.apply(e.unmatched)
		return ReasonNoPolicy
	}
	d.governed = g
	t := &e.paths.tables[g.table]
	path := d.request.path()
	switch {
	case t.only != 0:
		return d.take(t.only, ReasonAllowed)
	case t.isAmbiguous(path):
		return d.take(t.ambiguous, ReasonPathAmbiguous)
	}
	var rule uint32
	if rule, d.depends = e.paths.lookup(t, path, d.request.effectiveMethod(d.Class)); rule == 0 {
		return d.take(t.noRule, ReasonNoRule)
	}
	return d.take(rule, ReasonAllowed)
}

// take applies settings, given as one more than their place. It returns the reason,
// unless they are switched off.
func (d *Decision) take(settings uint32, reason Reason) Reason {
	d.apply(settings - 1)
	if d.effects.enforcement == EnforcementOff {
		return ReasonOff
	}
	return reason
}

// leadsHere reports whether the rule that applies would take another method, too.
func (d *Decision) leadsHere(method string) bool {
	e := d.engine
	rule, _ := e.paths.lookup(&e.paths.tables[d.governed.table], d.request.path(), method)
	return rule != 0 && &e.settings[rule-1] == d.rule
}

// selectRule takes the rule that the proxy's configuration names.
func (d *Decision) selectRule() Reason {
	e := d.engine
	name, ruleName, namesRule := strings.Cut(d.request.Selector, "/") // no policy has one in its name
	id, known := e.policies.named(name)
	var rule uint32
	if known {
		if rule = e.policies.list[id].own; namesRule {
			rule = e.policies.ruleNamed(id, ruleName)
		}
	}
	if !known || namesRule && rule == 0 {
		d.apply(e.unmatched)
		return ReasonSelectorUnknown
	}
	if rule == 0 {
		return d.take(e.policies.list[id].fallback, ReasonNoRule)
	}
	return d.take(rule, ReasonAllowed)
}

// judge is the decision of the rule that took the request.
func (d *Decision) judge() Reason {
	if d.Class == ClassNotCORS {
		return ReasonNotCORS
	}
	reason := d.judgeOrigin()
	switch {
	case d.Class == ClassPreflight && reason == ReasonAllowed:
		return d.judgePreflight()
	case d.Class != ClassPreflight && (reason == ReasonOriginNull || reason == ReasonOriginNotAllowed) && d.request.isSameOrigin():
		return ReasonSameOrigin
	}
	return reason
}

// judgeOrigin is the part of a decision that depends on the origin alone.
func (d *Decision) judgeOrigin() Reason {
	lines := d.request.Origin
	switch {
	case d.effects.public:
		return ReasonAllowed
	case len(lines) != 1:
		return ReasonOriginMalformed
	}
	o, x := d.origins(), &d.engine.origins
	switch {
	case lines[0] == origin.Null:
		if o != nil && o.null {
			return ReasonAllowed
		}
		return ReasonOriginNull
	case o != nil && x.takesText(o, lines[0]):
		return ReasonAllowed
	}
	parsed, ok := origin.Parse(lines[0])
	if !ok {
		return ReasonOriginMalformed
	}
	var host [maxHost]byte
	if o != nil && x.takes(o, parsed, d.tenant(host[:0])) {
		return ReasonAllowed
	}
	return ReasonOriginNotAllowed
}

// origins is who is allowed, nil where nobody is.
func (d *Decision) origins() *origins {
	if d.rule.origins == 0 {
		return nil
	}
	return &d.engine.origins.lists[d.rule.origins-1]
}

// tenant is what the host of the request binds for the origins of a policy, which are what
// applies. The host is written to buf.
func (d *Decision) tenant(buf []byte) origin.Tenant {
	e, policy := d.engine, d.rule.policy-1
	if d.governed != nil && d.governed.tenants.n == 0 {
		return origin.Tenant{}
	}
	host, valid := appendHost(buf, d.request.Authority)
	switch {
	case !valid:
		return origin.Tenant{}
	case d.governed == nil:
		return e.policies.tenant(policy, host)
	}
	return e.hosts.tenant(d.governed, policy, host)
}

// judgePreflight follows the Fetch standard's CORS-preflight fetch, steps 7.5 to
// 7.8, on the server's side: the browser would come to the same.
func (d *Decision) judgePreflight() Reason {
	if reason := d.effects.methods.judgeMethod(d.request.RequestMethod); reason != ReasonAllowed {
		return reason
	}
	return d.effects.headers.judgeHeaders(d.request.RequestHeaders)
}

func (l *nameList) judgeMethod(lines []string) Reason {
	switch {
	case len(lines) == 1 && l.listsMethod(lines[0]): // what is listed may be sent
		return ReasonAllowed
	case len(lines) != 1 || !header.IsToken(lines[0]):
		return ReasonMethodMalformed
	case header.IsForbiddenMethod(lines[0]):
		return ReasonMethodForbidden
	case l.takesMethod(lines[0]):
		return ReasonAllowed
	case l.takesMethodFold(lines[0]):
		return ReasonMethodCase
	}
	return ReasonMethodNotAllowed
}

// Bounds of Access-Control-Request-Headers. Browsers send far less.
const (
	// MaxRequestHeadersBytes bounds all its lines together.
	MaxRequestHeadersBytes = 8192
	// MaxRequestHeaders bounds the names, repeats included.
	MaxRequestHeaders = 128
)

// judgeHeaders reads the whole list before it looks at a name: what is malformed
// anywhere is refused as malformed.
func (l *nameList) judgeHeaders(lines []string) Reason {
	if l.listsAll(lines) {
		return ReasonAllowed
	}
	if reason := checkRequestHeaders(lines); reason != ReasonAllowed {
		return reason
	}
	refused := ReasonAllowed
	for _, line := range lines {
		for name, rest := header.Next(line); name != ""; name, rest = header.Next(rest) {
			switch {
			case l.takesHeader(name):
			case isAuthorization(name):
				return ReasonAuthorizationNotListed
			default:
				refused = ReasonHeaderNotAllowed
			}
		}
	}
	return refused
}

// listsAll finds what browsers send: one line in lower case, without blanks, of which
// every name is listed, and so is well-formed. What it does not find may be allowed
// nevertheless.
func (l *nameList) listsAll(lines []string) bool {
	switch {
	case len(lines) != 1 || len(lines[0]) > MaxRequestHeadersBytes:
		return len(lines) == 0
	case len(l.lower) <= fewNames:
		return listsSorted(l.few, lines[0])
	}
	names := 0
	for name, rest, more := "", lines[0], true; more; names++ {
		name, rest, more = strings.Cut(rest, ",")
		if _, listed := l.lower[name]; !listed {
			return false
		}
	}
	return names <= MaxRequestHeaders
}

// listsSorted finds a line that browsers have sorted, as few is, and that has each name once.
func listsSorted(few []string, line string) bool {
	for _, name := range few {
		switch {
		case !strings.HasPrefix(line, name):
		case len(line) == len(name):
			return true
		case line[len(name)] == ',':
			line = line[len(name)+1:]
		}
	}
	return false
}

// checkRequestHeaders judges the form of the list.
func checkRequestHeaders(lines []string) Reason {
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	if size > MaxRequestHeadersBytes {
		return ReasonHeadersTooLarge
	}
	names, malformed := 0, false
	for _, line := range lines {
		for name, rest := header.Next(line); name != ""; name, rest = header.Next(rest) {
			names++
			malformed = malformed || !header.IsToken(name)
		}
	}
	switch {
	case names > MaxRequestHeaders:
		return ReasonHeadersTooLarge
	case malformed:
		return ReasonHeadersMalformed
	}
	return ReasonAllowed
}

func (d *Decision) verdict() Verdict {
	switch {
	case d.Class == ClassNotCORS, d.Reason == ReasonOff, d.Reason == ReasonSameOrigin,
		d.Class == ClassWebSocket && !d.ChecksWebSocket(), d.passesThrough():
		return VerdictNone
	case d.Reason == ReasonAllowed:
		return VerdictAllow
	}
	return VerdictDeny
}

// passesThrough: unmatched hosts are none of our business, unless CORSDefaults says so.
func (d *Decision) passesThrough() bool {
	return d.Reason == ReasonNoPolicy && d.rule.passThrough
}

// ChecksWebSocket reports whether a WebSocket handshake would be judged. A host that
// no policy names is never checked.
func (d *Decision) ChecksWebSocket() bool {
	return d.effects.originCheck == OriginCheckEnforce && d.Reason != ReasonNoPolicy
}

func (d *Decision) action() Action {
	switch {
	case d.effects.enforcement == EnforcementOff, d.effects.enforcement == EnforcementShadow, d.passesThrough():
		return ActionPass
	case d.Class == ClassPreflight:
		if d.Verdict == VerdictAllow && d.effects.preflight.mode == PreflightForward {
			return ActionContinue
		}
		return ActionRespond
	case d.Class == ClassWebSocket:
		if d.refuses() {
			return ActionRespond
		}
		return ActionPass
	case d.Class == ClassActual && d.effects.enforcement == EnforcementBlock && d.refuses():
		return ActionRespond
	}
	return ActionContinue
}

// refuses: a page of the host's own origin is never kept from it, whatever the reason.
func (d *Decision) refuses() bool {
	return d.Verdict == VerdictDeny && !d.request.isSameOrigin()
}
