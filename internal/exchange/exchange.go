package exchange

import (
	"context"
	"strconv"

	"github.com/corsd/corsd/pkg/policy"
)

// Exchange is one HTTP exchange. Its steps are: [Exchange.Begin]; the request, by
// [Exchange.AddHeader] or the fields of Request; [Exchange.Decide]; then [Exchange.Respond], or
// [Exchange.Continue] and, with the response's headers, [Exchange.Edit]; [Exchange.End].
//
// An Exchange is used for many exchanges, one after the other, and then does not allocate. It must
// not be copied: its decision refers to its request.
type Exchange struct {
	// Request is the input of the decision. Its strings must last until End.
	Request policy.Request
	// Static has the actions of the proxy's route itself. Begin sets what the listener promises.
	Static policy.Static

	service  *Service
	ctx      context.Context
	engine   *policy.Engine
	text     requestText
	decision policy.Decision
	decided  bool
	status   int            // of upstream's response, 0 if unknown
	upstream []policy.Field // of upstream's response
	response policy.Response
}

// Begin starts an exchange, with the engine that is live now.
func (x *Exchange) Begin(ctx context.Context, s *Service) {
	x.service, x.ctx, x.engine = s, ctx, s.engine()
	if s.static != nil {
		x.Static = s.static(ctx)
	}
}

// Reset discards the request and the decision. The engine and Static stay.
func (x *Exchange) Reset() {
	x.Request.Reset()
	x.text.reset()
	x.response.Reset()
	x.decision, x.decided = policy.Decision{}, false
}

// Bounds of the buffers that an Exchange keeps for the next one.
const (
	maxKept     = 256      // header lines
	maxKeptText = 16 << 10 // bytes of a request's text
)

// End finishes the exchange, which may then begin again. Buffers that have grown far beyond the
// usual size are dropped.
func (x *Exchange) End() {
	x.Reset()
	x.service, x.ctx, x.engine, x.Static = nil, nil, nil, policy.Static{}
	if max(cap(x.upstream), cap(x.response.Remove), cap(x.text.picks)) > maxKept || cap(x.text.values) > maxKeptText {
		*x = Exchange{}
	}
}

// HasPolicy reports whether there is a live engine. Without one, Decide must not be called and
// nothing may be changed.
func (x *Exchange) HasPolicy() bool { return x.engine != nil }

// Decided reports whether the request has been decided on.
func (x *Exchange) Decided() bool { return x.decided }

// Decision returns the decision. It is valid until Reset or End.
func (x *Exchange) Decision() *policy.Decision { return &x.decision }

// Decide decides on the request, and reports the decision to the observers.
func (x *Exchange) Decide(p Profile) {
	x.text.move()
	x.decision = x.engine.Decide(&x.Request)
	x.decided = true
	x.response.Reset()
	s, e := x.service, Event{p, &x.Request, &x.decision}
	for _, o := range s.observers {
		o.Decided(x.ctx, e)
	}
	s.warnUnsupported(x.engine, p)
	if x.Static.Strip && leavesUpstream(&x.decision) {
		s.stripConflict(x.ctx, x.engine, e)
	}
	if p == ResponseOnly {
		x.decision = x.decision.Late()
	}
}

// Respond returns the response in upstream's place. ok is false if the request continues.
func (x *Exchange) Respond() (r *policy.Response, ok bool) {
	if x.decision.Action() != policy.ActionRespond {
		return nil, false
	}
	x.decision.Respond(&x.response)
	return &x.response, true
}

// Continue reports, for a request that continues, whether its response is needed. If it is not,
// ahead has the headers that the route sets in the response.
func (x *Exchange) Continue() (ahead []policy.Field, needsResponse bool) {
	if x.decision.NeedsResponse(x.Static) {
		return nil, true
	}
	x.decision.EditAhead(&x.response)
	return x.response.Set, false
}

// EditUnseen returns the edit of every response but those of status 1xx, see [policy.Decision.EditUnseen]. ok is
// false if the edit depends on the response.
func (x *Exchange) EditUnseen() (r *policy.Response, addOrigin, ok bool) {
	addOrigin, ok = x.decision.EditUnseen(&x.response)
	return &x.response, addOrigin, ok
}

// ResetResponse begins the headers of upstream's response.
func (x *Exchange) ResetResponse() {
	x.status, x.upstream = 0, x.upstream[:0]
	x.response.Reset()
}

// AddResponseHeader adds a header line of upstream's response, with its name in lower case. The
// status is in ":status". The value must last until the edit is sent.
func (x *Exchange) AddResponseHeader(name, value []byte) {
	switch known := frequentName(name); {
	case known != "":
		x.upstream = append(x.upstream, policy.Field{Name: known, Value: value})
	case string(name) == ":status":
		x.status, _ = strconv.Atoi(string(value))
	case len(name) > 0 && name[0] != ':' && (x.decision.ReadsAllFields() || policy.EditReads(name)):
		x.upstream = append(x.upstream, policy.Field{Name: string(name), Value: value})
	}
}

// Status returns the status of upstream's response, 0 if it is unknown.
func (x *Exchange) Status() int { return x.status }

// frequentName returns names that are frequent in responses, without making a string of each. It
// returns "" for every other name.
func frequentName(name []byte) string {
	switch string(name) {
	case "vary":
		return "vary"
	case "access-control-allow-origin":
		return "access-control-allow-origin"
	case "access-control-allow-credentials":
		return "access-control-allow-credentials"
	case "access-control-allow-methods":
		return "access-control-allow-methods"
	case "access-control-allow-headers":
		return "access-control-allow-headers"
	case "access-control-expose-headers":
		return "access-control-expose-headers"
	case "access-control-max-age":
		return "access-control-max-age"
	}
	return ""
}

// Edit returns the edit of upstream's response. It is empty if nothing is to be changed.
func (x *Exchange) Edit() *policy.Response {
	x.decision.Edit(&x.response, x.status, x.upstream)
	return &x.response
}

// Fact is a part of a decision, in the words of metrics and logs.
type Fact struct{ Name, Value string }

// Facts returns the parts of the decision that access logs can show.
func (x *Exchange) Facts() [4]Fact {
	d := &x.decision
	return [...]Fact{
		{"verdict", d.Verdict.String()}, {"reason", d.Reason.String()}, {"policy", d.Policy()}, {"rule", d.Rule()},
	}
}

// details has the response code details of each reason.
var details = func() (list []string) {
	for _, r := range policy.Reasons() {
		list = append(list, "corsd_"+r.String())
	}
	return list
}()

// Details returns Envoy's response code details of a response in upstream's place.
func (x *Exchange) Details() string { return details[x.decision.Reason] }

// Panicked is [Service.Panicked] for this exchange.
func (x *Exchange) Panicked(recovered any) { x.service.Panicked(x.ctx, recovered) }
