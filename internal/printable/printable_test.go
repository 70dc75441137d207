package printable_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/corsd/corsd/internal/printable"
)

func TestText(t *testing.T) {
	for _, row := range []struct{ in, text, name string }{
		{"", "", ""},
		{"policy.yaml", "policy.yaml", "policy.yaml"},
		{`C:\policies\größe 日本.yaml`, `C:\policies\größe 日本.yaml`, `C:\policies\größe 日本.yaml`},
		{`"quoted".yaml`, `"quoted".yaml`, `"\"quoted\".yaml"`},
		{"red \x1b[31m.yaml", `red \x1b[31m.yaml`, `"red \x1b[31m.yaml"`},
		{"two\nlines\t\r", `two\nlines\t\r`, `"two\nlines\t\r"`},
		{"c1 \u009b31m", `c1 \u009b31m`, `"c1 \u009b31m"`},
		{"bidi \u202e\u2066\u200f", `bidi \u202e\u2066\u200f`, `"bidi \u202e\u2066\u200f"`},
		{"separators \u2028\u00a0", `separators \u2028\u00a0`, `"separators \u2028\u00a0"`},
		{"not UTF-8 \x9b\xff", `not UTF-8 \x9b\xff`, `"not UTF-8 \x9b\xff"`},
		{"the character itself \ufffd", "the character itself \ufffd", "the character itself \ufffd"},
		{"nul \x00 del \x7f", `nul \x00 del \x7f`, `"nul \x00 del \x7f"`},
	} {
		if got := printable.Text(row.in); got != row.text {
			t.Errorf("Text(%q) is %s, want %s", row.in, got, row.text)
		}
		if got := printable.Name(row.in); got != row.name {
			t.Errorf("Name(%q) is %s, want %s", row.in, got, row.name)
		}
	}
	if got := printable.Lines("one\x1b\ntwo\r\n"); got != "one\\x1b\ntwo\\r\n" {
		t.Errorf("Lines: %q", got)
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"policy.yaml", "\x1b[2J\n\u202e\xff", `"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{printable.Text(s), printable.Name(s)} {
			if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("of %q: %q", s, got)
			}
		}
	})
}
