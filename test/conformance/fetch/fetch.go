// Package fetch implements the browser's side of CORS. From a page's request and the responses of a
// server it computes which part of them the page can read. It follows the Fetch standard step by
// step, and tests compare real browsers with it.
//
// It has no caches, and does not depend on corsd.
//
// https://fetch.spec.whatwg.org/
package fetch

import (
	"slices"
	"strings"
)

// Request is a request of a page.
type Request struct {
	Origin string // the page's
	URL    string // absolute, as in redirects

	Method      string
	Headers     []Header
	Mode        string // cors, no-cors or same-origin
	Credentials string // omit, same-origin or include

	// AnyIsAuthorization makes "*" in a preflight's response cover Authorization, too, as in
	// Chromium and Firefox. In the standard it does not.
	AnyIsAuthorization bool

	// Firefox is set if Firefox sends the request. It departs from the standard after a redirect:
	// the preflight has the page's origin, although the request has null. A request that had a
	// preflight gets another one, even if it has become a GET.
	Firefox bool

	tainted     bool // by redirects: its origin is null
	preflighted bool // before a redirect
}

// Header is one field line. Names are in lower case, except those that a page sets.
type Header struct{ Name, Value string }

// Sent is a request as the browser sends it.
type Sent struct {
	URL     string
	Method  string
	Headers []Header
}

// Response is a response of a server.
type Response struct {
	Status  int
	Headers []Header
}

// Result is the page's result.
type Result struct {
	Outcome string // readable, opaque or refused
	URL     string // of the response, if it is readable
	Status  int
	Headers []Header // those that the page can read
}

// The outcomes.
const (
	Readable = "readable"
	Opaque   = "opaque"
	Refused  = "refused"
)

// mostRedirects is the highest number of redirects that are followed.
const mostRedirects = 20

// Do sends a request, with a preflight if it needs one, and follows redirects. It returns the part of
// the response that the page can read. It calls send for each request.
func Do(r Request, send func(Sent) Response) Result {
	r.Method = normalize(r.Method)
	if isForbidden(r.Method) || r.Mode == "no-cors" && !isSafelistedMethod(r.Method) {
		return Result{Outcome: Refused} // a TypeError before a request is sent
	}
	own := true // all URLs so far are of the page's own origin: response tainting "basic"
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
			all := visible(response.Headers, func(string) bool { return true })
			return Result{Readable, r.URL, response.Status, all}
		case r.Mode == "no-cors":
			return Result{Outcome: Opaque}
		}
		return Result{Readable, r.URL, response.Status, visible(response.Headers, r.exposed(response))}
	}
	return Result{Outcome: Refused}
}

// ask sends one request and, before it, its preflight. It is not ok if the preflight or the response
// is refused. A redirect has to pass the CORS check, too.
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

// origin returns the request's Origin.
func (r Request) origin() string {
	if r.tainted {
		return "null"
	}
	return r.Origin
}

// location returns the URL to which a response redirects, "" if it does not.
func (response Response) location() string {
	if !slices.Contains([]int{301, 302, 303, 307, 308}, response.Status) {
		return ""
	}
	location, _ := get(response, "location")
	return location
}

// redirected returns the request that follows a redirect: HTTP-redirect fetch. If an origin other
// than the page's redirects it to a third one, its Origin becomes null.
func (r Request) redirected(status int, location string) Request {
	next := r
	next.URL, next.preflighted = location, r.needsPreflight(unsafeNames(r.Headers))
	from, to := originOf(r.URL), originOf(location)
	next.tainted = r.tainted || from != to && from != r.Origin
	becomesGet := (status == 301 || status == 302) && r.Method == "POST" ||
		status == 303 && r.Method != "GET" && r.Method != "HEAD"
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

// originOf returns the origin of an absolute URL in the form in which browsers write it.
func originOf(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return scheme + "://" + rest
}

// hasCredentials reports whether a URL names a user. It ignores that the page's own origin may do so:
// no test needs it.
func hasCredentials(url string) bool { return strings.Contains(originOf(url), "@") }

// withoutCORS returns the request of mode no-cors. It has safelisted headers only, and an Origin if
// the method is neither GET nor HEAD.
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

// preflight returns a CORS-preflight request: CORS-preflight fetch, steps 1 to 5.
func (r Request) preflight(unsafe []string) Sent {
	sent := Sent{r.URL, "OPTIONS", []Header{{"origin", r.origin()}, {"access-control-request-method", r.Method}}}
	if len(unsafe) > 0 {
		sent.Headers = append(sent.Headers, Header{"access-control-request-headers", strings.Join(unsafe, ",")})
	}
	return sent
}

// isGranted implements step 7 of the CORS-preflight fetch, without its cache.
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

// passes implements the CORS check.
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

// exposed returns a function that reports whether a header is exposed: main fetch, the step that sets
// the list of CORS-exposed header names. A malformed list exposes nothing.
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
