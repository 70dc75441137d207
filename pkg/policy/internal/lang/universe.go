package lang

import (
	"strings"
	"sync"
)

// Universe is a set of origins that a question is about.
type Universe struct {
	build func() *dfa
	once  sync.Once
	*dfa
	parts []part // by state
}

// The universes. Each is built when it is asked about first.
var (
	// Parsed are the canonical origins that the engine's parser accepts.
	Parsed = newUniverse(func() *dfa {
		webViews := subtract(regular(anyScheme+`://\.?`), regular(webScheme+`://\.?`))
		return either(intersect(origins(anyScheme, oneOf(hostNames, ipv6())), notDefaultPort()), webViews)
	})
	// Sent are those of them that a browser can send: if its last label is a number, a host is
	// an IPv4 address as browsers write it
	// (https://url.spec.whatwg.org/#ends-in-a-number-checker); no page has the schemes of
	// WebSockets and FTP.
	Sent = newUniverse(func() *dfa {
		numeric := origins(webScheme, `([a-z0-9_-]+\.)*(`+number+`)\.?`)
		never := either(subtract(numeric, origins(webScheme, ipv4)), regular(`(wss?|ftp)://.*`))
		return subtract(Parsed.get(), never)
	})
	// Domains are those of a web page whose host has a registered domain: two or more labels,
	// no address, not below localhost.
	Domains = newUniverse(func() *dfa {
		local := origins(webScheme, oneOf(`([a-z0-9_-]+\.)*localhost\.?`, `([a-z0-9_-]+\.)*(`+number+`)\.?`))
		return intersect(Parsed.get(), subtract(origins(webScheme, `([a-z0-9_-]+\.)+[a-z0-9_-]+\.?`), local))
	})
	// PublicAddresses are those of a web page whose host is an IP address outside loopback,
	// private and link-local networks (RFC 1122, 1918, 3927, 4193, 4291).
	PublicAddresses = newUniverse(func() *dfa {
		private := origins(webScheme, oneOf(privateIPv4, privateIPv6))
		return subtract(intersect(Sent.get(), origins(webScheme, oneOf(ipv4, `\[.*\]`))), private)
	})
	// Insecure are those that are read over a network in plain text: http, and not loopback.
	Insecure = newUniverse(func() *dfa {
		loopback := origins("http", oneOf(`([a-z0-9_-]+\.)*localhost\.?`, `127(\.`+octet+`){3}`, `\[::1\]`))
		return subtract(intersect(Sent.get(), regular(`http://.*`)), loopback)
	})
)

// Files is the origin of pages from files, in web views that do not send null for it.
var Files = newUniverse(func() *dfa { return regular(`file://`) })

func newUniverse(build func() *dfa) *Universe { return &Universe{build: build} }

func (u *Universe) get() *dfa {
	u.once.Do(func() {
		u.dfa = u.build().minimise()
		u.parts = partsOf(u.dfa)
	})
	return u.dfa
}

// Parts of an origin, as expressions.
const (
	anyScheme = `[a-z][a-z0-9+.-]*`
	webScheme = `https?`
	hostNames = `([a-z0-9_-]+\.)*[a-z0-9_-]+\.?`
	number    = `[0-9]+|0x[0-9a-f]*`
	port      = `[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]`

	octet       = `(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])`
	ipv4        = octet + `(\.` + octet + `){3}`
	privateIPv4 = `(127|10)(\.` + octet + `){3}|(172\.(1[6-9]|2[0-9]|3[01])|192\.168|169\.254)(\.` + octet + `){2}`
	privateIPv6 = `\[(::1|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*)\]`
)

// ipv6 has the addresses as browsers write them: the first longest run of two or more zero
// pieces is "::" (https://url.spec.whatwg.org/#concept-ipv6-serializer).
func ipv6() string {
	const pieces = 8
	var shapes []string
	for zeros := range 1 << pieces { // bit i: piece i is zero
		isZero := func(i int) bool { return zeros>>i&1 == 1 }
		from, length := 0, 1
		for i := range pieces {
			n := 0
			for i+n < pieces && isZero(i+n) {
				n++
			}
			if n > length {
				from, length = i, n
			}
		}
		text := func(i int) string {
			if isZero(i) {
				return "0"
			}
			return `[1-9a-f][0-9a-f]{0,3}`
		}
		var before, after []string
		for i := range pieces {
			switch {
			case length > 1 && i >= from && i < from+length:
			case length > 1 && i > from:
				after = append(after, text(i))
			default:
				before = append(before, text(i))
			}
		}
		shape := strings.Join(before, ":")
		if length > 1 {
			shape += "::" + strings.Join(after, ":")
		}
		shapes = append(shapes, shape)
	}
	return `\[(` + oneOf(shapes...) + `)\]`
}

// oneOf joins expressions.
func oneOf(exprs ...string) string { return strings.Join(exprs, "|") }

// symbols are all bytes of a canonical origin, those first that examples are to have.
const symbols = "xabcdefghijklmnopqrstuvwyz0123456789-._:/+[]"

func origins(scheme, host string) *dfa {
	return regular(`(` + scheme + `)://(` + host + `)(:(` + port + `))?`)
}

// notDefaultPort has every text but those with a default port.
func notDefaultPort() *dfa {
	return subtract(regular(`.*`), regular(`https://.*:443|http://.*:80`))
}

// regular makes the automaton of an expression of this package.
func regular(text string) *dfa {
	e, err := Parse(text)
	if err != nil {
		panic(err) // an error of this package
	}
	return determinise([]rune(symbols), e).minimise()
}

func either(a, b *dfa) *dfa {
	return combine(a, b, func(a, b bool) bool { return a || b }).minimise()
}

func intersect(a, b *dfa) *dfa {
	return combine(a, b, func(a, b bool) bool { return a && b }).minimise()
}

func subtract(a, b *dfa) *dfa {
	return combine(a, b, func(a, b bool) bool { return a && !b }).minimise()
}

// part is a part of an origin.
type part uint8

const (
	inScheme part = iota
	afterSlash
	inHost
	inAddress // in the brackets of an IPv6 address
	inPort
)

// after returns the part that a symbol leads to.
func (p part) after(r rune) part {
	switch {
	case p == inScheme && r == '/':
		return afterSlash
	case p == afterSlash, p == inAddress && r == ']':
		return inHost
	case p == inHost && r == '[':
		return inAddress
	case p == inHost && r == ':':
		return inPort
	}
	return p
}

// partsOf returns the part in which each state is: all texts that lead to one state of a minimal
// automaton of origins end in the same part.
func partsOf(d *dfa) []part {
	parts := make([]part, len(d.next))
	known := make([]bool, len(d.next))
	known[0] = true
	for queue := []int32{0}; len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		for symbol, to := range d.next[s] {
			if to != dead && !known[to] {
				known[to] = true
				parts[to] = parts[s].after(d.alphabet[symbol])
				queue = append(queue, to)
			}
		}
	}
	return parts
}

// Has reports whether a text is in the universe.
func (u *Universe) Has(text string) bool {
	d := u.get()
	state := int32(0)
	for _, r := range text {
		symbol := strings.IndexRune(symbols, r)
		if symbol < 0 {
			return false
		}
		state = d.to(state, symbol)
	}
	return d.accepts(state)
}
