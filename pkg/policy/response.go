package policy

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/plan"
)

// Field is one header field line. Names are in lower case, as HTTP/2 has them. It is an alias, so
// that an adapter need not copy a list of them to a type of its own.
type Field = struct {
	Name  string
	Value []byte
}

// Response is a response in upstream's place, or an edit of upstream's response. The zero
// Response does nothing. One that is used again after [Response.Reset] does not allocate once its
// buffers have grown.
type Response struct {
	// Status is that of a response in upstream's place, 0 if there is none. Such a response has
	// no body.
	Status int
	// Remove names headers to remove, each once, before any is set.
	Remove []string
	// Set has headers to set. Each replaces every line of its name. Values refer to the engine
	// and to this Response, and may be neither changed nor kept beyond the next Reset.
	Set []Field

	buf   []byte
	lines [][]byte
}

// Reset empties the response and keeps its buffers, unless they are far larger than usual.
func (a *Response) Reset() {
	a.Status = 0
	a.Remove = a.Remove[:0]
	a.Set = a.Set[:0]
	a.buf = a.buf[:0]
	if cap(a.buf) > maxKeptBuffer {
		a.buf = nil
	}
}

// maxKeptBuffer bounds the buffer that a [Response] keeps, in bytes.
const maxKeptBuffer = 64 << 10

// The response headers of CORS.
const (
	allowOrigin         = "access-control-allow-origin"
	allowCredentials    = "access-control-allow-credentials"
	allowMethods        = "access-control-allow-methods"
	allowHeaders        = "access-control-allow-headers"
	allowPrivateNetwork = "access-control-allow-private-network"
	exposeHeaders       = "access-control-expose-headers"
	maxAge              = "access-control-max-age"
	corsPrefix          = "access-control-"
	timingAllowOrigin   = "timing-allow-origin"
	resourcePolicy      = "cross-origin-resource-policy"
	vary                = "vary"
)

// Values that are never written to: a []byte constant does not exist.
var (
	anyValue         = []byte("*")
	noneValue        = []byte("none")
	trueValue        = []byte("true")
	falseValue       = []byte("false")
	zeroValue        = []byte("0")
	contentTypeValue = []byte("Content-Type")
)

func (a *Response) set(name string, value []byte) {
	if len(value) > 0 {
		a.Set = append(a.Set, Field{name, value})
	}
}

// keep returns what has been written to the buffer since start.
func (a *Response) keep(start int) []byte { return a.buf[start:len(a.buf):len(a.buf)] }

// Respond writes the response in upstream's place, if the outcome's action is ActionRespond.
// Otherwise it writes nothing.
func (d *Decision) Respond(a *Response) {
	switch d.Outcome {
	case PreflightGranted:
		a.Status = d.settings.Preflight.SuccessStatus
		d.appendOrigin(a)
		d.appendPreflight(a)
		a.set(exposeHeaders, d.exposed(a, nil))
	case PreflightExplained:
		a.Status = d.settings.Preflight.SuccessStatus
		d.appendOrigin(a)
		d.appendLists(a)
	case PreflightRefused:
		a.Status = int(d.conduct.DenyStatus)
	case Blocked:
		a.Status = 403
		d.appendResourcePolicy(a)
	default:
		return
	}
	d.appendVary(a, nil)
}

// Edit writes the edit of upstream's response, or of the proxy's own in its place, if the
// outcome's action is ActionContinue. status is 0 if it is unknown. upstream has the response's
// field lines: at least those that [EditReads] names, all of them if [Decision.ReadsAllFields]
// reports so. Responses of status 1xx are not touched.
func (d *Decision) Edit(a *Response, status int, upstream []Field) {
	if d.Outcome.Action() != ActionContinue || 100 <= status && status <= 199 {
		return
	}
	if d.conduct.UpstreamHeaders != plan.Preserve || !hasField(upstream, allowOrigin) {
		d.override(a, status, upstream)
	}
	a.lines = appendValues(a.lines[:0], upstream, vary)
	d.appendVary(a, a.lines)
}

// EditReads reports whether [Decision.Edit] reads a response header of this name, in lower case.
func EditReads[T ~string | ~[]byte](name T) bool {
	return string(name) == vary || string(name) == timingAllowOrigin ||
		len(name) > len(corsPrefix) && string(name[:len(corsPrefix)]) == corsPrefix
}

// EditAhead writes what is granted before there is a response, for a route that removes
// upstream's headers and sets these: at most Access-Control-Allow-Origin, -Allow-Credentials and
// -Expose-Headers, if [Decision.NeedsResponse] returns false for that route.
func (d *Decision) EditAhead(a *Response) {
	if d.Outcome.Action() == ActionContinue {
		d.override(a, 0, nil)
	}
}

// EditUnseen writes the edit of every response but those of status 1xx, for a proxy that then need not
// show the response to [Decision.Edit]. The proxy removes all access-control-* headers and those that
// Remove names, sets those of Set, and adds Origin to Vary if addOrigin. ok is false, and a is not to be
// used, if the edit depends on the response.
func (d *Decision) EditUnseen(a *Response) (addOrigin, ok bool) {
	if d.Outcome.Action() != ActionContinue || d.Class == ClassPreflight || d.mixesOrigins() ||
		d.conduct.UpstreamHeaders == plan.Preserve ||
		d.Outcome == Granted && (d.conduct.UpstreamHeaders == plan.Merge || d.readsNames()) {
		return false, false
	}
	d.override(a, 0, nil)
	if d.setsTiming() && !a.mentions(timingAllowOrigin) {
		a.Remove = append(a.Remove, timingAllowOrigin)
	}
	return d.varies() != 0, true
}

// Static has the edits that the proxy's route configuration makes to every response of a virtual host,
// with or without a decision.
type Static struct {
	// Strip: upstream's access-control-* headers are removed.
	Strip bool
	// Vary: "Vary: Origin" is added.
	Vary bool
	// Set: the headers of a grant are set to what [Decision.EditAhead] writes, each in place of
	// upstream's, and are absent if it writes nothing.
	Set bool
}

// NeedsResponse reports whether the response must be edited, beyond what the route does. It is
// false unless the action is ActionContinue.
func (d *Decision) NeedsResponse(route Static) bool {
	switch {
	case d.Outcome.Action() != ActionContinue:
		return false
	case !route.Strip, !route.Vary && d.varies() != 0, d.mixesOrigins(), d.setsResourcePolicy():
		return true
	}
	return d.Outcome == Granted && !(route.Set && d.knowsAhead())
}

// knowsAhead reports whether a grant does not depend on the response, and consists of those
// headers that a route has to set for every one.
func (d *Decision) knowsAhead() bool {
	return d.Class != ClassPreflight && !d.readsNames() && !d.settings.TimingAllowOrigin
}

// ReadsAllFields reports whether [Decision.Edit] needs all field lines of the response: its
// header names are to be exposed.
func (d *Decision) ReadsAllFields() bool { return d.Outcome == Granted && d.readsNames() }

// readsNames reports whether the exposed headers depend on those of the response.
func (d *Decision) readsNames() bool {
	return d.settings.ExpandsExposed() || len(d.settings.Expose.Families) > 0
}

// mixesOrigins reports whether a 304 must have every header of a grant, whatever was decided. A browser
// that holds the response for one origin revalidates it for another one, and a 304 replaces only the
// headers that it has: without these, the other page would read by the grant of the first (seen in
// Chromium 156 and Firefox 153).
func (d *Decision) mixesOrigins() bool { return d.originDependent && d.Class == ClassActual }

// override replaces upstream's CORS headers by those that the decision grants.
func (d *Decision) override(a *Response, status int, upstream []Field) {
	switch {
	case d.mixesOrigins() && (status == 304 || status == 0):
		d.appendRevalidated(a, upstream)
	case d.Outcome == Granted:
		d.appendTiming(a, d.appendOrigin(a))
		if d.Class == ClassPreflight { // that was forwarded
			d.appendPreflight(a)
		} else {
			d.appendCredentials(a)
		}
		if status != 304 || len(d.settings.Expose.Families) == 0 { // a 304 has few names; the stored list stays
			a.set(exposeHeaders, d.exposed(a, upstream))
		}
	}
	d.appendResourcePolicy(a)
	for i := range upstream {
		name := upstream[i].Name
		removed := strings.HasPrefix(name, corsPrefix) || name == timingAllowOrigin && d.setsTiming()
		if removed && !a.mentions(name) {
			a.Remove = append(a.Remove, name)
		}
	}
}

// appendRevalidated sets every header of a grant, so that none stays of a stored response for
// another origin.
func (d *Decision) appendRevalidated(a *Response, upstream []Field) {
	reader, credentials, exposed := noneValue, falseValue, contentTypeValue
	if d.Outcome == Granted {
		reader = d.originValue(a)
		if d.settings.Credentials {
			credentials = trueValue
		}
		if list := d.exposed(a, upstream); len(list) > 0 {
			exposed = list
		}
	}
	a.set(allowOrigin, reader)
	d.appendTiming(a, reader)
	a.set(allowCredentials, credentials)
	a.set(exposeHeaders, exposed)
}

// setsTiming reports whether Timing-Allow-Origin of the response is the policy's.
func (d *Decision) setsTiming() bool {
	return d.settings.TimingAllowOrigin && d.Class != ClassPreflight
}

// appendTiming sets Timing-Allow-Origin to the value of Access-Control-Allow-Origin (Fetch standard,
// section 4.9, "TAO check").
func (d *Decision) appendTiming(a *Response, reader []byte) {
	if d.setsTiming() {
		a.set(timingAllowOrigin, reader)
	}
}

// setsResourcePolicy reports whether Cross-Origin-Resource-Policy of the response is the policy's.
// Browsers do not look at it on preflights and handshakes.
func (d *Decision) setsResourcePolicy() bool {
	return d.conduct.ResourcePolicy != plan.NoPolicy && (d.Class == ClassActual || d.Class == ClassNotCORS)
}

func (d *Decision) appendResourcePolicy(a *Response) {
	if d.setsResourcePolicy() {
		start := len(a.buf)
		a.buf = append(a.buf, d.conduct.ResourcePolicyValue()...)
		a.set(resourcePolicy, a.keep(start))
	}
}

// appendOrigin sets who may read, and returns the value.
func (d *Decision) appendOrigin(a *Response) []byte {
	value := d.originValue(a)
	a.set(allowOrigin, value)
	return value
}

// originValue returns who may read: everyone, or the origin in the request's own bytes.
func (d *Decision) originValue(a *Response) []byte {
	if d.settings.Public {
		return anyValue
	}
	start := len(a.buf)
	a.buf = append(a.buf, d.request.Origin[0]...)
	return a.keep(start)
}

func (d *Decision) appendCredentials(a *Response) {
	if d.settings.Credentials {
		a.set(allowCredentials, trueValue)
	}
}

// appendPreflight sets what a granted preflight has beside the origin and exposed headers.
func (d *Decision) appendPreflight(a *Response) {
	d.appendLists(a)
	d.appendMaxAge(a)
	if d.settings.PrivateNetwork && d.request.asksPrivateNetwork() {
		a.set(allowPrivateNetwork, trueValue)
	}
}

// appendLists sets the methods and headers that are allowed.
func (d *Decision) appendLists(a *Response) {
	d.appendCredentials(a)
	a.set(allowMethods, d.methodList(a))
	a.set(allowHeaders, d.headerList(a))
}

// appendMaxAge forbids remembering if another method might have been judged by another rule: a
// browser remembers the answer for the URL, not for the rule.
func (d *Decision) appendMaxAge(a *Response) {
	if d.methodDependent {
		a.set(maxAge, zeroValue)
		return
	}
	start := len(a.buf)
	a.buf = append(a.buf, d.settings.MaxAge...)
	a.set(maxAge, a.keep(start))
}

// mentions reports whether the header is set or removed already.
func (a *Response) mentions(name string) bool {
	for i := range a.Set {
		if a.Set[i].Name == name {
			return true
		}
	}
	for _, removed := range a.Remove {
		if removed == name {
			return true
		}
	}
	return false
}

func hasField(fields []Field, name string) bool {
	for i := range fields {
		if fields[i].Name == name {
			return true
		}
	}
	return false
}

func appendValues(dst [][]byte, fields []Field, name string) [][]byte {
	for i := range fields {
		if fields[i].Name == name {
			dst = append(dst, fields[i].Value)
		}
	}
	return dst
}
