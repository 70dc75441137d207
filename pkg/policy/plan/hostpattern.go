package plan

import (
	"errors"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// HostKind is the form of a [HostPattern].
type HostKind uint8

// The kinds of host patterns, from the most specific.
const (
	HostExact HostKind = iota
	HostCapture
	HostWildcard
	HostAny
)

// HostPattern is a parsed entry of hosts. Patterns can be compared with ==: {a}.x and {b}.x
// are equal, since the name of the label is not part of the pattern.
type HostPattern struct {
	Kind HostKind
	Name string // the host in lower case, or what follows the first label; "" for "*"
}

// String returns the pattern as explain writes it, {tenant} for every name of a label.
func (p HostPattern) String() string {
	return [...]string{"", "{tenant}.", "*.", "*"}[p.Kind] + p.Name
}

// ParseHost returns the pattern of an entry of hosts, without the name of a captured label.
func ParseHost(text string) (HostPattern, error) {
	p, _, fault := readHost(text)
	if fault != nil {
		return HostPattern{}, errors.New(fault.Message)
	}
	return p, nil
}

// Contains reports whether every host that another pattern matches is matched by this one. The captured label is one
// label, and a wildcard is one or more.
func (p HostPattern) Contains(other HostPattern) bool {
	switch p.Kind {
	case HostExact:
		return p == other
	case HostAny:
		return true
	}
	if other.Kind == HostAny {
		return false
	}
	if other.Kind != HostExact && other.Name == p.Name {
		return p.Kind == HostWildcard || other.Kind == HostCapture
	}
	first, below := strings.CutSuffix(other.Name, "."+p.Name)
	if p.Kind == HostWildcard {
		return below && first != ""
	}
	return below && first != "" && other.Kind == HostExact && !strings.Contains(first, ".")
}

// parseHost reads an entry of hosts.
func parseHost(text string) (p HostPattern, tenant string, fault *origin.Fault) {
	p, tenant, fault = readHost(text)
	return p, tenant, fault.Settle("a name such as api.shop.example", func(hint string) *origin.Fault {
		_, _, fault := readHost(hint)
		return fault
	})
}

func readHost(text string) (p HostPattern, tenant string, fault *origin.Fault) {
	if text == "*" {
		return HostPattern{Kind: HostAny}, "", nil
	}
	text = strings.TrimSuffix(text, ".")
	rest := text
	switch {
	case strings.HasPrefix(rest, "*."):
		p.Kind, rest = HostWildcard, rest[2:]
	case strings.HasPrefix(rest, "{"):
		var found bool
		p.Kind = HostCapture
		if tenant, rest, found = strings.Cut(rest[1:], "}."); !found {
			return p, "", &origin.Fault{
				Message: "has braces that are not the whole first label", Hint: "a name such as {tenant}.shop.example",
			}
		}
		if !origin.IsTenantName(tenant) {
			return p, "", &origin.Fault{
				Message: "has a tenant name that is not made of letters, digits, _ and -", Hint: "{tenant}." + rest,
			}
		}
	}
	p.Name = string(header.AppendLower(nil, rest))
	return p, tenant, refusedHost(text, text[:len(text)-len(rest)], p)
}

// refusedHost judges the pattern that was read from text, whose first label, if it is a wildcard or a
// tenant, is first.
func refusedHost(text, first string, p HostPattern) *origin.Fault {
	switch i := portColon(p.Name); {
	case p.Name == "":
		return &origin.Fault{Message: "is empty", Hint: `api.shop.example, or "*" for every host`}
	case text != strings.TrimSpace(text):
		return &origin.Fault{Message: "has white space around it", Hint: strings.TrimSpace(text)}
	case strings.Contains(text, "://"):
		return &origin.Fault{Message: "is an origin or URL, and hosts are named without scheme", Hint: hostWithin(text)}
	case strings.ContainsAny(text, "/@?#"):
		return &origin.Fault{Message: "is more than a host", Hint: hostWithin(text)}
	case strings.ContainsAny(p.Name, "*{}"):
		return &origin.Fault{
			Message: "has a wildcard or tenant that is not the whole first label",
			Hint:    "*.shop.example or {tenant}.shop.example",
		}
	case i >= 0:
		return &origin.Fault{
			Message: "has a port, and a policy holds for every port of its hosts", Hint: first + p.Name[:i],
		}
	case strings.Contains(p.Name, ":") && p.Name[0] != '[':
		return &origin.Fault{Message: "is an IPv6 address without brackets", Hint: "[" + p.Name + "]"}
	case p.Kind != HostExact && origin.IsAddress(p.Name):
		return &origin.Fault{Message: "has a wildcard before an IP address", Hint: p.Name}
	}
	fault := origin.CheckHost(p.Name)
	if fault != nil && fault.Hint != "" && !strings.Contains(fault.Hint, " ") {
		fault.Hint = first + fault.Hint
	}
	return fault
}

// hostWithin returns the host that may be meant by a URL, or by a part of one.
func hostWithin(text string) string {
	if _, after, found := strings.Cut(text, "://"); found {
		text = after
	}
	if end := strings.IndexAny(text, "/?#"); end >= 0 {
		text = text[:end]
	}
	return text[strings.LastIndexByte(text, '@')+1:]
}

// portColon returns the index of the colon before a port, -1 if there is none.
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
