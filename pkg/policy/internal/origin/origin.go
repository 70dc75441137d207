// Package origin parses the origins that browsers send and the patterns of policies, and
// compares them.
package origin

import "strings"

// MaxLength is the length in bytes of the longest origin: a scheme of 64, "://",
// a host of 253, ":" and a port of 5.
const MaxLength = 64 + 3 + 253 + 1 + 5

// Null is the origin of sandboxed frames, data: URLs and some redirects.
const Null = "null"

// Origin is a well-formed origin. Its strings are parts of the text it was
// parsed from.
type Origin struct {
	Scheme string
	Host   string
	// Port is "" for the scheme's default port, written out or not, and for a
	// scheme that has none.
	Port string
	// Canonical is the origin without its default port.
	Canonical string
}

// Parse parses an origin as browsers serialise it
// (https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin). ok is false for every other
// text, and for "null".
func Parse(s string) (o Origin, ok bool) {
	if len(s) > MaxLength {
		return Origin{}, false
	}
	scheme, authority, found := strings.Cut(s, "://")
	if !found || !isScheme(scheme) {
		return Origin{}, false
	}
	host, port, hasPort := cutPort(authority)
	if !isHostOf(scheme, host, hasPort) || hasPort && !isPort(port) {
		return Origin{}, false
	}
	o = Origin{Scheme: scheme, Host: host, Port: port, Canonical: s}
	if hasPort && port == DefaultPort(scheme) {
		o.Port = ""
		o.Canonical = s[:len(s)-len(":")-len(port)]
	}
	return o, true
}

// DefaultPort is the port that a browser leaves out for a scheme, "" if the
// scheme has none.
func DefaultPort(scheme string) string {
	switch scheme {
	case "https":
		return "443"
	case "http":
		return "80"
	}
	return ""
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return len(s) > 0
}

// cutPort cuts host:port at the colon that no IPv6 address holds.
func cutPort(authority string) (host, port string, found bool) {
	colon := strings.LastIndexByte(authority, ':')
	if colon < 0 || strings.IndexByte(authority[colon:], ']') >= 0 {
		return authority, "", false
	}
	return authority[:colon], authority[colon+1:], true
}

// isPort reports whether s is a number from 1 to 65535 without a leading zero.
func isPort(s string) bool {
	if len(s) == 0 || len(s) > 5 || s[0] == '0' {
		return false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n <= 65535
}

// isHostOf reports whether host can be that of an origin. With a scheme of their own, web views send origins without
// a host, or with a dot for it: capacitor://, file://, app://. (Electron).
func isHostOf(scheme, host string, hasPort bool) bool {
	if host == "" || host == "." {
		return DefaultPort(scheme) == "" && !hasPort
	}
	return IsHost(host)
}

// IsHost reports whether s can be the host of an origin: labels of [a-z0-9_-], of which only the
// one after a final dot may be empty, or an IPv6 address in brackets as browsers write it.
func IsHost(s string) bool {
	if strings.HasPrefix(s, "[") {
		return strings.HasSuffix(s, "]") && isCanonicalIPv6(s[1:len(s)-1])
	}
	label := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if label == 0 {
				return false
			}
			label = 0
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
			label++
		default:
			return false
		}
	}
	return label > 0 || len(s) > 1
}
