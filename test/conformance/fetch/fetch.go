// Package fetch is the browser's side of CORS, written out: what a page can read,
// from what it asks for and from the answers that come back. It follows the Fetch
// standard step by step, and real browsers are compared with it.
//
// It has no caches, and knows nothing of corsd.
//
// https://fetch.spec.whatwg.org/
package fetch

import (
	"slices"
	"strings"
)

// Request is what a page asks for.
type Request struct {
	Origin string // the page's
	URL    string // absolute, as redirects name it too

	Method      string
	Headers     []Header
	Mode        string // cors, no-cors or same-origin
	Credentials string // omit, same-origin or include

	// AnyIsAuthorization is that "*" in a preflight's answer covers Authorization, too, as
	// Chromium and Firefox have it. The standard has not.
	AnyIsAuthorization bool

	// Firefox is that it is asked by Firefox, which departs from the standard after a
	// redirect: the preflight names the page's origin, where the request has null; and a
	// request that had a preflight has one again, also where it is a GET by now.
	Firefox bool

	tainted     bool // by redirects: then its origin is null
	preflighted bool // before a redirect
}

// Header is one field line. Names are in lower case, except those that a page sets.
type Header struct{ Name, Value string }

// Sent is a request as it is sent.
type Sent struct {
	URL     string
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
	URL     string // of the response, where it is readable
	Status  int
	Headers []Header // those that it can read
}

// The outcomes.
const (
	Readable = "readable"
	Opaque   = "opaque"
	Refused  = "refused"
)

// mostRedirects are followed, and no more.
const mostRedirects = 20

// Do asks, with a preflight where one is needed, follows redirects, and gives what the
// page can read of the answer. Send answers what is sent.
func Do(r Request, send func(Sent) Response) Result {
	r.Method = normalize(r.Method)
	if isForbidden(r.Method) || r.Mode == "no-cors" && !isSafelistedMethod(r.Method) {
		return Result{Outcome: Refused} // a TypeError, before anything is sent
	}
	own := true // so far all came from the page's own origin: response tainting "basic"
	for range 1 + mostRedirects {
		own = own && r.Origin == originOf(r.URL)
		response, ok := r.ask(own, send)
		if !ok {
			return Result{Outcome: Refused}
		}
		if location := response.location(); location != "" {
			if r.Mode == "cors" && hasCredentials(location) {
				return Result{Outcome: Refused}
			}
			r = r.redirected(response.Status, location)
			continue
		}
		switch {
		case own:
			return Result{Readable, r.URL, response.Status, visible(response.Headers, func(string) bool { return true })}
		case r.Mode == "no-cors":
			return Result{Outcome: Opaque}
		}
		return Result{Readable, r.URL, response.Status, visible(response.Headers, r.exposed(response))}
	}
	return Result{Outcome: Refused}
}

// ask sends one request and, before it, its preflight. It is not ok where that is
// refused, or the response is: also one that redirects has to pass.
func (r Request) ask(own bool, send func(Sent) Response) (response Response, ok bool) {
	switch {
	case own:
		return send(Sent{r.URL, r.Method, r.Headers}), true
	case r.Mode == "same-origin":
		return Response{}, false
	case r.Mode == "no-cors":
		return send(r.withoutCORS()), true
	}
	if unsafe := unsafeNames(r.Headers); r.needsPreflight(unsafe) {
		before := r
		before.tainted = r.tainted && !r.Firefox
		if !before.isGranted(r.Method, unsafe, send(before.preflight(unsafe))) {
			return Response{}, false
		}
	}
	response = send(Sent{r.URL, r.Method, append([]Header{{"origin", r.origin()}}, r.Headers...)})
	return response, r.passes(response)
}

func (r Request) needsPreflight(unsafe []string) bool {
	return !isSafelistedMethod(r.Method) || len(unsafe) > 0 || r.Firefox && r.preflighted
}

// origin is the request's origin as it is sent.
func (r Request) origin() string {
	if r.tainted {
		return "null"
	}
	return r.Origin
}

// location is where a response redirects to, "" where it does not.
func (response Response) location() string {
	if !slices.Contains([]int{301, 302, 303, 307, 308}, response.Status) {
		return ""
	}
	location, _ := get(response, "location")
	return location
}

// redirected is the request that follows a redirect: HTTP-redirect fetch. One that is
// sent from another origin than the page's to a third has no origin any more.
func (r Request) redirected(status int, location string) Request {
	next := r
	next.URL, next.preflighted = location, r.needsPreflight(unsafeNames(r.Headers))
	from, to := originOf(r.URL), originOf(location)
	next.tainted = r.tainted || from != to && from != r.Origin
	becomesGet := (status == 301 || status == 302) && r.Method == "POST" || status == 303 && r.Method != "GET" && r.Method != "HEAD"
	if becomesGet {
		next.Method = "GET"
	}
	next.Headers = slices.DeleteFunc(slices.Clone(r.Headers), func(h Header) bool {
		switch strings.ToLower(h.Name) {
		case "authorization":
			return from != to
		case "content-encoding", "content-language", "content-location", "content-type":
			return becomesGet
		}
		return false
	})
	return next
}

// originOf gives the origin of an absolute URL that is written as browsers do.
func originOf(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return scheme + "://" + rest
}

// hasCredentials reports whether a URL names a user. One of the page's own origin might,
// which is left out here: no test has it.
func hasCredentials(url string) bool { return strings.Contains(originOf(url), "@") }

// withoutCORS is the request of mode no-cors: with safelisted headers only, and an
// Origin where the method is neither GET nor HEAD.
func (r Request) withoutCORS() Sent {
	sent := Sent{URL: r.URL, Method: r.Method}
	if r.Method != "GET" && r.Method != "HEAD" {
		sent.Headers = []Header{{"origin", r.origin()}}
	}
	for _, h := range r.Headers {
		if isSafelistedHeader(h) {
			sent.Headers = append(sent.Headers, h)
		}
	}
	return sent
}

// preflight is a CORS-preflight request: CORS-preflight fetch, steps 1 to 5.
func (r Request) preflight(unsafe []string) Sent {
	sent := Sent{r.URL, "OPTIONS", []Header{{"origin", r.origin()}, {"access-control-request-method", r.Method}}}
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
		listed := slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
		any := wild && slices.Contains(names, "*") && (r.AnyIsAuthorization || name != "authorization")
		if !listed && !any {
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
	case origin != r.origin():
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
