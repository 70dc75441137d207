package policy

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// maxHost is the length of the longest host that is looked up by name. A longer
// one is no DNS name, and only "*" takes it.
const maxHost = 255

// hostIndex finds the most specific pattern that takes a host.
type hostIndex struct {
	exact     map[string]*governed
	captures  map[string]*governed // {tenant}.suffix, by suffix
	wildcards map[string]*governed // *.suffix, by suffix
	any       *governed
	lengths   lengthSet // of the suffixes
}

// governed is what applies to the hosts of one pattern.
type governed struct {
	pattern string
	table   *table
	// tenants holds the name that each policy gives to the captured label.
	tenants []tenantName
}

type tenantName struct {
	policy *compiledPolicy
	name   string
}

// tenant binds the first label of the host by the name that the policy gives it,
// if the pattern captures it.
func (g *governed) tenant(p *compiledPolicy, host []byte) origin.Tenant {
	for _, t := range g.tenants {
		if t.policy == p {
			label, _, _ := cutByte(host, '.')
			return origin.Tenant{Name: t.name, Label: label}
		}
	}
	return origin.Tenant{}
}

// find gives what governs a host in lower case, nil where no policy names it. A
// host that is none is taken by "*" only.
func (x *hostIndex) find(host []byte, valid bool) *governed {
	if !valid {
		return x.any
	}
	if g := x.exact[string(host)]; g != nil {
		return g
	}
	for first, rest := true, host; ; first = false {
		_, after, found := cutByte(rest, '.')
		if !found {
			return x.any
		}
		if rest = after; !x.lengths.has(len(rest)) {
			continue
		}
		if first {
			if g := x.captures[string(rest)]; g != nil {
				return g
			}
		}
		if g := x.wildcards[string(rest)]; g != nil {
			return g
		}
	}
}

func cutByte(s []byte, c byte) (before, after []byte, found bool) {
	for i := range s {
		if s[i] == c {
			return s[:i], s[i+1:], true
		}
	}
	return s, nil, false
}

// appendHost appends the host of an authority in lower case, without port and
// one final dot. ok is false for what is not host[:port].
func appendHost(dst []byte, authority string) (host []byte, ok bool) {
	name := authority
	if colon := strings.LastIndexByte(name, ':'); colon >= 0 && strings.IndexByte(name[colon:], ']') < 0 {
		if !isDecimalPort(name[colon+1:]) {
			return dst, false
		}
		name = name[:colon]
	}
	name = strings.TrimSuffix(name, ".")
	if len(name) > maxHost {
		return dst, false
	}
	host = header.AppendLower(dst, name)
	return host, isHostBytes(host)
}

// isDecimalPort takes one to five digits.
func isDecimalPort(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 5
}

// isHostBytes takes labels of what a browser lets stand in a host, none of them empty
// (https://url.spec.whatwg.org/#forbidden-domain-code-point), but for a comma, or an
// address in brackets. Names with such bytes are rare: what matters is that they are
// governed by the wildcard that Envoy routes them by.
func isHostBytes(s []byte) bool {
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		return isAddressBytes(s[1 : len(s)-1])
	}
	label := 0
	for _, c := range s {
		switch {
		case c == '.' && label == 0:
			return false
		case c == '.':
			label = 0
		case !hostBytes[c]:
			return false
		default:
			label++
		}
	}
	return label > 0
}

// hostBytes marks what may stand in a label.
var hostBytes = func() (t [256]bool) {
	for c := '!'; c < 0x7f; c++ {
		t[c] = !strings.ContainsRune(`#%,/:<>?@[\]^|`, c)
	}
	return t
}()

func isAddressBytes(s []byte) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && c != ':' && c != '.' {
			return false
		}
	}
	return true
}

// hostKind is the form of a host pattern.
type hostKind uint8

const (
	hostExact hostKind = iota
	hostCapture
	hostWildcard
	hostAny
)

// hostPattern is a parsed entry of hosts. It is comparable: {a}.x and {b}.x are
// one pattern, and the name that a policy gives the label is not part of it.
type hostPattern struct {
	kind hostKind
	name string // the host, or what follows the first label
}

func (p hostPattern) String() string {
	return [...]string{"", "{tenant}.", "*.", "*"}[p.kind] + p.name
}

// base is the name that the pattern is about, "" for "*".
func (p hostPattern) base() string { return p.name }

// parseHostPattern reads an entry of hosts.
func parseHostPattern(text string) (p hostPattern, tenant string, fault *origin.Fault) {
	if text == "*" {
		return hostPattern{kind: hostAny}, "", nil
	}
	rest := strings.TrimSuffix(text, ".")
	switch {
	case strings.HasPrefix(rest, "*."):
		p.kind, rest = hostWildcard, rest[2:]
	case strings.HasPrefix(rest, "{"):
		var found bool
		p.kind = hostCapture
		if tenant, rest, found = strings.Cut(rest[1:], "}."); !found {
			return p, "", &origin.Fault{Message: "has braces that are not the whole first label", Hint: "{tenant}.shop.example"}
		}
		if !origin.IsTenantName(tenant) {
			return p, "", &origin.Fault{Message: "has a tenant name that is not made of letters, digits, _ and -", Hint: "{tenant}." + rest}
		}
	}
	p.name = string(header.AppendLower(nil, rest))
	return p, tenant, refusedHost(text, p)
}

func refusedHost(text string, p hostPattern) *origin.Fault {
	switch i := portColon(p.name); {
	case p.name == "":
		return &origin.Fault{Message: "is empty", Hint: `api.shop.example, or "*" for every host`}
	case strings.Contains(text, "://"):
		return &origin.Fault{Message: "is an origin or URL, and hosts are named without scheme", Hint: hostWithin(text)}
	case strings.ContainsAny(text, "/@?#"):
		return &origin.Fault{Message: "is more than a host", Hint: hostWithin(text)}
	case strings.ContainsAny(p.name, "*{}"):
		return &origin.Fault{Message: "has a wildcard or tenant that is not the whole first label", Hint: "*.shop.example or {tenant}.shop.example"}
	case i >= 0:
		return &origin.Fault{Message: "has a port, and a policy holds for every port of its hosts", Hint: p.String()[:len(p.String())-len(p.name[i:])]}
	case strings.Contains(p.name, ":") && p.name[0] != '[':
		return &origin.Fault{Message: "is an IPv6 address without brackets", Hint: "[" + p.name + "]"}
	case p.kind != hostExact && origin.IsAddress(p.name):
		return &origin.Fault{Message: "has a wildcard before an IP address", Hint: p.name}
	}
	return origin.CheckHost(p.name)
}

// hostWithin gives what may be meant by a URL, or a part of one.
func hostWithin(text string) string {
	if _, after, found := strings.Cut(text, "://"); found {
		text = after
	}
	if end := strings.IndexAny(text, "/?#"); end >= 0 {
		text = text[:end]
	}
	return text[strings.LastIndexByte(text, '@')+1:]
}

// portColon gives the place of the colon before a port, -1 where there is none.
func portColon(host string) int {
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || strings.IndexByte(host[colon:], ']') >= 0 {
		return -1
	}
	if host[0] != '[' && strings.IndexByte(host, ':') != colon {
		return -1 // an IPv6 address without brackets
	}
	return colon
}

// capturesOf gives the names of captured labels, by what follows the label.
func capturesOf(hosts []compiledHost) map[string]string {
	var captures map[string]string
	for _, h := range hosts {
		if h.tenant == "" {
			continue
		}
		if captures == nil {
			captures = map[string]string{}
		}
		captures[h.pattern.name] = h.tenant
	}
	return captures
}
