// Package header reads and writes the parts of HTTP header fields that CORS
// needs: tokens, comma-separated lists and Vary. It knows no policy. Nothing in
// it allocates, unless a caller's buffer is too small.
package header

// tokenBytes marks the bytes of a token (RFC 9110, section 5.6.2).
var tokenBytes = func() (t [256]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		t[c] = true
	}
	return t
}()

// IsToken reports whether s is a token: a method, or a field name.
func IsToken[T ~string | ~[]byte](s T) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

// IsFieldValue reports whether s may be sent as a field value (RFC 9110, section
// 5.5). Envoy answers 500 to a mutation with any other byte, even when it is
// configured to fail open.
func IsFieldValue[T ~string | ~[]byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// EqualFold reports whether a and b are equal but for the case of ASCII letters.
// (strings.EqualFold folds Unicode too: to it the Kelvin sign equals a k.)
func EqualFold[A, B ~string | ~[]byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if Lower(a[i]) != Lower(b[i]) {
			return false
		}
	}
	return true
}

// HasPrefixFold is EqualFold for the beginning of s.
func HasPrefixFold[T ~string | ~[]byte](s T, prefix string) bool {
	return len(s) >= len(prefix) && EqualFold(s[:len(prefix)], prefix)
}

// AppendLower appends s with its ASCII letters in lower case.
func AppendLower[T ~string | ~[]byte](dst []byte, s T) []byte {
	for i := range len(s) {
		dst = append(dst, Lower(s[i]))
	}
	return dst
}

// Lower returns an ASCII letter in lower case, and every other byte as it is.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// NormalizeMethod is the Fetch standard's "normalize a method": six methods are
// put into upper case, all others are left as they are.
func NormalizeMethod(method string) string {
	for _, name := range [...]string{"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"} {
		if EqualFold(method, name) {
			return name
		}
	}
	return method
}

// IsForbiddenMethod is the Fetch standard's "forbidden method", in any case.
func IsForbiddenMethod(method string) bool {
	return EqualFold(method, "CONNECT") || EqualFold(method, "TRACE") || EqualFold(method, "TRACK")
}

// IsSafelistedMethod is the Fetch standard's "CORS-safelisted method".
func IsSafelistedMethod(method string) bool {
	return method == "GET" || method == "HEAD" || method == "POST"
}
