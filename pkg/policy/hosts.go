package policy

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/index"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// maxHost is the length of the longest host that is looked up by name. A longer
// one is no DNS name, and only "*" takes it.
const maxHost = 255

// hostIndex finds the most specific pattern that takes a host.
type hostIndex struct {
	text    *index.Text
	names   *index.Index // what a hostKind calls by the name in its pattern, in list
	list    []governed
	tenants []tenantName
	any     uint32        // 1 + the place of "*" in list, 0 where there is none
	lengths index.Lengths // of the suffixes
}

// governed is what applies to the hosts of one pattern.
type governed struct {
	kind  hostKind
	name  index.Ref
	table uint32 // in pathIndex.tables
	// tenants are the names that policies give to the captured label.
	tenants span
}

type tenantName struct {
	policy uint32
	name   index.Ref
}

func (x *hostIndex) pattern(g *governed) string {
	return hostPattern{g.kind, x.text.At(g.name)}.String()
}

// tenant binds the first label of the host by the name that the policy gives it,
// if the pattern captures it.
func (x *hostIndex) tenant(g *governed, policy uint32, host []byte) origin.Tenant {
	for _, t := range part(x.tenants, g.tenants) {
		if t.policy == policy {
			label, _, _ := cutByte(host, '.')
			return origin.Tenant{Name: x.text.At(t.name), Label: label}
		}
	}
	return origin.Tenant{}
}

// find gives what governs an authority, nil where no policy names its host.
func (x *hostIndex) find(authority string) *governed {
	if i, ok := x.names.Get(uint32(hostExact), authority); ok { // written as in the policy, as most are
		return &x.list[i]
	}
	var buf [maxHost]byte
	return x.findHost(appendHost(buf[:0], authority))
}

// findHost gives what governs a host in lower case. A host that is none is taken by "*"
// only.
func (x *hostIndex) findHost(host []byte, valid bool) *governed {
	if valid {
		if g := x.named(hostExact, host); g != nil {
			return g
		}
	}
	for first, rest := true, host; valid; first = false {
		_, after, found := cutByte(rest, '.')
		if !found {
			break
		}
		if rest = after; !x.lengths.Has(len(rest)) {
			continue
		}
		if first {
			if g := x.named(hostCapture, rest); g != nil {
				return g
			}
		}
		if g := x.named(hostWildcard, rest); g != nil {
			return g
		}
	}
	if x.any == 0 {
		return nil
	}
	return &x.list[x.any-1]
}

func (x *hostIndex) named(kind hostKind, name []byte) *governed {
	if i, ok := x.names.GetBytes(uint32(kind), name); ok {
		return &x.list[i]
	}
	return nil
}

// add adds what governs the hosts of a pattern.
func (x *hostIndex) add(p hostPattern, table uint32, tenants []tenantName) {
	i := uint32(len(x.list))
	first := len(x.tenants)
	x.tenants = append(x.tenants, tenants...)
	g := governed{kind: p.kind, table: table, tenants: partFrom(x.tenants, first)}
	if p.kind == hostAny {
		x.any = i + 1
	} else {
		g.name = x.text.Add(p.name)
		x.names.Add(uint32(p.kind), g.name, i)
		if p.kind != hostExact {
			x.lengths.Add(len(p.name))
		}
	}
	x.list = append(x.list, g)
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
	if len(name) > 2 && name[0] == '[' && name[len(name)-1] == ']' {
		dst = header.AppendLower(dst, name)
		return dst, isAddressBytes(dst[len(dst)-len(name)+1 : len(dst)-1])
	}
	return appendLabels(dst, name)
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

// appendLabels appends a name in lower case. ok is false unless it is labels of what a
// browser lets stand in a host, none of them empty
// (https://url.spec.whatwg.org/#forbidden-domain-code-point), but for a comma. Names with
// odd bytes are rare: what matters is that they are governed by the wildcard that Envoy
// routes them by.
func appendLabels(dst []byte, name string) (host []byte, ok bool) {
	label := 0
	for i := range len(name) {
		c := hostBytes[name[i]]
		switch {
		case c == 0, c == '.' && label == 0:
			return dst, false
		case c == '.':
			label = 0
		default:
			label++
		}
		dst = append(dst, c)
	}
	return dst, label > 0
}

// hostBytes gives what may stand in a host in lower case, 0 for every other byte.
var hostBytes = func() (t [256]byte) {
	for c := '!'; c < 0x7f; c++ {
		if !strings.ContainsRune(`#%,/:<>?@[\]^|`, c) {
			t[c] = header.Lower(byte(c))
		}
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
	p, tenant, fault = readHostPattern(text)
	return p, tenant, fault.Settle("api.shop.example", func(hint string) *origin.Fault {
		_, _, fault := readHostPattern(hint)
		return fault
	})
}

func readHostPattern(text string) (p hostPattern, tenant string, fault *origin.Fault) {
	if text == "*" {
		return hostPattern{kind: hostAny}, "", nil
	}
	text = strings.TrimSuffix(text, ".")
	rest := text
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
	return p, tenant, refusedHost(text, text[:len(text)-len(rest)], p)
}

// refusedHost judges what was read of text, whose first label, where it is a wildcard or
// a tenant, is first.
func refusedHost(text, first string, p hostPattern) *origin.Fault {
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
		return &origin.Fault{Message: "has a port, and a policy holds for every port of its hosts", Hint: first + p.name[:i]}
	case strings.Contains(p.name, ":") && p.name[0] != '[':
		return &origin.Fault{Message: "is an IPv6 address without brackets", Hint: "[" + p.name + "]"}
	case p.kind != hostExact && origin.IsAddress(p.name):
		return &origin.Fault{Message: "has a wildcard before an IP address", Hint: p.name}
	}
	fault := origin.CheckHost(p.name)
	if fault != nil && fault.Hint != "" {
		fault.Hint = first + fault.Hint
	}
	return fault
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
