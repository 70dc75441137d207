package policy

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/plan"
)

// Field is one header field line. Names are in lower case, as HTTP/2 has them.
type Field struct {
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

// methodList leaves out the methods that do not lead to this entry: a browser remembers a
// preflight for the URL, not for the rule.
func (d *Decision) methodList(a *Response) []byte {
	start := len(a.buf)
	switch allowed := d.settings.Methods; {
	case allowed.Any:
		if method := d.request.RequestMethod[0]; allowed.AllowsMethod(method) {
			a.buf = append(a.buf, method...)
		}
	case d.methodDependent:
		for _, method := range allowed.List {
			if d.leadsHere(method) {
				a.buf = header.AppendElement(a.buf, start, method)
			}
		}
	default:
		return allowed.Joined
	}
	return a.keep(start)
}

// headerList lists the headers that are allowed. It reflects the requested names that "*" or a
// family covers: browsers read a "*" as a name if credentials are allowed, and know no families.
func (d *Decision) headerList(a *Response) []byte {
	allowed := d.settings.Headers
	if !allowed.Any && len(allowed.Families) == 0 {
		return allowed.Joined
	}
	if checkRequestHeaders(d.request.RequestHeaders) != ReasonAllowed {
		if allowed.Any {
			return nil
		}
		return allowed.Joined
	}
	start := len(a.buf)
	list := header.NewList(a.buf, start)
	if allowed.Any {
		d.addRequested(&list, allowed.AllowsHeader)
	} else {
		for _, name := range allowed.List {
			if prefix, isFamily := plan.FamilyPrefix(name); isFamily {
				d.addRequested(&list, func(name string) bool {
					return header.HasPrefixFold(name, prefix) && !allowed.Lists(name) && allowed.AllowsHeader(name)
				})
			} else {
				list.AddString(name)
			}
		}
	}
	a.buf = list.Bytes()
	return a.keep(start)
}

// addRequested adds the requested header names that are covered.
func (d *Decision) addRequested(list *header.List, covers func(name string) bool) {
	for _, line := range d.request.RequestHeaders {
		for name, rest := header.Next(line); name != ""; name, rest = header.Next(rest) {
			if covers(name) {
				list.AddString(name)
			}
		}
	}
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

// exposed returns the exposed headers: the policy's, the response's own in place of "*" and
// families, and upstream's if they are merged.
func (d *Decision) exposed(a *Response, upstream []Field) []byte {
	names := d.settings.Expose
	merges := d.conduct.UpstreamHeaders == plan.Merge && d.Outcome == Granted
	if !merges && !d.readsNames() {
		return names.Joined
	}
	start := len(a.buf)
	list := header.NewList(a.buf, start)
	own := names.List
	if d.settings.ExpandsExposed() {
		d.addOwn(&list, "", upstream)
		if d.Class == ClassPreflight {
			own = nil // nobody reads the headers of a preflight's answer
		}
	}
	for _, name := range own {
		if prefix, isFamily := plan.FamilyPrefix(name); isFamily {
			d.addOwn(&list, prefix, upstream)
		} else if name != "*" || !d.settings.ExpandsExposed() {
			list.AddString(name)
		}
	}
	if merges {
		a.lines = appendValues(a.lines[:0], upstream, exposeHeaders)
		list.AddTokens(a.lines)
	}
	a.buf = list.Bytes()
	return a.keep(start)
}

// addOwn adds the response's own names that begin with a prefix, but those that the policy names
// itself.
func (d *Decision) addOwn(list *header.List, prefix string, upstream []Field) {
	if d.Class == ClassPreflight {
		return
	}
	for i := range upstream {
		name := upstream[i].Name
		if header.HasPrefixFold(name, prefix) && isExpanded(name) && (prefix == "" || !d.settings.Expose.Lists(name)) {
			list.AddString(name)
		}
	}
}

// isExpanded leaves out the names that a page can read anyway, those that it never can, and the
// proxy's own.
func isExpanded(name string) bool {
	return header.IsToken(name) && !header.IsForbiddenResponseHeader(name) &&
		!header.IsSafelistedResponseHeader(name) &&
		!strings.HasPrefix(name, "x-envoy-") && !strings.HasPrefix(name, corsPrefix)
}

// variance is a set of request headers that a response depends on.
type variance uint8

const (
	onOrigin variance = 1 << iota
	onPreflight
	onPrivateNetwork
	numVariances
)

// varyNames has the names of each variance, varyValues these names as Vary has them.
var varyNames, varyValues = func() (names [numVariances][]string, values [numVariances][]byte) {
	for v := range numVariances {
		if v&onOrigin != 0 {
			names[v] = append(names[v], "Origin")
		}
		if v&onPreflight != 0 {
			names[v] = append(names[v], "Access-Control-Request-Method", "Access-Control-Request-Headers")
		}
		if v&onPrivateNetwork != 0 {
			names[v] = append(names[v], "Access-Control-Request-Private-Network")
		}
		values[v] = []byte(strings.Join(names[v], ", "))
	}
	return names, values
}()

// appendVary adds the request headers that the decision depends on to the Vary lines. It sets
// nothing if the lines have them already.
func (d *Decision) appendVary(a *Response, lines [][]byte) {
	v := d.varies()
	if len(lines) == 0 {
		a.set(vary, varyValues[v])
		return
	}
	start := len(a.buf)
	buf, changed := header.AppendVary(a.buf, lines, varyNames[v])
	if a.buf = buf; changed {
		a.set(vary, a.keep(start))
	}
}

// varies returns the request headers that the response depends on. Under Preserve upstream may echo
// the origin, so a public response depends on it too, and so does one that another rule would
// have made for another origin.
func (d *Decision) varies() variance {
	var v variance
	preserves := d.Outcome.Action() == ActionContinue && d.conduct.UpstreamHeaders == plan.Preserve
	if !d.settings.Public || preserves || d.originDependent {
		v |= onOrigin
	}
	if d.Class == ClassPreflight {
		v |= onPreflight
		if d.settings.PrivateNetwork {
			v |= onPrivateNetwork
		}
	}
	return v
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
