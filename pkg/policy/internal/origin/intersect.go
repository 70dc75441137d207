package origin

import "strings"

// IsOneOrigin reports whether the pattern matches a single origin.
func (p Pattern) IsOneOrigin() bool { return p.Kind == ExactHost && p.Port != AnyPort }

// Intersects reports whether an origin exists that both patterns match, for some request. A tenant counts as
// any one label.
func (p Pattern) Intersects(other Pattern) bool {
	if p.Scheme != other.Scheme || p.Port != other.Port && p.Port != AnyPort && other.Port != AnyPort {
		return false
	}
	if p.Kind > other.Kind {
		p, other = other, p
	}
	switch {
	case p.Kind == AnyHost || other.Kind == AnyHost:
		return true
	case p.Kind == ExactHost && other.Kind == ExactHost, p.Kind == TenantHost:
		return p.Host == other.Host
	case p.Kind == ExactHost && other.Kind == TenantHost:
		label, rest, _ := strings.Cut(p.Host, ".")
		return label != "" && rest == other.Host
	case p.Kind == ExactHost: // and subdomains
		return isBelow(p.Host, other.Host)
	case other.Kind == Subdomains:
		return p.Host == other.Host || isBelow(p.Host, other.Host) || isBelow(other.Host, p.Host)
	}
	// Subdomains and a tenant.
	return p.Host == other.Host || isBelow(other.Host, p.Host)
}

func isBelow(name, domain string) bool {
	rest, found := strings.CutSuffix(name, domain)
	return found && strings.HasSuffix(rest, ".")
}
