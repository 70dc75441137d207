package fetch

import (
	"slices"
	"strings"
)

// MayRead reports whether the page that asks gets a response: the CORS check.
func (r Request) MayRead(response Response) bool { return r.passes(response) }

// MaySend reports whether the browser sends the request after this answer to its
// preflight, which asked for these headers.
func (r Request) MaySend(names []string, response Response) bool {
	return r.isGranted(r.Method, names, response)
}

// Reads gives the headers that the page can read of a response that it may read.
func (r Request) Reads(response Response) []Header {
	return visible(response.Headers, r.exposed(response))
}

// IsReused reports whether a browser that has stored a response for one page gives
// it to pages of other origins, to which it may not apply: "CORS protocol and HTTP
// caches". One that is the same for everyone may be.
func (response Response) IsReused() bool {
	if origin, _ := get(response, "access-control-allow-origin"); origin == "*" {
		return false
	}
	vary, _ := list(response, "vary")
	return !slices.ContainsFunc(vary, func(name string) bool { return name == "*" || strings.EqualFold(name, "origin") })
}
