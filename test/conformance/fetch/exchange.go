package fetch

import (
	"slices"
	"strings"
)

// MayRead reports whether the requesting page may read a response: the CORS check.
func (r Request) MayRead(response Response) bool { return r.passes(response) }

// MaySend reports whether the browser sends the request after this response to its preflight. The
// preflight requested these headers.
func (r Request) MaySend(names []string, response Response) bool {
	return r.isGranted(r.Method, names, response)
}

// Reads returns the headers that the page can read, of a response that it may read.
func (r Request) Reads(response Response) []Header {
	return visible(response.Headers, r.exposed(response))
}

// IsReused reports whether a browser that has stored a response for one page reuses it for pages of
// other origins, although it may not apply to them: "CORS protocol and HTTP caches". A response that
// is the same for every origin may be reused.
func (response Response) IsReused() bool {
	if origin, _ := get(response, "access-control-allow-origin"); origin == "*" {
		return false
	}
	vary, _ := list(response, "vary")
	return !slices.ContainsFunc(vary, func(name string) bool {
		return name == "*" || strings.EqualFold(name, "origin")
	})
}
