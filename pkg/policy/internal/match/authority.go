package match

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
)

// MaxHost is the length of the longest host that is looked up by name, in bytes. A longer one
// is not a DNS name, and only "*" matches it.
const MaxHost = 255

var dot = []byte{'.'}

// appendHost appends the host of an authority in lower case, without port and
// one final dot. ok is false if the authority is not host[:port].
func appendHost(dst []byte, authority string) (host []byte, ok bool) {
	name := authority
	if colon := strings.LastIndexByte(name, ':'); colon >= 0 && strings.IndexByte(name[colon:], ']') < 0 {
		if !isDecimalPort(name[colon+1:]) {
			return dst, false
		}
		name = name[:colon]
	}
	name = strings.TrimSuffix(name, ".")
	if len(name) > MaxHost {
		return dst, false
	}
	if len(name) > 2 && name[0] == '[' && name[len(name)-1] == ']' {
		dst = header.AppendLower(dst, name)
		return dst, isAddressBytes(dst[len(dst)-len(name)+1 : len(dst)-1])
	}
	return appendLabels(dst, name)
}

// isDecimalPort reports whether s is one to five digits.
func isDecimalPort(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 5
}

// appendLabels appends a name in lower case. ok is false unless it consists of labels, none of
// them empty, of the bytes that browsers accept in a host
// (https://url.spec.whatwg.org/#forbidden-domain-code-point) but a comma. Names with unusual
// bytes are rare, but must be matched by the wildcard that Envoy routes them by.
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

// hostBytes maps the bytes that a host may have to lower case, and every other byte to 0.
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
