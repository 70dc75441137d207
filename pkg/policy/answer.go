package policy

import (
	"github.com/corsd/corsd/pkg/policy/internal/header"
)

// Field is one header field line. Names are in lower case, as HTTP/2 has them.
type Field struct {
	Name  string
	Value []byte
}

// Answer is what is to be done to a response. The zero Answer does nothing; one
// that is used again after [Answer.Reset] does not allocate once its buffers
// have grown.
type Answer struct {
	// Status is that of a response in upstream's place, 0 where there is none. Such
	// a response has no body.
	Status int
	// Remove names headers to remove, each once, before anything is set.
	Remove []string
	// Set holds headers to set. Each replaces every line of its name. Values refer
	// to the engine and to this Answer, and may be neither changed nor kept beyond
	// the next Reset.
	Set []Field
	// Encoded is what the encoder of [Encoding] has made of the part of Set that is the
	// same in many answers, from EncodedFrom to before EncodedTo. It is nil where there is
	// no such part, or no encoder. It may not be changed.
	Encoded                []byte
	EncodedFrom, EncodedTo int

	buf   []byte
	lines [][]byte
}

// Reset empties the answer and keeps its buffers.
func (a *Answer) Reset() {
	a.Status = 0
	a.Remove = a.Remove[:0]
	a.Set = a.Set[:0]
	a.Encoded, a.EncodedFrom, a.EncodedTo = nil, 0, 0
	a.buf = a.buf[:0]
}

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

// Values that are the same in every answer. A []byte constant does not exist;
// these are never written to.
var (
	anyValue  = []byte("*")
	trueValue = []byte("true")
	zeroValue = []byte("0")
)

func (a *Answer) set(name string, value []byte) {
	if len(value) > 0 {
		a.Set = append(a.Set, Field{name, value})
	}
}

// keep gives what has been written to the buffer since start.
func (a *Answer) keep(start int) []byte { return a.buf[start:len(a.buf):len(a.buf)] }

// AppendRequestPhase writes the response in upstream's place, if the decision's
// action is ActionRespond. Otherwise it writes nothing.
func (d *Decision) AppendRequestPhase(a *Answer) {
	if d.Action != ActionRespond {
		return
	}
	same := &d.effects.same
	switch {
	case d.Class != ClassPreflight:
		a.Status = 403
		d.appendVary(a, nil)
	case d.Verdict == VerdictAllow:
		a.Status = d.effects.preflight.successStatus
		d.appendOrigin(a)
		d.appendPrivateNetwork(a)
		d.appendSame(a, &same.granted, (*Decision).appendGranted)
	case d.tells():
		a.Status = d.effects.preflight.successStatus
		d.appendOrigin(a)
		d.appendSame(a, &same.told, (*Decision).appendTold)
	default:
		a.Status = d.effects.preflight.denyStatus
		d.appendSame(a, &same.denied, (*Decision).appendDenied)
	}
}

// tells reports whether the answer to a refused preflight says what is allowed.
// Only an allowed origin gets so far as these reasons.
func (d *Decision) tells() bool {
	if d.effects.preflight.detail != DetailFull {
		return false
	}
	switch d.Reason {
	case ReasonMethodCase, ReasonMethodNotAllowed, ReasonAuthorizationNotListed, ReasonHeaderNotAllowed:
		return true
	}
	return false
}

// appendVary sets Vary to what lines say and what the decision depends on. It
// sets nothing where the lines say it already.
func (d *Decision) appendVary(a *Answer, lines [][]byte) {
	var names [4]string
	start := len(a.buf)
	buf, changed := header.AppendVary(a.buf, lines, d.varyNames(names[:0]))
	if a.buf = buf; changed {
		a.set(vary, a.keep(start))
	}
}

// varyNames gives the request headers that the response depends on.
func (d *Decision) varyNames(names []string) []string {
	if !d.effects.public || d.Action == ActionContinue && d.effects.upstreamHeaders == UpstreamPreserve {
		names = append(names, "Origin") // under Preserve upstream may echo it
	}
	if d.Class == ClassPreflight {
		names = append(names, "Access-Control-Request-Method", "Access-Control-Request-Headers")
		if d.effects.privateNetwork {
			names = append(names, "Access-Control-Request-Private-Network")
		}
	}
	return names
}

// appendOrigin sets who may read, unless everyone may.
func (d *Decision) appendOrigin(a *Answer) {
	if d.effects.public {
		return
	}
	start := len(a.buf)
	a.buf = append(a.buf, d.request.Origin[0]...)
	a.set(allowOrigin, a.keep(start))
}

// appendReaders sets that everyone may read, or that it is with credentials.
func (d *Decision) appendReaders(a *Answer) {
	switch {
	case d.effects.public:
		a.set(allowOrigin, anyValue)
	case d.effects.credentials:
		a.set(allowCredentials, trueValue)
	}
}

func (d *Decision) appendPrivateNetwork(a *Answer) {
	if d.effects.privateNetwork && d.request.asksPrivateNetwork() {
		a.set(allowPrivateNetwork, trueValue)
	}
}

// appendMaxAge forbids remembering where another method might have been judged
// by another rule: a browser remembers the answer for the URL, not for the rule.
func (d *Decision) appendMaxAge(a *Answer) {
	if d.depends {
		a.set(maxAge, zeroValue)
		return
	}
	start := len(a.buf)
	a.buf = append(a.buf, d.effects.maxAge...)
	a.set(maxAge, a.keep(start))
}

// appendLists sets the methods and headers that are allowed.
func (d *Decision) appendLists(a *Answer) {
	a.set(allowMethods, d.methodList(a))
	a.set(allowHeaders, d.headerList(a))
}

func (d *Decision) methodList(a *Answer) []byte {
	start := len(a.buf)
	switch l := d.effects.methods; {
	case l.any:
		a.buf = append(a.buf, d.request.RequestMethod[0]...)
	case d.depends:
		for _, method := range l.names {
			if d.leadsHere(method) {
				a.buf = header.AppendElement(a.buf, start, method)
			}
		}
	default:
		return l.joined
	}
	return a.keep(start)
}

func (d *Decision) headerList(a *Answer) []byte {
	l := d.effects.headers
	if !l.any {
		return l.joined
	}
	start := len(a.buf)
	if checkRequestHeaders(d.request.RequestHeaders) != ReasonAllowed {
		return nil
	}
	list := header.NewList(a.buf, start)
	for _, line := range d.request.RequestHeaders {
		for name, rest := header.Next(line); name != ""; name, rest = header.Next(rest) {
			if l.takesHeader(name) {
				list.AddString(name)
			}
		}
	}
	a.buf = list.Bytes()
	return a.keep(start)
}
