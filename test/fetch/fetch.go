// Package fetch is the browser's side of CORS, written out: what a page can read,
// from what it asks for and from the answers that come back. It follows the Fetch
// standard step by step, and real browsers are compared with it.
//
// It has no caches, follows no redirects, and knows nothing of corsd.
//
// https://fetch.spec.whatwg.org/
package fetch

import (
	"slices"
	"strings"
)

// Request is what a page asks for.
type Request struct {
	// Origin is the page's, Target that of the URL.
	Origin, Target string

	Method      string
	Headers     []Header
	Mode        string // cors, no-cors or same-origin
	Credentials string // omit, same-origin or include
}

// Header is one field line. Names are in lower case, except those that a page sets.
type Header struct{ Name, Value string }

// Sent is a request as it is sent.
type Sent struct {
	Method  string
	Headers []Header
}

// Response is what comes back.
type Response struct {
	Status  int
	Headers []Header
}

// Result is what the page gets.
type Result struct {
	Outcome string // readable, opaque or refused
	Status  int
	Headers []Header // those that it can read
}

// The outcomes.
const (
	Readable = "readable"
	Opaque   = "opaque"
	Refused  = "refused"
)

// Do asks, with a preflight where one is needed, and gives what the page can read
// of the answer. Send answers what is sent.
func Do(r Request, send func(Sent) Response) Result {
	method := normalize(r.Method)
	sameOrigin := r.Origin == r.Target
	switch {
	case isForbidden(method), r.Mode == "no-cors" && !isSafelistedMethod(method):
		return Result{Outcome: Refused} // a TypeError, before anything is sent
	case sameOrigin:
		response := send(Sent{method, r.Headers})
		return Result{Readable, response.Status, visible(response.Headers, func(string) bool { return true })}
	case r.Mode == "same-origin":
		return Result{Outcome: Refused}
	case r.Mode == "no-cors":
		send(r.withoutCORS(method))
		return Result{Outcome: Opaque}
	}
	if unsafe := unsafeNames(r.Headers); !isSafelistedMethod(method) || len(unsafe) > 0 {
		if !r.isGranted(method, unsafe, send(r.preflight(method, unsafe))) {
			return Result{Outcome: Refused}
		}
	}
	response := send(Sent{method, append([]Header{{"origin", r.Origin}}, r.Headers...)})
	if !r.passes(response) {
		return Result{Outcome: Refused}
	}
	return Result{Readable, response.Status, visible(response.Headers, r.exposed(response))}
}

// withoutCORS is the request of mode no-cors: with safelisted headers only, and an
// Origin where the method is neither GET nor HEAD.
func (r Request) withoutCORS(method string) Sent {
	sent := Sent{Method: method}
	if method != "GET" && method != "HEAD" {
		sent.Headers = []Header{{"origin", r.Origin}}
	}
	for _, h := range r.Headers {
		if isSafelistedHeader(h) {
			sent.Headers = append(sent.Headers, h)
		}
	}
	return sent
}

// preflight is a CORS-preflight request: CORS-preflight fetch, steps 1 to 5.
func (r Request) preflight(method string, unsafe []string) Sent {
	sent := Sent{"OPTIONS", []Header{{"origin", r.Origin}, {"access-control-request-method", method}}}
	if len(unsafe) > 0 {
		sent.Headers = append(sent.Headers, Header{"access-control-request-headers", strings.Join(unsafe, ",")})
	}
	return sent
}

// isGranted is step 7 of the CORS-preflight fetch, without its cache.
func (r Request) isGranted(method string, unsafe []string, response Response) bool {
	if !r.passes(response) || response.Status < 200 || response.Status > 299 {
		return false
	}
	methods, ok := list(response, "access-control-allow-methods")
	if !ok {
		return false
	}
	names, ok := list(response, "access-control-allow-headers")
	if !ok {
		return false
	}
	wild := r.Credentials != "include"
	if !isSafelistedMethod(method) && !slices.Contains(methods, method) && !(wild && slices.Contains(methods, "*")) {
		return false
	}
	for _, name := range unsafe {
		// The standard has it that "*" does not cover Authorization. Chromium and
		// Firefox let it, still.
		listed := slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
		if !listed && !(wild && slices.Contains(names, "*")) {
			return false
		}
	}
	return true
}

// passes is the CORS check.
func (r Request) passes(response Response) bool {
	origin, ok := get(response, "access-control-allow-origin")
	switch {
	case !ok:
		return false
	case r.Credentials != "include" && origin == "*":
		return true
	case origin != r.Origin:
		return false
	case r.Credentials != "include":
		return true
	}
	credentials, _ := get(response, "access-control-allow-credentials")
	return credentials == "true"
}

// exposed says which headers are: main fetch, the step that sets the list of
// CORS-exposed header names. A list that is malformed exposes nothing.
func (r Request) exposed(response Response) func(name string) bool {
	names, _ := list(response, "access-control-expose-headers")
	all := r.Credentials != "include" && slices.Contains(names, "*")
	return func(name string) bool {
		listed := func(n string) bool { return strings.EqualFold(n, name) }
		return all || slices.Contains(safelistedResponseHeaders, name) || slices.ContainsFunc(names, listed)
	}
}

func visible(headers []Header, exposed func(name string) bool) []Header {
	var all []Header
	for _, h := range headers {
		if exposed(h.Name) && h.Name != "set-cookie" && h.Name != "set-cookie2" {
			all = append(all, h)
		}
	}
	return all
}

var safelistedResponseHeaders = []string{
	"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma",
}
