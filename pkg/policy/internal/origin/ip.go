package origin

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// isCanonicalIPv6 reports whether an IPv6 address is written as the URL standard serialises it
// (https://url.spec.whatwg.org/#concept-ipv6-serializer): lower case, no leading zeros, the first
// longest run of two or more zero pieces as "::". It does not use netip, whose errors allocate and
// which writes IPv4-mapped addresses differently.
func isCanonicalIPv6(s string) bool {
	pieces, ok := parseIPv6(s)
	if !ok {
		return false
	}
	var buf [39]byte
	return string(appendIPv6(buf[:0], pieces)) == s
}

// parseIPv6 reads eight pieces of one to four lower-case hex digits, one run of
// which may be left out as "::".
func parseIPv6(s string) (pieces [8]uint16, ok bool) {
	n, gap := 0, -1
	if strings.HasPrefix(s, "::") {
		gap, s = 0, s[2:]
	}
	for len(s) > 0 {
		digits := hexDigits(s)
		if n == 8 || digits == 0 {
			return pieces, false
		}
		for i := range digits {
			pieces[n] = pieces[n]<<4 | hexValue(s[i])
		}
		n++
		s = s[digits:]
		switch {
		case strings.HasPrefix(s, "::") && gap < 0:
			gap, s = n, s[2:]
		case len(s) > 1 && s[0] == ':':
			s = s[1:]
		case len(s) > 0:
			return pieces, false
		}
	}
	if gap < 0 {
		return pieces, n == 8
	}
	if n == 8 {
		return pieces, false
	}
	copy(pieces[8-(n-gap):], pieces[gap:n])
	clear(pieces[gap : 8-(n-gap)])
	return pieces, true
}

func hexDigits(s string) int {
	n := 0
	for n < len(s) && n < 4 && ('0' <= s[n] && s[n] <= '9' || 'a' <= s[n] && s[n] <= 'f') {
		n++
	}
	return n
}

func hexValue(c byte) uint16 {
	if c >= 'a' {
		return uint16(c - 'a' + 10)
	}
	return uint16(c - '0')
}

func appendIPv6(dst []byte, pieces [8]uint16) []byte {
	from, to := longestZeros(pieces)
	for i := 0; i < 8; i++ {
		if i == from {
			dst = append(dst, "::"...)
			i = to - 1
			continue
		}
		if i > 0 && i != to {
			dst = append(dst, ':')
		}
		dst = strconv.AppendUint(dst, uint64(pieces[i]), 16)
	}
	return dst
}

// longestZeros returns the first longest run of two or more zero pieces, -1 and -1
// if there is none.
func longestZeros(pieces [8]uint16) (from, to int) {
	from, to = -1, -1
	for i := 0; i < 8; {
		j := i
		for j < 8 && pieces[j] == 0 {
			j++
		}
		if j-i >= 2 && j-i > to-from {
			from, to = i, j
		}
		i = j + 1
	}
	return from, to
}

// canonicalIP returns an IP address as browsers write it
// (https://url.spec.whatwg.org/#concept-host-parser). address is the host as written, in lower
// case, IPv6 with its brackets. isIP is false if browsers read the host as a name. canonical is ""
// if they read it as an address and cannot parse it.
func canonicalIP(address string) (canonical string, isIP bool) {
	if inner, ok := strings.CutPrefix(address, "["); ok {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || addr.Zone() != "" || !addr.Is6() {
			return "", true
		}
		raw := addr.As16()
		var pieces [8]uint16
		for i := range pieces {
			pieces[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
		}
		return "[" + string(appendIPv6(nil, pieces)) + "]", true
	}
	address = strings.TrimSuffix(address, ".")
	if _, ok := ipv4Number(address[strings.LastIndexByte(address, '.')+1:]); !ok {
		return "", false
	}
	return canonicalIPv4(strings.Split(address, ".")), true
}

// canonicalIPv4 follows the URL standard's IPv4 parser: up to four numbers, the
// last of which fills the bytes that are left.
func canonicalIPv4(labels []string) string {
	if len(labels) > 4 {
		return ""
	}
	var address uint64
	for i, label := range labels {
		n, ok := ipv4Number(label)
		last := i == len(labels)-1
		if !ok || !last && n > 255 || last && n >= 1<<(8*(4-i)) {
			return ""
		}
		if last {
			address |= n
		} else {
			address |= n << (8 * (3 - i))
		}
	}
	var bytes [4]byte
	binary.BigEndian.PutUint32(bytes[:], uint32(address))
	return netip.AddrFrom4(bytes).String()
}

// ipv4Number reads a decimal, octal (leading 0) or hexadecimal (leading 0x)
// number. Invalid digits (09) and numbers with too many digits are read as one that is too large.
func ipv4Number(label string) (n uint64, ok bool) {
	if label == "" || label[0] < '0' || label[0] > '9' {
		return 0, false
	}
	digits, base := label, 10
	switch {
	case strings.HasPrefix(label, "0x"):
		digits, base = label[2:], 16
		if digits == "" {
			return 0, true
		}
	case len(label) > 1 && label[0] == '0':
		digits, base = label[1:], 8
	}
	if n, err := strconv.ParseUint(digits, base, 32); err == nil {
		return n, true
	}
	number := "0123456789"
	if base == 16 {
		number += "abcdef"
	}
	if digits != "" && strings.Trim(digits, number) == "" {
		return 1 << 40, true
	}
	return 0, false
}
