package policy

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
)

// Static says what the proxy's own route configuration does to every response
// of a virtual host, with or without a decision.
type Static struct {
	// Strip: upstream's access-control-* headers are removed.
	Strip bool
	// Vary: "Vary: Origin" is added.
	Vary bool
	// Set: the headers of a grant are set to what [Decision.AppendAhead] gives, each in
	// place of what upstream says, and are absent where it gives nothing.
	Set bool
}

// NeedsResponsePhase reports whether the response must be changed, beyond what
// the route does. It is false unless the action is ActionContinue.
func (d *Decision) NeedsResponsePhase(route Static) bool {
	if d.Action != ActionContinue {
		return false
	}
	var names [4]string
	if !route.Strip || !route.Vary && len(d.varyNames(names[:0])) > 0 {
		return true
	}
	return d.grants() && !(route.Set && d.knowsAhead())
}

// knowsAhead reports whether a grant does not depend on the response, and consists of
// those headers that a route has to set for every one.
func (d *Decision) knowsAhead() bool { return d.Class != ClassPreflight && !d.expands() }

// AppendAhead writes what is granted before there is a response, for a route that strips
// upstream's headers and sets these: at most Access-Control-Allow-Origin,
// -Allow-Credentials and -Expose-Headers, if NeedsResponsePhase is false for that route.
func (d *Decision) AppendAhead(a *Answer) {
	if d.Action == ActionContinue {
		d.appendOverride(a, nil)
	}
}

// grants reports whether the response says that a page may read it. A public one
// says so to everyone: without Vary, a cache may give it to anyone.
func (d *Decision) grants() bool {
	return d.Verdict == VerdictAllow || d.effects.public && d.Class == ClassNotCORS
}

// ReadsAllFields reports whether AppendResponsePhase has to be given all field
// lines of the response: its header names are to be exposed.
func (d *Decision) ReadsAllFields() bool { return d.grants() && d.expands() }

// AppendResponsePhase writes what is to be done to upstream's response, or to
// what the proxy answers in its place, if the action is ActionContinue. upstream
// holds the response's field lines: at least those of Vary and of every
// access-control-* header, all of them where [Decision.ReadsAllFields] says so.
// Responses of status 1xx are not touched.
func (d *Decision) AppendResponsePhase(a *Answer, status int, upstream []Field) {
	if d.Action != ActionContinue || 100 <= status && status <= 199 {
		return
	}
	if d.effects.upstreamHeaders != UpstreamPreserve || !hasField(upstream, allowOrigin) {
		d.appendOverride(a, upstream)
	}
	a.lines = appendValues(a.lines[:0], upstream, vary)
	d.appendVary(a, a.lines)
}

// appendOverride replaces upstream's CORS headers by what the decision grants.
func (d *Decision) appendOverride(a *Answer, upstream []Field) {
	if d.grants() {
		d.appendOrigin(a)
		d.appendGrant(a, upstream)
	}
	for i := range upstream {
		if name := upstream[i].Name; strings.HasPrefix(name, corsPrefix) && !a.mentions(name) {
			a.Remove = append(a.Remove, name)
		}
	}
}

// appendGrant sets what a grant says beside the origin.
func (d *Decision) appendGrant(a *Answer, upstream []Field) {
	if d.Class != ClassPreflight && !d.readsUpstream() {
		d.appendSame(a, &d.effects.same.actual, (*Decision).appendActual)
		return
	}
	d.appendReaders(a)
	if d.Class == ClassPreflight { // that was forwarded
		d.appendLists(a)
		d.appendMaxAge(a)
		d.appendPrivateNetwork(a)
	}
	a.set(exposeHeaders, d.exposed(a, upstream))
}

// readsUpstream reports whether the exposed headers depend on upstream's.
func (d *Decision) readsUpstream() bool {
	return d.effects.upstreamHeaders == UpstreamMerge || d.expands()
}

// mentions reports whether the header is set or removed already.
func (a *Answer) mentions(name string) bool {
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

// exposed gives the exposed headers: the policy's, or the response's own in
// place of "*", and upstream's where they are merged.
func (d *Decision) exposed(a *Answer, upstream []Field) []byte {
	l := d.effects.expose
	expands := d.expands()
	merges := d.effects.upstreamHeaders == UpstreamMerge
	if !merges && !expands {
		return l.joined
	}
	start := len(a.buf)
	if !expands {
		a.buf = append(a.buf, l.joined...)
	} else if d.Class != ClassPreflight { // whose own headers nobody reads
		a.buf = l.appendExpanded(a.buf, upstream)
	}
	if merges {
		a.lines = appendValues(a.lines[:0], upstream, exposeHeaders)
		list := header.NewList(a.buf, start)
		list.AddTokens(a.lines)
		a.buf = list.Bytes()
	}
	return a.keep(start)
}

// expands reports whether the response's own header names stand in for "*".
func (d *Decision) expands() bool {
	return d.effects.expandExpose && d.effects.credentials && d.effects.expose.any
}

// appendExpanded appends the list with the response's own header names for "*".
func (l *nameList) appendExpanded(dst []byte, upstream []Field) []byte {
	list := header.NewList(dst, len(dst))
	for i := range upstream {
		if name := upstream[i].Name; isExpanded(name) {
			list.AddString(name)
		}
	}
	for _, name := range l.names {
		if name != "*" {
			list.AddString(name)
		}
	}
	return list.Bytes()
}

// isExpanded leaves out what a page can read anyway, what it never can, and what
// is the proxy's own.
func isExpanded(name string) bool {
	return header.IsToken(name) && !header.IsForbiddenResponseHeader(name) && !header.IsSafelistedResponseHeader(name) &&
		!strings.HasPrefix(name, "x-envoy-") && !strings.HasPrefix(name, corsPrefix)
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
