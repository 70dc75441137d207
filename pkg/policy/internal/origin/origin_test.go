package origin_test

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		want origin.Origin // the zero Origin where the text is none
	}{
		{"https://www.shop.example", origin.Origin{Scheme: "https", Host: "www.shop.example", Canonical: "https://www.shop.example"}},
		{"https://www.shop.example:443", origin.Origin{Scheme: "https", Host: "www.shop.example", Canonical: "https://www.shop.example"}},
		{"http://localhost:80", origin.Origin{Scheme: "http", Host: "localhost", Canonical: "http://localhost"}},
		{"http://localhost:443", origin.Origin{Scheme: "http", Host: "localhost", Port: "443", Canonical: "http://localhost:443"}},
		{"https://[::1]:8443", origin.Origin{Scheme: "https", Host: "[::1]", Port: "8443", Canonical: "https://[::1]:8443"}},
		{"https://[::1]", origin.Origin{Scheme: "https", Host: "[::1]", Canonical: "https://[::1]"}},
		{"tauri://localhost", origin.Origin{Scheme: "tauri", Host: "localhost", Canonical: "tauri://localhost"}},
		{"app://a.:1", origin.Origin{Scheme: "app", Host: "a.", Port: "1", Canonical: "app://a.:1"}},
		{"app://.", origin.Origin{Scheme: "app", Host: ".", Canonical: "app://."}},
		{"file://", origin.Origin{Scheme: "file", Canonical: "file://"}},
		{"app://:1", origin.Origin{}},
		{"app://.:1", origin.Origin{}},
		{"http://.", origin.Origin{}},
		{"null", origin.Origin{}},
		{"", origin.Origin{}},
		{"https://", origin.Origin{}},
		{"https://a/", origin.Origin{}},
		{"https://A", origin.Origin{}},
		{"https://[::1", origin.Origin{}},
		{"https://[::1]:", origin.Origin{}},
		{"https://[::g]", origin.Origin{}},
		{"https://[1:2:3:4:5:6:7:8:]", origin.Origin{}},
		{"https://[1:2:3:4:5:6:7::8]", origin.Origin{}},
		{"https://[12345::]", origin.Origin{}},
		{"https://[:]", origin.Origin{}},
		{"https://[:::]", origin.Origin{}},
		{"https://[1:]", origin.Origin{}},
	}
	for _, test := range tests {
		o, ok := origin.Parse(test.text)
		if o != test.want || ok != (test.want.Scheme != "") {
			t.Errorf("%q: %+v, %t", test.text, o, ok)
		}
	}
}

func TestParsePattern(t *testing.T) {
	tests := []struct {
		text  string
		want  origin.Pattern
		notes origin.Notes
		text2 string // of the pattern
	}{
		{"https://a.example", origin.Pattern{Scheme: "https", Host: "a.example"}, origin.Notes{}, "https://a.example"},
		{"HTTPS://A.Example:443", origin.Pattern{Scheme: "https", Host: "a.example"}, origin.Notes{UpperCase: true, DefaultPort: true}, "https://a.example"},
		{"https://*.a.example:*", origin.Pattern{Scheme: "https", Kind: origin.Subdomains, Host: "a.example", Port: "*"}, origin.Notes{}, "https://*.a.example:*"},
		{"http://*:8080", origin.Pattern{Scheme: "http", Kind: origin.AnyHost, Port: "8080"}, origin.Notes{}, "http://*:8080"},
		{"https://{Te-1_x}.A.example", origin.Pattern{Scheme: "https", Kind: origin.TenantHost, Tenant: "Te-1_x", Host: "a.example"}, origin.Notes{UpperCase: true}, "https://{Te-1_x}.a.example"},
		{"https://{T}.a.example", origin.Pattern{Scheme: "https", Kind: origin.TenantHost, Tenant: "T", Host: "a.example"}, origin.Notes{}, "https://{T}.a.example"},
		{"app://x:80", origin.Pattern{Scheme: "app", Host: "x", Port: "80"}, origin.Notes{}, "app://x:80"},
		{"app://0x7f.1", origin.Pattern{Scheme: "app", Host: "0x7f.1"}, origin.Notes{}, "app://0x7f.1"},
	}
	for _, test := range tests {
		p, notes, fault := origin.ParsePattern(test.text)
		if fault != nil || p != test.want || notes != test.notes || p.String() != test.text2 {
			t.Errorf("%q: %+v %+v %v, %s", test.text, p, notes, fault, p)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for text, want := range map[string]bool{
		"http://localhost": true, "http://localhost:*": true, "http://localhost.": true, "http://a.localhost": true, "http://*.localhost": true,
		"http://127.0.0.1": true, "http://127.255.0.9:80": true, "http://[::1]": true, "http://{t}.localhost": true,
		"http://*": false, "http://a.example": false, "http://xlocalhost": false, "http://localhost.example": false, "http://128.0.0.1": false,
		"http://127.0.0.1.example": false, "http://[::2]": false, "http://[::ffff:7f00:1]": false,
	} {
		p, _, fault := origin.ParsePattern(text)
		if fault != nil || p.IsLoopback() != want {
			t.Errorf("%s: loopback %t (%v)", text, p.IsLoopback(), fault)
		}
	}
}

// TestIPv6 compares the addresses that are taken with net/netip's, whose form is
// that of browsers but for IPv4-mapped addresses.
func TestIPv6(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var raw [16]byte
		for i := range 8 {
			piece := rapid.SampledFrom([]uint16{0, 0, 0, 1, 0xa, 0xff, 0x1234, 0xffff}).Draw(t, "piece")
			raw[2*i], raw[2*i+1] = byte(piece>>8), byte(piece)
		}
		addr := netip.AddrFrom16(raw)
		text := addr.String()
		if addr.Is4In6() {
			return
		}
		if !origin.IsHost("[" + text + "]") {
			t.Errorf("%s is not taken", text)
		}
		for _, other := range []string{addr.StringExpanded(), strings.ToUpper(text), strings.Replace(text, "::", ":0:", 1), "0" + text, text + ":"} {
			if other != text && origin.IsHost("["+other+"]") {
				t.Errorf("%s is taken, whose form is %s", other, text)
			}
		}
	})
}

// FuzzCheckHost checks that a host that is taken may stand in an origin, and that
// a hint is taken in its turn.
func FuzzCheckHost(f *testing.F) {
	for _, s := range []string{"a.example", "1.2.3.4", "0x7f.1", "1.2.3", "256", "08", "0x", "0xg", "1.2.3.4.5", "[::1]", "[::ffff:1.2.3.4]", "[::1%a]", "[", "ä.example", "a.", "", "4294967296", "0x100000000", "1.0x.3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fault := origin.CheckHost(s)
		if fault == nil {
			if !origin.IsHost(s) {
				t.Errorf("%q is taken, and may not stand in an origin", s)
			}
			return
		}
		if fault.Message == "" {
			t.Errorf("%q: no message", s)
		}
		if hint := fault.Hint; hint != "" && !strings.Contains(hint, " ") && strings.ToLower(hint) == hint && !strings.HasPrefix(hint, "xn--") && origin.CheckHost(hint) != nil && strings.Trim(s, "0123456789abcdefx.:[]") == "" {
			t.Errorf("%q: the hint %q is not taken", s, hint)
		}
	})
}
