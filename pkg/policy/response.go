package policy

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/spec"
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
	vary                = "vary"
)

// Values that are never written to: a []byte constant does not exist.
var (
	anyValue  = []byte("*")
	trueValue = []byte("true")
	zeroValue = []byte("0")
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
		a.Status = d.settings.Preflight.DenyStatus
	case Blocked:
		a.Status = 403
	default:
		return
	}
	d.appendVary(a, nil)
}

// Edit writes the edit of upstream's response, or of the proxy's own in its place, if the
// outcome's action is ActionContinue. upstream has the response's field lines: at least those of
// Vary and of every access-control-* header, all of them if [Decision.ReadsAllFields] reports
// so. Responses of status 1xx are not touched.
func (d *Decision) Edit(a *Response, status int, upstream []Field) {
	if d.Outcome.Action() != ActionContinue || 100 <= status && status <= 199 {
		return
	}
	if d.settings.UpstreamHeaders != spec.UpstreamPreserve || !hasField(upstream, allowOrigin) {
		d.override(a, upstream)
	}
	a.lines = appendValues(a.lines[:0], upstream, vary)
	d.appendVary(a, a.lines)
}

// EditAhead writes what is granted before there is a response, for a route that removes
// upstream's headers and sets these: at most Access-Control-Allow-Origin, -Allow-Credentials and
// -Expose-Headers, if [Decision.NeedsResponse] returns false for that route.
func (d *Decision) EditAhead(a *Response) {
	if d.Outcome.Action() == ActionContinue {
		d.override(a, nil)
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
	if d.Outcome.Action() != ActionContinue {
		return false
	}
	var names [4]string
	if !route.Strip || !route.Vary && len(d.varyNames(names[:0])) > 0 {
		return true
	}
	return d.Outcome == Granted && !(route.Set && d.knowsAhead())
}

// knowsAhead reports whether a grant does not depend on the response, and consists of those
// headers that a route has to set for every one.
func (d *Decision) knowsAhead() bool { return d.Class != ClassPreflight && !d.expands() }

// ReadsAllFields reports whether [Decision.Edit] needs all field lines of the response: its
// header names are to be exposed.
func (d *Decision) ReadsAllFields() bool { return d.Outcome == Granted && d.expands() }

// override replaces upstream's CORS headers by those that the decision grants.
func (d *Decision) override(a *Response, upstream []Field) {
	if d.Outcome == Granted {
		d.appendOrigin(a)
		if d.Class == ClassPreflight { // that was forwarded
			d.appendPreflight(a)
		} else {
			d.appendCredentials(a)
		}
		a.set(exposeHeaders, d.exposed(a, upstream))
	}
	for i := range upstream {
		if name := upstream[i].Name; strings.HasPrefix(name, corsPrefix) && !a.mentions(name) {
			a.Remove = append(a.Remove, name)
		}
	}
}

// appendOrigin sets who may read: everyone, or the origin in the request's own bytes.
func (d *Decision) appendOrigin(a *Response) {
	if d.settings.Public {
		a.set(allowOrigin, anyValue)
		return
	}
	start := len(a.buf)
	a.buf = append(a.buf, d.request.Origin[0]...)
	a.set(allowOrigin, a.keep(start))
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
		a.buf = append(a.buf, d.request.RequestMethod[0]...)
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

// headerList reflects the requested names that are allowed if "*" is: browsers read a "*" as a
// name if credentials are allowed.
func (d *Decision) headerList(a *Response) []byte {
	allowed := d.settings.Headers
	if !allowed.Any {
		return allowed.Joined
	}
	if checkRequestHeaders(d.request.RequestHeaders) != ReasonAllowed {
		return nil
	}
	start := len(a.buf)
	list := header.NewList(a.buf, start)
	for _, line := range d.request.RequestHeaders {
		for name, rest := header.Next(line); name != ""; name, rest = header.Next(rest) {
			if allowed.AllowsHeader(name) {
				list.AddString(name)
			}
		}
	}
	a.buf = list.Bytes()
	return a.keep(start)
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

// exposed returns the exposed headers: the policy's, or the response's own in place of "*", and
// upstream's if they are merged.
func (d *Decision) exposed(a *Response, upstream []Field) []byte {
	names := d.settings.Expose
	merges := d.settings.UpstreamHeaders == spec.UpstreamMerge && d.Outcome == Granted
	if !merges && !d.expands() {
		return names.Joined
	}
	start := len(a.buf)
	list := header.NewList(a.buf, start)
	if d.expands() {
		addExpanded(&list, names.List, upstream, d.Class == ClassPreflight)
	} else {
		for _, name := range names.List {
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

// expands reports whether the response's own header names replace "*".
func (d *Decision) expands() bool {
	return d.settings.ExpandExposeHeaders && d.settings.Credentials && d.settings.Expose.Any
}

// addExpanded adds the names with the response's own in place of "*". Nobody reads the headers of
// a preflight's answer.
func addExpanded(list *header.List, names []string, upstream []Field, preflight bool) {
	if preflight {
		return
	}
	for i := range upstream {
		if name := upstream[i].Name; isExpanded(name) {
			list.AddString(name)
		}
	}
	for _, name := range names {
		if name != "*" {
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

// appendVary adds the request headers that the decision depends on to the Vary lines. It sets
// nothing if the lines have them already.
func (d *Decision) appendVary(a *Response, lines [][]byte) {
	var names [4]string
	start := len(a.buf)
	buf, changed := header.AppendVary(a.buf, lines, d.varyNames(names[:0]))
	if a.buf = buf; changed {
		a.set(vary, a.keep(start))
	}
}

// varyNames appends the request headers that the response depends on. Under Preserve upstream
// may echo the origin, so a public response depends on it too.
func (d *Decision) varyNames(names []string) []string {
	preserves := d.Outcome.Action() == ActionContinue && d.settings.UpstreamHeaders == spec.UpstreamPreserve
	if !d.settings.Public || preserves {
		names = append(names, "Origin")
	}
	if d.Class == ClassPreflight {
		names = append(names, "Access-Control-Request-Method", "Access-Control-Request-Headers")
		if d.settings.PrivateNetwork {
			names = append(names, "Access-Control-Request-Private-Network")
		}
	}
	return names
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
