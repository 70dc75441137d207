package origin

import (
	"fmt"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
)

// Any is the pattern that matches every origin.
const Any = "*"

// AnyPort is the port of a pattern that matches every port.
const AnyPort = "*"

// HostKind is the kind of hosts that a [Pattern] matches.
type HostKind int

// The kinds of hosts.
const (
	ExactHost  HostKind = iota // Host itself
	Subdomains                 // one or more labels before Host: https://*.shop.example
	AnyHost                    // every host: https://*
	TenantHost                 // the tenant's label before Host: https://{tenant}.app.example
)

// Pattern is a set of origins of one scheme.
type Pattern struct {
	Scheme string
	Kind   HostKind
	Host   string // without "*." or "{tenant}."; "" for AnyHost
	Tenant string // the name between the braces
	Port   string // as in [Origin], or AnyPort
}

// Notes reports oddities of a pattern that is valid nevertheless.
type Notes struct {
	UpperCase   bool // browsers write scheme and host in lower case
	DefaultPort bool // browsers leave the default port out
}

// Fault is why a text is not a valid pattern, with a hint at a valid one. A hint without a blank
// is the text to write instead, and matches nothing that the wrong text cannot mean. All others
// are words.
type Fault struct {
	Message, Hint string
}

// Settle returns the fault with a hint that is valid itself. A hint that has a fault is replaced
// by the hint of that fault, and in the end by words. f may be nil.
func (f *Fault) Settle(words string, parse func(hint string) *Fault) *Fault {
	if f == nil {
		return nil
	}
	hint := f.Hint
	for i := 0; hint != "" && i < 4; i++ {
		if strings.Contains(hint, " ") {
			return &Fault{f.Message, hint}
		}
		wrong := parse(hint)
		if wrong == nil {
			return &Fault{f.Message, hint}
		}
		hint = wrong.Hint
	}
	return &Fault{f.Message, words}
}

// String returns the pattern in its canonical form.
func (p Pattern) String() string {
	host := p.Host
	switch p.Kind {
	case Subdomains:
		host = "*." + host
	case AnyHost:
		host = "*"
	case TenantHost:
		host = "{" + p.Tenant + "}." + host
	}
	if p.Port != "" {
		host += ":" + p.Port
	}
	return p.Scheme + "://" + host
}

// IsFile reports whether the pattern matches pages from anybody's files, in web views that do not
// send null for them.
func (p Pattern) IsFile() bool { return p.Scheme == "file" }

// IsLoopback reports whether every origin that the pattern matches is this
// machine's own: localhost, a name below it, 127.0.0.0/8 or [::1].
func (p Pattern) IsLoopback() bool {
	if p.Kind == AnyHost {
		return false
	}
	host := strings.TrimSuffix(p.Host, ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "[::1]" ||
		p.Kind == ExactHost && isIPv4(host) && strings.HasPrefix(host, "127.")
}

// Matches reports whether the pattern matches the origin, for requests to a host
// that bound tenant.
func (p Pattern) Matches(o Origin, tenant Tenant) bool {
	if p.Scheme != o.Scheme || p.Port != AnyPort && p.Port != o.Port {
		return false
	}
	switch p.Kind {
	case ExactHost:
		return o.Host == p.Host
	case Subdomains:
		return strings.HasSuffix(o.Host, "."+p.Host)
	case TenantHost:
		return p.Tenant == tenant.Name && o.Host == string(tenant.Label)+"."+p.Host
	}
	return true
}

// Misses returns the difference between the pattern and an origin that it does not match, if the
// difference is small and a common mistake. Otherwise it returns "".
func (p Pattern) Misses(o Origin, tenant Tenant) string {
	other := p
	other.Scheme, other.Port = o.Scheme, AnyPort
	switch {
	case other.Matches(o, tenant) && p.Scheme != o.Scheme:
		return "another scheme"
	case other.Matches(o, tenant):
		return "another port"
	case p.Kind == Subdomains && o.Host == p.Host:
		return "the name itself is not below it"
	case p.Kind == ExactHost && (o.Host == "www."+p.Host || "www."+o.Host == p.Host):
		return "www. more or less"
	case p.Kind == ExactHost && strings.TrimSuffix(o.Host, ".") == strings.TrimSuffix(p.Host, "."):
		return "a final dot more or less"
	}
	return ""
}

func isIPv4(host string) bool {
	canonical, isIP := canonicalIP(host)
	return isIP && canonical == host
}

// ParsePattern reads an entry of allowOrigins other than [Any].
func ParsePattern(s string) (Pattern, Notes, *Fault) {
	p, notes, fault := parsePattern(s)
	return p, notes, fault.Settle(exampleOrigin, func(hint string) *Fault {
		_, _, fault := parsePattern(hint)
		return fault
	})
}

// exampleOrigin is the hint if a text leaves open which origin it means.
const exampleOrigin = "an origin such as https://www.shop.example"

func parsePattern(s string) (Pattern, Notes, *Fault) {
	var notes Notes
	if fault := refusedWhole(s); fault != nil {
		return Pattern{}, notes, fault
	}
	lower := lowerASCII(s)
	scheme, rest, found := strings.Cut(lower, "://")
	if !found {
		return Pattern{}, notes, withoutScheme(lower)
	}
	if !isScheme(scheme) {
		return Pattern{}, notes, &Fault{"has a scheme that no browser knows", "https://" + rest}
	}
	if scheme == "ws" || scheme == "wss" {
		hint := "http" + strings.TrimPrefix(scheme, "ws") + "://" + rest
		return Pattern{}, notes, &Fault{"has the scheme of a WebSocket, and the page that opens it has another", hint}
	}
	if scheme == "file" && rest != "" {
		fault := &Fault{"names a file: the origin of its page is null, or file:// in web views", "file://"}
		return Pattern{}, notes, fault
	}
	if fault := refusedRest(s[len(s)-len(rest):], scheme); fault != nil {
		return Pattern{}, notes, fault
	}
	p := Pattern{Scheme: scheme}
	host, port, hasPort := cutPort(rest)
	if fault := p.setPort(port, hasPort, host); fault != nil {
		return Pattern{}, notes, fault
	}
	notes.DefaultPort = hasPort && p.Port == ""
	notes.UpperCase = withoutTenant(s) != lowerASCII(withoutTenant(s))
	original := s[len(s)-len(rest):][:len(host)]
	if fault := p.setHost(host, original); fault != nil {
		return Pattern{}, notes, fault
	}
	if len(p.String()) > MaxLength {
		return Pattern{}, notes, &Fault{fmt.Sprintf("is longer than %d bytes", MaxLength), ""}
	}
	return p, notes, nil
}

// withoutScheme is the fault of a text without "://".
func withoutScheme(lower string) *Fault {
	for _, scheme := range []string{"https", "http", "file"} {
		for _, separator := range []string{":", ";", "//"} {
			if rest, found := strings.CutPrefix(lower, scheme+separator); found {
				return &Fault{`has no "://" behind its scheme`, scheme + "://" + strings.TrimLeft(rest, `:/\`)}
			}
		}
	}
	for _, scheme := range []string{"data:", "about:", "javascript:", "blob:"} {
		if strings.HasPrefix(lower, scheme) {
			return &Fault{
				"names pages that have no name of their own: their origin is null",
				"allowNullOrigin: true, if you must",
			}
		}
	}
	p := Pattern{Scheme: "https"}
	rest := strings.TrimLeft(lower, ":/")
	if strings.HasPrefix(rest, ".") {
		rest = "*" + rest // as for cookies
	}
	if p.Host, _, _ = cutPort(rest); p.IsLoopback() {
		p.Scheme = "http"
	}
	return &Fault{"has no scheme", p.Scheme + "://" + rest}
}

// lowerASCII keeps the length of s, as strings.ToLower does not.
func lowerASCII(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return string(header.AppendLower(nil, s))
		}
	}
	return s
}

// refusedWhole refuses texts that cannot be an origin, whatever their parts are.
func refusedWhole(s string) *Fault {
	switch {
	case s == "":
		return &Fault{"is empty", exampleOrigin}
	case strings.EqualFold(s, Null):
		return &Fault{"is not the name of an origin", "allowNullOrigin: true"}
	case strings.Trim(s, "'") == "self":
		return &Fault{"is not an origin, and a host's own pages need no entry", "remove it, or the origins that may"}
	case s != strings.TrimSpace(s):
		return &Fault{"has white space around it", strings.TrimSpace(s)}
	case IsExpression(s):
		return &Fault{"is not an origin, but looks like a regular expression", wordsForRegex}
	case strings.ContainsAny(s, ", \t\r\n"):
		return &Fault{"is not one origin", "one entry of the list for each origin"}
	}
	return nil
}

// wordsForRegex is the hint if no entry matches what a text with a pattern in it means.
const wordsForRegex = "one entry for each origin, or an expression in allowOriginRegexes"

// IsExpression reports whether a text is a regular expression rather than a mistyped origin.
func IsExpression(s string) bool {
	for _, part := range []string{`\.`, `\/`, `\d`, `\w`, "?:", "[a-z", "[^", "[0-9"} {
		if strings.Contains(s, part) {
			return true
		}
	}
	return strings.ContainsAny(s, "^$()|") || strings.HasPrefix(s, ".*") || strings.HasPrefix(s, "regex:") ||
		len(s) > 0 && s[0] == '/' && s[len(s)-1] == '/'
}

// refusedRest refuses text that may not follow the scheme.
func refusedRest(rest, scheme string) *Fault {
	if trimmed := strings.TrimLeft(rest, `/\`); trimmed != rest && trimmed != "" {
		return &Fault{`has more than "//" behind its scheme`, scheme + "://" + lowerASCII(trimmed)}
	}
	if i := strings.IndexAny(rest, `/?#\`); i >= 0 {
		bare := scheme + "://" + lowerASCII(rest[:i])
		if i == len(rest)-1 && rest[i] == '/' {
			return &Fault{"has a trailing slash, and an origin has none", bare}
		}
		return &Fault{"has a path, and an origin has none", bare}
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		return &Fault{"has user info, and an origin has none", scheme + "://" + lowerASCII(rest[i+1:])}
	}
	for i := range len(rest) {
		if rest[i] >= 0x80 {
			return nonASCII(rest, scheme)
		}
	}
	return nil
}

func nonASCII(rest, scheme string) *Fault {
	host, port, hasPort := cutPort(rest)
	prefix := ""
	if i := strings.IndexByte(host, '.'); i > 0 && (host[:i] == "*" || host[0] == '{') {
		prefix, host = host[:i+1], host[i+1:]
	}
	ascii := Punycode(host)
	if ascii == "" {
		return &Fault{"is not ASCII, and browsers send the punycode form", ""}
	}
	if hasPort {
		ascii += ":" + port
	}
	return &Fault{"is not ASCII, and browsers send the punycode form", scheme + "://" + prefix + ascii}
}

// withoutTenant leaves out the name between braces, which may have upper case.
func withoutTenant(s string) string {
	before, after, found := strings.Cut(s, "{")
	if !found {
		return s
	}
	_, after, _ = strings.Cut(after, "}")
	return before + after
}

func (p *Pattern) setPort(port string, hasPort bool, host string) *Fault {
	bare := p.Scheme + "://" + host
	switch {
	case !hasPort:
	case port == AnyPort && DefaultPort(p.Scheme) == "":
		return &Fault{"has a wildcard in a custom scheme", wordsForRegex}
	case port == AnyPort:
		p.Port = AnyPort
	case port == "":
		return &Fault{"has a colon without a port", bare}
	case !isPort(port):
		trimmed := strings.TrimLeft(port, "0")
		if isPort(trimmed) {
			return &Fault{"has a port with a leading zero", bare + ":" + trimmed}
		}
		return &Fault{"has a port that is not a number from 1 to 65535", "a port such as :8443, or :* for every port"}
	case port != DefaultPort(p.Scheme):
		p.Port = port
	}
	return nil
}

// setHost reads the host, which is in lower case but in original.
func (p *Pattern) setHost(host, original string) *Fault {
	switch {
	case isHostOf(p.Scheme, host, p.Port != "") && (host == "" || host == "."):
		p.Host = host
		return nil
	case (host == "" || host == ".") && DefaultPort(p.Scheme) == "":
		return &Fault{"has a port without a host", p.Scheme + "://" + host}
	case host == "":
		return &Fault{"has no host", exampleOrigin}
	case strings.ContainsAny(host, "{}"):
		return p.setTenant(original)
	case !strings.Contains(host, "*"):
		p.Host = host
		return p.checkName(host)
	case DefaultPort(p.Scheme) == "":
		return &Fault{"has a wildcard in a custom scheme", wordsForRegex}
	case host == "*":
		p.Kind = AnyHost
		return nil
	case !strings.HasPrefix(host, "*.") || strings.Contains(host[1:], "*"):
		return &Fault{"has a wildcard that is not the whole first label", wordsForRegex}
	}
	p.Kind, p.Host = Subdomains, host[2:]
	if _, isIP := canonicalIP(p.Host); isIP {
		return &Fault{"has a wildcard before an IP address", "the address itself"}
	}
	return p.checkName(p.Host)
}

func (p *Pattern) setTenant(original string) *Fault {
	name, rest, found := strings.Cut(strings.TrimPrefix(original, "{"), "}.")
	rest = lowerASCII(rest)
	switch {
	case !found || !strings.HasPrefix(original, "{") || strings.ContainsAny(rest, "{}*"):
		return &Fault{"has braces that are not the whole first label", wordsForTenant}
	case !IsTenantName(name):
		return &Fault{"has a tenant name that is not made of letters, digits, _ and -", wordsForTenant}
	case DefaultPort(p.Scheme) == "":
		return &Fault{"has a tenant in a custom scheme", "an https: origin"}
	}
	p.Kind, p.Tenant, p.Host = TenantHost, name, rest
	if _, isIP := canonicalIP(rest); isIP {
		return &Fault{"has a tenant before an IP address", "the address itself"}
	}
	return p.checkName(rest)
}

// wordsForTenant is the hint for braces: which names the hosts of the policy bind is not known here.
const wordsForTenant = "a name that the policy's hosts bind, as in https://{tenant}.app.example"

// IsTenantName reports whether a name may stand between braces.
func IsTenantName(name string) bool {
	for i := range len(name) {
		c := name[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || (name[i] < '0' || name[i] > '9') && name[i] != '_' && name[i] != '-') {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 63
}

// checkName refuses a host that no browser writes like this.
func (p *Pattern) checkName(host string) *Fault {
	if DefaultPort(p.Scheme) != "" {
		if canonical, isIP := canonicalIP(host); isIP && canonical == "" {
			return &Fault{
				"has a host that browsers take for an IP address, and it is none",
				p.Scheme + "://192.0.2.7 or " + p.Scheme + "://[2001:db8::7]",
			}
		} else if isIP && canonical != host {
			hint := Pattern{Scheme: p.Scheme, Host: canonical, Port: p.Port}
			return &Fault{"has an IP address that browsers write differently", hint.String()}
		}
	}
	if below, dotted := strings.CutPrefix(host, "."); dotted && IsHost(below) {
		return &Fault{"has a dot before its host", p.Scheme + "://*." + below}
	}
	if !IsHost(host) {
		return &Fault{"has a host that is not made of labels of letters, digits, - and _", exampleOrigin}
	}
	return nil
}
