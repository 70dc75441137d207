package policy

import (
	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/match"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Decision is the result of one request. It refers to the engine and to the [Request] that it
// was made from: neither the request nor its slices may be changed until the answer is written.
// Copies are cheap and equal.
type Decision struct {
	Class   Class
	Verdict Verdict
	Reason  Reason
	Outcome Outcome

	index   *match.Index
	request *Request
	// host is nil if a selector chose the entry, or if no policy names the host.
	host *match.Host
	// policy is match.None if no policy names the host, or several do and no rule matches.
	policy match.PolicyID
	// entry is match.None if no entry was chosen.
	entry match.EntryID
	// settings are those of the entry, or those that apply if none was chosen. Never nil.
	settings *plan.Settings
	// conduct is that of the settings, or stricter if no entry was chosen.
	conduct plan.Conduct
	// methodDependent and originDependent report that another method, or another origin, might lead
	// to another entry.
	methodDependent, originDependent bool
}

// Action returns what happens to the request.
func (d *Decision) Action() Action { return d.Outcome.Action() }

// Policy returns the name of the policy that was chosen. If no entry was, it is that of the one
// policy that names the host or that the selector names, and "" if there is none or more than
// one.
func (d *Decision) Policy() string {
	if d.policy == match.None {
		return ""
	}
	return d.index.Policies[d.policy].Name
}

// Rule returns the name of the rule that was chosen, "" if the policy's own cors was, or nothing.
func (d *Decision) Rule() string {
	if d.entry == match.None {
		return ""
	}
	return d.index.Entries[d.entry].Name
}

// Enforcement returns how much of the decision reaches the wire.
func (d *Decision) Enforcement() spec.Enforcement { return d.conduct.EnforcementValue() }

// UpstreamHeaders returns what happens to the CORS headers that upstream sends.
func (d *Decision) UpstreamHeaders() spec.UpstreamHeaders { return d.conduct.UpstreamHeadersValue() }

// Decide judges a request. It is total: whatever the request holds, it returns a decision,
// without an error, a panic, blocking or an allocation. Only the first decision of a zero Engine
// builds its tables.
func (e *Engine) Decide(r *Request) Decision {
	d := Decision{Class: r.class(), index: e.tables(), request: r, policy: match.None, entry: match.None}
	if r.Selector != "" {
		d.Reason = d.selectEntry()
	} else {
		d.Reason = d.findEntry()
	}
	if d.Reason == ReasonAllowed {
		d.Reason = d.judge()
	}
	d.Verdict = d.verdict()
	d.Outcome = d.outcome()
	return d
}

// findEntry chooses an entry by host, path, method and origin. It returns ReasonAllowed if there is
// one: the request is still to be judged.
func (d *Decision) findEntry() Reason {
	x := d.index
	d.host = x.FindHost(d.request.Authority)
	if d.host == nil {
		d.use(x.Unmatched)
		return ReasonNoPolicy
	}
	found := x.Find(d.host, d.key(d.request.effectiveMethod(d.Class)))
	d.entry, d.settings, d.conduct = found.Entry, x.Settings[found.Settings], found.Conduct
	d.methodDependent, d.originDependent = found.MethodDependent, found.OriginDependent
	if d.entry != match.None {
		d.policy = x.Entries[d.entry].Policy
	} else if policies := x.PoliciesOf(d.host); len(policies) == 1 {
		d.policy = policies[0]
	}
	switch {
	case d.conduct.Enforcement == plan.Disabled:
		return ReasonDisabled
	case found.Ambiguous:
		return ReasonPathAmbiguous
	case d.entry == match.None:
		return ReasonNoRule
	}
	return ReasonAllowed
}

// use sets the settings.
func (d *Decision) use(id match.SettingsID) {
	d.settings = d.index.Settings[id]
	d.conduct = d.settings.Conduct
}

// key returns the key of the entry, for a request with this method.
func (d *Decision) key(method string) match.Key {
	r := d.request
	return match.Key{Path: r.path(), Method: method, Authority: r.Authority, Origin: r.Origin}
}

// selectEntry chooses the entry that the proxy's configuration names.
func (d *Decision) selectEntry() Reason {
	x := d.index
	policy, entry, known := x.Select(d.request.Selector)
	if !known {
		d.use(x.Unmatched)
		return ReasonSelectorUnknown
	}
	d.policy, d.entry = policy, entry
	settings := x.Policies[policy].Unchosen
	if entry != match.None {
		settings = x.Entries[entry].Settings
		d.originDependent = x.From(entry) != nil
	}
	d.use(settings)
	switch {
	case d.conduct.Enforcement == plan.Disabled:
		return ReasonDisabled
	case entry == match.None:
		return ReasonNoRule
	}
	return ReasonAllowed
}

// leadsHere reports whether another method at this path would lead to the same entry.
func (d *Decision) leadsHere(method string) bool {
	return d.index.Find(d.host, d.key(method)).Entry == d.entry
}

// judge is the decision of the entry that was chosen.
func (d *Decision) judge() Reason {
	if d.Class == ClassNotCORS {
		return ReasonNotCORS
	}
	reason := d.judgeOrigin()
	switch {
	case d.Class == ClassPreflight && reason == ReasonAllowed:
		return d.judgePreflight()
	case d.Class != ClassPreflight && (reason == ReasonOriginNull || reason == ReasonOriginNotAllowed) &&
		d.request.isSameOrigin():
		return ReasonSameOrigin
	}
	return reason
}

// judgeOrigin is the part of a decision that depends on the origin alone. It has the result of
// the Fetch standard's CORS check, steps 3 to 5, on the server's side.
func (d *Decision) judgeOrigin() Reason {
	lines, from := d.request.Origin, d.index.From(d.entry)
	switch {
	case d.settings.Public && from == nil:
		return ReasonAllowed
	case len(lines) != 1:
		return ReasonOriginMalformed
	}
	allowed := d.index.Origins(d.entry)
	if lines[0] == origin.Null {
		if allowed != nil && allowed.Null && from == nil {
			return ReasonAllowed
		}
		return ReasonOriginNull
	}
	o, ok := origin.Parse(lines[0])
	if !ok {
		return ReasonOriginMalformed
	}
	var host [match.MaxHost]byte
	tenant := d.tenant(host[:0])
	// A rule that a selector names has not been found by the origins that it matches.
	if from != nil && d.request.Selector != "" && !d.index.Matches(from, o, tenant) {
		return ReasonOriginNotAllowed
	}
	if allowed != nil && d.index.Allows(allowed, o, tenant) {
		return ReasonAllowed
	}
	return ReasonOriginNotAllowed
}

// tenant returns the label that the request's host binds for the policy. It is written to buf.
func (d *Decision) tenant(buf []byte) origin.Tenant {
	return d.index.Tenant(buf, d.host, d.policy, d.request.Authority)
}

// judgePreflight has the result of the Fetch standard's CORS-preflight fetch, steps 7.5 to 7.8,
// on the server's side.
func (d *Decision) judgePreflight() Reason {
	if reason := judgeMethod(d.settings.Methods, d.request.RequestMethod); reason != ReasonAllowed {
		return reason
	}
	return judgeHeaders(d.settings.Headers, d.request.RequestHeaders)
}

// judgeMethod judges Access-Control-Request-Method. A method is compared byte for byte, since
// browsers normalise only some of them (Fetch standard, section 2.2.1, "normalize a method").
func judgeMethod(allowed *plan.Names, lines []string) Reason {
	switch {
	case len(lines) != 1 || !header.IsToken(lines[0]):
		return ReasonMethodMalformed
	case header.IsForbiddenMethod(lines[0]):
		return ReasonMethodForbidden
	case allowed.AllowsMethod(lines[0]):
		return ReasonAllowed
	case allowed.AllowsMethodFold(lines[0]):
		return ReasonMethodCase
	}
	return ReasonMethodNotAllowed
}

// Bounds of requests. Browsers send far less.
const (
	// MaxExpressionPath bounds the paths that regular expressions are matched against, in bytes
	// without the query. A longer one is ambiguous on a host that has expressions.
	MaxExpressionPath = match.MaxExpressionPath
	// MaxRequestHeadersBytes bounds all lines of Access-Control-Request-Headers together.
	MaxRequestHeadersBytes = 8192
	// MaxRequestHeaders bounds the names in them, repeats included.
	MaxRequestHeaders = 128
)

// judgeHeaders reads the whole list: one that is malformed anywhere is refused as malformed, and
// Authorization is named before other names that are refused.
func judgeHeaders(allowed *plan.Names, lines []string) Reason {
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	if size > MaxRequestHeadersBytes {
		return ReasonHeadersTooLarge
	}
	names, malformed, refused := 0, false, ReasonAllowed
	for _, line := range lines {
		for name, rest := header.Next(line); name != ""; name, rest = header.Next(rest) {
			switch names++; {
			case names > MaxRequestHeaders:
				return ReasonHeadersTooLarge
			case !header.IsToken(name):
				malformed = true
			case allowed.AllowsHeader(name):
			case header.EqualFold(name, "authorization"):
				refused = ReasonAuthorizationNotListed
			case refused == ReasonAllowed:
				refused = ReasonHeaderNotAllowed
			}
		}
	}
	if malformed {
		return ReasonHeadersMalformed
	}
	return refused
}

func (d *Decision) verdict() Verdict {
	switch {
	case d.Class == ClassNotCORS, d.Reason == ReasonDisabled, d.Reason == ReasonSameOrigin,
		d.Class == ClassWebSocket && !d.ChecksWebSocket(), d.passesThrough():
		return VerdictNone
	case d.Reason == ReasonAllowed:
		return VerdictAllow
	}
	return VerdictDeny
}

// passesThrough reports whether the host has no policy, and CORSDefaults leaves such hosts alone.
func (d *Decision) passesThrough() bool { return d.Reason == ReasonNoPolicy && d.index.PassThrough }

// ChecksWebSocket reports whether a WebSocket handshake would be judged. A host that no policy
// names is never checked.
func (d *Decision) ChecksWebSocket() bool {
	return d.conduct.OriginCheck == plan.Check && d.Reason != ReasonNoPolicy
}

// outcome derives the effect on the exchange.
func (d *Decision) outcome() Outcome {
	switch {
	case d.conduct.Enforcement <= plan.Shadow, d.passesThrough():
		return Untouched
	case d.Class == ClassPreflight:
		return d.preflightOutcome()
	case d.Class == ClassWebSocket:
		if d.refuses() {
			return Blocked
		}
		return Untouched
	case d.Class == ClassActual && d.conduct.Enforcement == plan.Block && d.refuses():
		return Blocked
	case d.Verdict == VerdictAllow, d.Class == ClassNotCORS && d.isPublic():
		return Granted // also without an Origin: a cache may serve a response without Vary to anyone
	}
	return NotGranted
}

// isPublic reports whether the entry grants everyone the same.
func (d *Decision) isPublic() bool { return d.settings.Public && d.index.From(d.entry) == nil }

// preflightOutcome explains a refusal to allowed origins only.
func (d *Decision) preflightOutcome() Outcome {
	switch d.Reason {
	case ReasonAllowed:
		if d.conduct.Mode == plan.Forward {
			return Granted
		}
		return PreflightGranted
	case ReasonMethodCase, ReasonMethodNotAllowed, ReasonAuthorizationNotListed, ReasonHeaderNotAllowed:
		if d.conduct.Detail == plan.Full {
			return PreflightExplained
		}
	}
	return PreflightRefused
}

// refuses reports whether the request is kept from the application, if the settings block. A
// page of the host's own origin never is, whatever the reason.
func (d *Decision) refuses() bool { return d.Verdict == VerdictDeny && !d.request.isSameOrigin() }

// Late returns the decision for a request that has gone upstream already: nothing can be
// answered in upstream's place any more, so what was to be blocked is refused in the response,
// by the browser, and a WebSocket handshake passes.
func (d Decision) Late() Decision {
	d.Outcome = d.Outcome.late(d.Class)
	return d
}
