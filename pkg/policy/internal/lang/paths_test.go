package lang_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
)

var badEscape = regexp.MustCompile(`%($|[^0-9a-fA-F]|.$|.[^0-9a-fA-F]|2[fF]|25[0-9a-fA-F]{2})`)

// isAmbiguous is a rule of its own, so that this package knows no other.
func isAmbiguous(path string) bool {
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return strings.Contains(path, "//") || strings.ContainsAny(path, `\;`) || badEscape.MatchString(path)
}

// TestPathQuestion compares the answers with all paths up to a length.
func TestPathQuestion(t *testing.T) {
	shape := lang.NewPathShape(isAmbiguous)
	pieces := []string{`/`, `a`, `b`, `.`, `\.`, `.*`, `[^/]*`, `%2F`, `%41`, `(a|b/)`, `[^a]`, `(/.*)?`, `é`, `\pL`, `(?i:A)`, `.+`, `a?`}
	r := rand.New(rand.NewPCG(1, 2))
	random := func() string {
		text := "/"
		for range r.IntN(4) {
			text += pieces[r.IntN(len(pieces))]
		}
		return text
	}
	all := pathsUpTo(5)
	for range 200 {
		texts := []string{random(), random(), random()}
		q := lang.PathQuestion{
			All: []*lang.Expr{parse(t, texts[0]), parse(t, texts[1])}, None: []*lang.Expr{parse(t, texts[2])},
		}
		path, _, err := q.Answer(shape)
		if err != nil {
			t.Fatal(err)
		}
		var match []*regexp.Regexp
		for _, text := range texts {
			match = append(match, regexp.MustCompile(`\A(?:`+text+`)\z`))
		}
		fits := func(path string) bool {
			return match[0].MatchString(path) && match[1].MatchString(path) && !match[2].MatchString(path)
		}
		if path != "" && (!fits(path) || isAmbiguous(path)) {
			t.Errorf("%q and not %q: %q does not fit", texts[:2], texts[2], path)
		}
		for _, shorter := range all {
			if fits(shorter) && (path == "" || len([]rune(shorter)) < len([]rune(path))) {
				t.Errorf("%q and not %q: %q, but %q fits", texts[:2], texts[2], path, shorter)
				break
			}
		}
	}
}

// TestPathShape compares the automaton of well-formed paths with the rule that it was made from.
func TestPathShape(t *testing.T) {
	shape := lang.NewPathShape(isAmbiguous)
	pieces := []string{"/", "a", ".", "..", "%", "%25", "%2f", "%C3%A9", "%41", "41", "2F", "x", ";", `\`, "é", "-"}
	r := rand.New(rand.NewPCG(5, 6))
	wellFormed := 0
	for range 5000 {
		path := "/"
		for range r.IntN(6) {
			path += pieces[r.IntN(len(pieces))]
		}
		q := lang.PathQuestion{All: []*lang.Expr{parse(t, regexp.QuoteMeta(path))}}
		got, _, err := q.Answer(shape)
		if err != nil || (got == path) == isAmbiguous(path) {
			t.Errorf("%q is ambiguous: %v, but the automaton has %q, %v", path, isAmbiguous(path), got, err)
		}
		if got != "" {
			wellFormed++
		}
	}
	if wellFormed < 1000 {
		t.Errorf("%d paths were well-formed", wellFormed)
	}
}

// pathsUpTo returns all paths of some characters.
func pathsUpTo(length int) []string {
	list := []string{"/"}
	for i := 0; i < len(list); i++ {
		if len([]rune(list[i])) < length {
			for _, c := range []string{"/", "a", "A", "b", ".", "é", "%41", "1", "%2F"} {
				if c[0] != '%' || len([]rune(list[i]))+len(c) <= length {
					list = append(list, list[i]+c)
				}
			}
		}
	}
	return slices.DeleteFunc(list, isAmbiguous)
}

func TestLiteral(t *testing.T) {
	for text, want := range map[string]string{
		`/api/.*`: "/api/", `^/api/v[0-9]+$`: "/api/v", `/a`: "/a", `/(a|b)`: "/", `.*`: "", `(?i)/api`: "/", `\A/x.y`: "/x", `/api/?`: "/api",
	} {
		if got := lang.Literal(text); got != want {
			t.Errorf("%s begins with %q, want %q", text, got, want)
		}
	}
}

func TestWholeScheme(t *testing.T) {
	for text, want := range map[string]string{
		`.*`: "x://x", `chrome-extension://.*`: "chrome-extension://x", `[a-z]+-extension://.+`: "x-extension://x",
		`(app|ionic)://[a-z0-9.-]+`: "app://x", `vscode-webview://[a-z0-9-]+`: "", `https?://.*`: "", `moz-extension://[0-9a-f-]{36}`: "",
		`file://.*`: "", `app://.*\.shop\.com`: "", `wss://.*`: "", `a.*://(.*\.)?shop`: "",
	} {
		if got, err := parse(t, text).WholeScheme(); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
}
