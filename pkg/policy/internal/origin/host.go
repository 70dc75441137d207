package origin

import (
	"strings"

	"golang.org/x/net/idna"
)

// CheckHost reads the name or the address of a host without a port, as a policy
// names it: s is in lower case, without a final dot.
func CheckHost(s string) *Fault {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return &Fault{"is not ASCII, and browsers send the punycode form", Punycode(s)}
		}
	}
	if canonical, isIP := canonicalIP(s); isIP && canonical != s {
		return &Fault{"is an IP address that browsers write differently, or none", canonical}
	}
	if !IsHost(s) || len(s) > 253 || strings.HasSuffix(s, ".") {
		return &Fault{"is not made of labels of letters, digits, - and _", "a name such as api.shop.example"}
	}
	return nil
}

// Punycode returns the ASCII form of a name, "" if it has none. It takes time by the
// square, so a name that is far too long is not tried.
func Punycode(name string) string {
	if len(name) > 255 {
		return ""
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		return "" // half a name would be no help
	}
	return ascii
}

// IsAddress reports whether browsers take a host, in lower case, for an IP address.
func IsAddress(host string) bool {
	_, isIP := canonicalIP(host)
	return isIP
}
