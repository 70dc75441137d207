package policyfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestSplit checks where documents begin: each row has a file and, for each of its documents, the first
// line and the text.
func TestSplit(t *testing.T) {
	tests := []struct {
		name string
		text string
		want []string
	}{
		{"an empty file has one empty document", "", []string{`1 ""`}},
		{"a file without markers is one document", "a\nb\n", []string{`1 "a\nb\n"`}},
		{"the first marker begins the first document", "---\na\n", []string{`1 "---\na\n"`}},
		{"comments, blank lines and directives belong to what follows", "# c\n\n%YAML 1.1\n---\na\n", []string{`1 "# c\n\n%YAML 1.1\n---\na\n"`}},
		{"a comment after content does not", "a\n# c\n---\nb", []string{`1 "a\n# c\n"`, `3 "---\nb"`}},
		{"a document may begin on the marker's line", "--- a\n---\tb\n", []string{`1 "--- a\n"`, `2 "---\tb\n"`}},
		{"markers without content make empty documents", "---\n---\n", []string{`1 "---\n"`, `2 "---\n"`}},
		{"three dots end a document", "a\n...\nb\n... # c\n", []string{`1 "a\n...\n"`, `3 "b\n... # c\n"`, `5 ""`}},
		{"more than the marker is no marker", "---a\n----\n --- \n....\n", []string{`1 "---a\n----\n --- \n....\n"`}},
		{"a marker counts within strings and lists", "a: |\n x\n---\nb: \"\n--- \nc: [\n---", []string{`1 "a: |\n x\n"`, `3 "---\nb: \"\n"`, `5 "--- \nc: [\n"`, `7 "---"`}},
		{"lines end as the parser takes it", "a\r\n---\rb\r---\u0085c\u2028---\u2029d", []string{`1 "a\r\n"`, `2 "---\rb\r"`, `4 "---\u0085c\u2028"`, `6 "---\u2029d"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			documents, more := split(&source{name: "p.yaml", data: []byte(test.text)}, 100)
			var got []string
			for _, d := range documents {
				got = append(got, fmt.Sprintf("%d %q", d.line, d.text))
			}
			if !slices.Equal(got, test.want) || more {
				t.Errorf("documents %q, more %v, want %q", got, more, test.want)
			}
		})
	}
}

// TestJudgeText compares the judgement of a text with that of each of its characters.
func TestJudgeText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SampledFrom([]string{"a", "é", "€", "😀", "\n", "\x80", "\xf0\x9f", "\x01", "\xff"})
		text := strings.Join(rapid.SliceOfN(parts, 0, 20).Draw(t, "parts"), "")
		at, wrong := judgeText([]byte(text))
		if wantAt, want := wrongInText(text); at != wantAt || wrong != want {
			t.Fatalf("%v %q, not %v %q", at, wrong, wantAt, want)
		}
	})
}

// wrongInText is judgeText, character by character.
func wrongInText(text string) (position, string) {
	at, control := position{1, 1}, position{}
	wrong := ""
	for i, r := range text {
		if _, n := utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && n == 1 {
			return at, fmt.Sprintf("byte 0x%02X is not UTF-8", text[i])
		}
		if isControl(r) && wrong == "" {
			control, wrong = at, fmt.Sprintf("a control character, 0x%02X", r)
		}
		at.advance([]byte(string(r)))
	}
	if wrong != "" {
		return control, wrong
	}
	return position{1, 1}, ""
}
