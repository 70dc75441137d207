package header_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy/internal/header"
)

// elements reads a list with Next.
func elements(list string) []string {
	var all []string
	for e, rest := header.Next(list); e != ""; e, rest = header.Next(rest) {
		all = append(all, e)
	}
	return all
}

// slowElements is the obvious reading of a list.
func slowElements(list string) []string {
	var all []string
	for _, e := range strings.Split(list, ",") {
		if e = strings.Trim(e, " \t"); e != "" {
			all = append(all, e)
		}
	}
	return all
}

// lower puts ASCII letters into lower case, one by one.
func lower(s string) string {
	b := []byte(s)
	for i := range b {
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

func TestNext(t *testing.T) {
	tests := []struct {
		name, list string
		want       []string
	}{
		{"an empty list", "", nil},
		{"commas and blanks", " ,,\t, ", nil},
		{"one element", "a", []string{"a"}},
		{"blanks and tabulators around", "\t a ,b\t", []string{"a", "b"}},
		{"empty elements between", ",a,, ,b,", []string{"a", "b"}},
		{"blanks within stay", "a b, c", []string{"a b", "c"}},
		{"other white space stays", "a\n,\rb\v", []string{"a\n", "\rb\v"}},
		{"bytes that are not ASCII stay", "\xff,ä", []string{"\xff", "ä"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := elements(test.list); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestIsToken(t *testing.T) {
	for c := range 256 {
		want := strings.IndexByte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", byte(c)) >= 0
		if got := header.IsToken("x" + string([]byte{byte(c)})); got != want {
			t.Errorf("byte %#x: %t", c, got)
		}
	}
	if header.IsToken("") {
		t.Error("an empty token")
	}
}

func TestIsFieldValue(t *testing.T) {
	for c := range 256 {
		want := c == '\t' || c >= ' ' && c != 0x7f
		if got := header.IsFieldValue([]byte{'x', byte(c)}); got != want {
			t.Errorf("byte %#x: %t", c, got)
		}
	}
}

func TestEqualFold(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"Origin", "oRIGIN", true},
		{"origin", "origins", false},
		{"@[`{", "`{@[", false}, // 32 apart, as letters are
		{"k", "\u212a", false},  // the Kelvin sign
		{"\xc4", "\xe4", false}, // Latin-1
	}
	for _, test := range tests {
		if got := header.EqualFold(test.a, []byte(test.b)); got != test.want {
			t.Errorf("%q and %q: %t", test.a, test.b, got)
		}
	}
	if !header.HasPrefixFold("Sec-Fetch", "sec-") || header.HasPrefixFold("Sec", "sec-") || header.HasPrefixFold("second", "sec-") {
		t.Error("prefixes")
	}
}

// TestForbiddenRequestHeaders holds the list of the Fetch standard.
func TestForbiddenRequestHeaders(t *testing.T) {
	for _, name := range []string{
		"Accept-Charset", "Accept-Encoding", "Access-Control-Request-Headers", "Access-Control-Request-Method",
		"Connection", "Content-Length", "Cookie", "Cookie2", "Date", "DNT", "Expect", "Host",
		"Keep-Alive", "Origin", "Referer", "Set-Cookie", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Via", "Proxy-", "Proxy-X", "Sec-", "sec-ch-ua",
	} {
		for _, spelled := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if !header.IsForbiddenRequestHeader(spelled) {
				t.Errorf("%s is not forbidden", spelled)
			}
		}
	}
	for _, name := range []string{
		"", "Accept", "Accept-Language", "Authorization", "Content-Type", "X-HTTP-Method-Override", "proxy", "sec", "tea", "hosts", "access-control", "Access-Control-Allow-Origin", "Access-Control-Request-Private-Network",
		strings.Repeat("x", 300),
	} {
		if header.IsForbiddenRequestHeader(name) {
			t.Errorf("%s is forbidden", name)
		}
	}
}

func TestResponseHeaders(t *testing.T) {
	for name, want := range map[string][2]bool{ // forbidden, safelisted
		"Set-Cookie": {true, false}, "set-cookie2": {true, false}, "Cache-Control": {false, true}, "Content-Language": {false, true},
		"CONTENT-LENGTH": {false, true}, "Content-Type": {false, true}, "Expires": {false, true}, "Last-Modified": {false, true}, "pragma": {false, true},
		"ETag": {false, false}, "Cookie": {false, false}, "": {false, false},
	} {
		if got := [2]bool{header.IsForbiddenResponseHeader(name), header.IsSafelistedResponseHeader(name)}; got != want {
			t.Errorf("%s: forbidden and safelisted are %t", name, got)
		}
	}
}

func TestMethods(t *testing.T) {
	tests := []struct {
		method, normalized    string
		forbidden, safelisted bool
	}{
		{"get", "GET", false, false},
		{"GET", "GET", false, true},
		{"Head", "HEAD", false, false},
		{"HEAD", "HEAD", false, true},
		{"pOST", "POST", false, false},
		{"POST", "POST", false, true},
		{"put", "PUT", false, false},
		{"delete", "DELETE", false, false},
		{"options", "OPTIONS", false, false},
		{"patch", "patch", false, false},
		{"connect", "connect", true, false},
		{"Trace", "Trace", true, false},
		{"TRACK", "TRACK", true, false},
		{"pu\u017f\u0074", "pu\u017f\u0074", false, false},
		{"po\u017ft", "po\u017ft", false, false}, // a long s, which is an S in upper case
		{"", "", false, false},
	}
	for _, test := range tests {
		if got := header.NormalizeMethod(test.method); got != test.normalized {
			t.Errorf("%q is normalised to %q", test.method, got)
		}
		if header.IsForbiddenMethod(test.method) != test.forbidden || header.IsSafelistedMethod(test.method) != test.safelisted {
			t.Errorf("%q: forbidden or safelisted", test.method)
		}
	}
}

// slowVary is AppendVary without a thought for time: "" where nothing is to be done.
func slowVary(lines, names []string) string {
	var all []string
	has := func(name string) bool {
		return slices.ContainsFunc(all, func(e string) bool { return lower(e) == lower(name) })
	}
	for _, line := range lines {
		all = append(all, slowElements(line)...)
	}
	if has("*") || !slices.ContainsFunc(names, func(name string) bool { return !has(name) }) {
		return ""
	}
	given := append(all, names...)
	all = nil
	for _, e := range given {
		legal := !strings.ContainsFunc(e, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
		if legal && !has(e) {
			all = append(all, e)
		}
	}
	return strings.Join(all, ", ")
}

// FuzzVary compares the merging of Vary with the slow one.
func FuzzVary(f *testing.F) {
	for _, lines := range [][2]string{
		{"", ""},
		{"Accept", ""},
		{"Accept, Origin", ""},
		{"origin", "ORIGIN"},
		{"*", ""},
		{"Accept", "Cookie,*"},
		{",,", " , "},
		{"a b", "a\x00b, c"},
		{"Accept,accept", "ACCEPT"},
		{"X-Origin", "Origin-X"},
		{"Access-Control-Request-Method", "Origin"},
		{"\xff", "ä,Ä"},
		{"**", "* *"},
	} {
		f.Add(lines[0], lines[1], true)
		f.Add(lines[0], lines[1], false)
	}
	f.Fuzz(func(t *testing.T, first, second string, preflight bool) {
		if len(elements(first))+len(elements(second)) > header.MaxDistinct || 2*len(first+second) > header.MaxDistinctBytes {
			return // repeats are removed from shorter lists only
		}
		names := []string{"Origin"}
		if preflight {
			names = append(names, "Access-Control-Request-Method", "Access-Control-Request-Headers")
		}
		got, changed := header.AppendVary([]byte("before"), [][]byte{[]byte(first), []byte(second)}, names)
		want := slowVary([]string{first, second}, names)
		if changed != (want != "") || string(got) != "before"+want {
			t.Errorf("%q and %q: %q, %t; want %q", first, second, got, changed, want)
		}
	})
}

// TestLongLists: an element after the bounds is appended even if it is a repeat, and none is lost.
func TestLongLists(t *testing.T) {
	names := func(n int) string { return strings.TrimSuffix(strings.Repeat("x, ", n), ", ") }
	tests := []struct {
		name  string
		list  string
		drops bool
	}{
		{"one element fewer than the bound", names(header.MaxDistinct - 1), true},
		{"as many elements as the bound", names(header.MaxDistinct), false},
		{"as many bytes as the bound", "x, " + strings.Repeat("y", header.MaxDistinctBytes-3), true},
		{"one byte more", "x, " + strings.Repeat("y", header.MaxDistinctBytes-2), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := test.list
			list := header.NewList([]byte(want), 0)
			list.AddString("X")
			if !test.drops {
				want += ", X"
			}
			list.Add([]byte("z"))
			if got := string(list.Bytes()); got != want+", z" {
				t.Errorf("got %d bytes, want %d", len(got), len(want)+3)
			}
		})
	}
}

// FuzzList compares reading a list with splitting it.
func FuzzList(f *testing.F) {
	for _, list := range []string{"", "a", " a ,\tb,,c ", "a b", ",", "\x00,\xff"} {
		f.Add(list, "A")
	}
	f.Fuzz(func(t *testing.T, list, element string) {
		want := slowElements(list)
		if got := elements(list); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
		has := slices.ContainsFunc(want, func(e string) bool { return lower(e) == lower(element) })
		if got := header.Contains(list, element); got != has {
			t.Errorf("%q contains %q: %t", list, element, got)
		}
		var tokens []string
		for _, e := range want {
			if header.IsToken(e) && !slices.ContainsFunc(tokens, func(known string) bool { return lower(known) == lower(e) }) {
				tokens = append(tokens, e)
			}
		}
		l := header.NewList(nil, 0)
		l.AddTokens([][]byte{[]byte(list)})
		if got := l.Bytes(); len(tokens) <= header.MaxDistinct && 2*len(list) <= header.MaxDistinctBytes && string(got) != strings.Join(tokens, ", ") {
			t.Errorf("%q: tokens %q, want %q", list, got, tokens)
		}
	})
}
