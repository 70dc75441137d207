package policy

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// Request is the input of a decision. Header values are raw field lines: one element for
// each line, in their order, none if the header is absent.
type Request struct {
	// Method, Scheme and Authority are the pseudo-headers of the same names;
	// Authority may have a port. Path is the request target with its query.
	Method, Scheme, Authority, Path string

	Origin                []string
	RequestMethod         []string // Access-Control-Request-Method
	RequestHeaders        []string // Access-Control-Request-Headers
	RequestPrivateNetwork []string // Access-Control-Request-Private-Network
	FetchSite             []string // Sec-Fetch-Site
	Upgrade               []string

	// Protocol is the :protocol of an extended CONNECT (RFC 8441), else "".
	Protocol string

	// Selector names the policy or rule to apply, as [NAMESPACE/]NAME[#RULE], in place of those
	// that host and path would choose. It must come from the proxy's own configuration, never from
	// the client. "" means none.
	Selector string
}

// Reset empties the request. Its lists keep their memory.
func (r *Request) Reset() {
	*r = Request{
		Origin: r.Origin[:0], RequestMethod: r.RequestMethod[:0], RequestHeaders: r.RequestHeaders[:0],
		RequestPrivateNetwork: r.RequestPrivateNetwork[:0], FetchSite: r.FetchSite[:0], Upgrade: r.Upgrade[:0],
	}
}

// AddHeader adds a field line if it is of a header that decisions are made from. The name may be
// in any case.
func (r *Request) AddHeader(name, value string) {
	if lines := r.lines(name); lines != nil {
		*lines = append(*lines, value)
	}
}

// lines returns the list for the field lines of a header, nil if no decision is made from it.
func (r *Request) lines(name string) *[]string {
	want, lines := "", (*[]string)(nil)
	switch len(name) {
	case len("origin"):
		want, lines = "origin", &r.Origin
	case len("upgrade"):
		want, lines = "upgrade", &r.Upgrade
	case len("sec-fetch-site"):
		want, lines = "sec-fetch-site", &r.FetchSite
	case len("access-control-request-method"):
		want, lines = "access-control-request-method", &r.RequestMethod
	case len("access-control-request-headers"):
		want, lines = "access-control-request-headers", &r.RequestHeaders
	case len("access-control-request-private-network"):
		want, lines = "access-control-request-private-network", &r.RequestPrivateNetwork
	default:
		return nil
	}
	if !header.EqualFold(name, want) {
		return nil
	}
	return lines
}

// class judges emptiness by the bytes: HTTP/2 keeps blanks around a value.
func (r *Request) class() Class {
	switch {
	case len(r.Origin) == 0:
		return ClassNotCORS
	case r.Method == "OPTIONS" && nonEmpty(r.Origin) && nonEmpty(r.RequestMethod):
		return ClassPreflight
	case r.Method == "GET" && listed(r.Upgrade, "websocket"), r.isConnectedWebSocket():
		return ClassWebSocket
	}
	return ClassActual
}

// isConnectedWebSocket reports a handshake by extended CONNECT (RFC 8441).
func (r *Request) isConnectedWebSocket() bool {
	return r.Method == "CONNECT" && header.EqualFold(r.Protocol, "websocket")
}

func nonEmpty(lines []string) bool {
	for _, line := range lines {
		if line != "" {
			return true
		}
	}
	return false
}

func listed(lines []string, token string) bool {
	for _, line := range lines {
		if header.Contains(line, token) {
			return true
		}
	}
	return false
}

// effectiveMethod is the method that rules are chosen by. A malformed one matches no rule that
// names methods. A WebSocket handshake is a GET over HTTP/1.1, with an Origin or without.
func (r *Request) effectiveMethod(c Class) string {
	switch {
	case r.isConnectedWebSocket():
		return "GET"
	case c != ClassPreflight:
		return r.Method
	case len(r.RequestMethod) == 1 && header.IsToken(r.RequestMethod[0]):
		return r.RequestMethod[0]
	}
	return ""
}

// asksPrivateNetwork reports the request header of the withdrawn Private Network Access proposal.
func (r *Request) asksPrivateNetwork() bool {
	return len(r.RequestPrivateNetwork) == 1 && r.RequestPrivateNetwork[0] == "true"
}

// path is the path without its query.
func (r *Request) path() string {
	path, _, _ := strings.Cut(r.Path, "?")
	if path == "" {
		return "/"
	}
	return path
}

// isSameOrigin reports whether the page has the origin that it sends the request to, by
// Sec-Fetch-Site or by comparison. Sec-Fetch-Site can be trusted: no page can set it, and a client
// that is not a browser needs no CORS.
func (r *Request) isSameOrigin() bool {
	if len(r.FetchSite) == 1 && (r.FetchSite[0] == "same-origin" || r.FetchSite[0] == "none") {
		return true
	}
	if len(r.Origin) != 1 {
		return false
	}
	own := r.Origin[0]
	if o, ok := origin.Parse(own); ok {
		own = o.Canonical
	}
	scheme, rest, found := strings.Cut(own, "://")
	authority := r.Authority
	if port := origin.DefaultPort(scheme); port != "" {
		authority = strings.TrimSuffix(authority, ":"+port)
	}
	return found && isLowerOf(scheme, r.Scheme) && isLowerOf(rest, authority)
}

// isLowerOf reports whether lower is s in lower case.
func isLowerOf(lower, s string) bool {
	if !header.EqualFold(lower, s) {
		return false
	}
	for i := range len(lower) {
		if 'A' <= lower[i] && lower[i] <= 'Z' {
			return false
		}
	}
	return true
}
