package docs_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wordy are words that make comments hard to read for strangers, each with the plain one.
var wordy = []struct {
	pattern *regexp.Regexp
	plain   string
}{
	{regexp.MustCompile(`\bgives?\b`), "returns, or sets"},
	{regexp.MustCompile(`\btakes\b`), "matches, allows, or accepts"},
	{regexp.MustCompile(`\b(take|takes|taken|took) (\S+ ){1,3}for\b`), "reads as"},
	{regexp.MustCompile(`\b(is|are|was|were) no\b`), "is not a"},
	{regexp.MustCompile(`\bwhere (there|it|that|they|no)\b`), "if"},
	{regexp.MustCompile(`\b(says?|said|tells?|told)\b`), "reports, contains, or sends"},
	{regexp.MustCompile(`\bwhat (it|they|he|that)\b`), "the name of the thing"},
	{regexp.MustCompile(`\b(is|are|of|for|than|as|by|but|and|gets|has|bounds|holds|takes|keeps) what\b`), "the name of the thing"},
	{regexp.MustCompile(`\basks? (for|it)\b`), "requests"},
	{regexp.MustCompile(`\bcomes? to\b`), "is equal, or results in"},
	{regexp.MustCompile(`\bhas many of\b`), "large"},
}

// plainUses are right uses of these words.
var plainUses = regexp.MustCompile(`\b(gives? (up|way|rise)|takes (time|effect|place|part|precedence|long|longer|about|over|a while|` +
	`its time|\d+|one|two|three|some|several|no|the same time)|takes (a|an|the) \[|there (is|are|was|were) no|(is|are) no (longer|more)|` +
	`of what kind|of what type)\b`)

// TestWords counts the lines of comments, outside tests, that have a wordy word. One line in a
// hundred may.
func TestWords(t *testing.T) {
	root := os.DirFS("..")
	lines, bad := 0, []string(nil)
	perFile := map[string]int{}
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (path != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		for _, c := range commentLines(t, path, text) {
			lines++
			if words := wordyWords(c.text); words != "" {
				bad = append(bad, fmt.Sprintf("%s:%d: %s (%s)", path, c.line, c.text, words))
				perFile[path]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d lines", len(bad), lines)
	if len(bad)*100 < lines {
		return
	}
	slices.SortStableFunc(bad, func(a, b string) int {
		fileOf := func(s string) string { return s[:strings.IndexByte(s, ':')] }
		return perFile[fileOf(b)] - perFile[fileOf(a)]
	})
	t.Errorf("%d of %d lines of comments have words that a stranger stumbles over, 1 %% or more:\n%s",
		len(bad), lines, strings.Join(bad[:min(len(bad), 60)], "\n"))
}

type commentLine struct {
	line int
	text string
}

// commentLines returns the lines of the comments of a file, without directives.
func commentLines(t *testing.T, path string, text []byte) (list []commentLine) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:") || strings.HasPrefix(c.Text, "//nolint") {
				continue
			}
			for i, line := range strings.Split(c.Text, "\n") {
				list = append(list, commentLine{fset.Position(c.Pos()).Line + i, strings.TrimSpace(strings.TrimLeft(line, "/* \t"))})
			}
		}
	}
	return list
}

// wordyWords returns what to write in place of the wordy words of a line, "" if it has none.
func wordyWords(line string) string {
	line = plainUses.ReplaceAllString(line, "")
	var plain []string
	for _, w := range wordy {
		if word := w.pattern.FindString(line); word != "" {
			plain = append(plain, word+": "+w.plain)
		}
	}
	return strings.Join(plain, "; ")
}

func TestWordyWords(t *testing.T) {
	for _, tt := range []struct {
		line string
		want bool
	}{
		{"host gives the name, where there is one", true},
		{"takes an origin", true},
		{"is no origin", true},
		{"the header says so", true},
		{"returns what it was made from", true},
		{"Fault is what is wrong", true},
		{"takes time by the square", false},
		{"takes 10 ms", false},
		{"takes effect at once", false},
		{"there is no such host", false},
		{"is no longer used", false},
		{"gives up after three attempts", false},
		{"returns the name, \"\" if there is none", false},
		{"reports what is wrong", false},
	} {
		if got := wordyWords(tt.line); (got != "") != tt.want {
			t.Errorf("%q: %q", tt.line, got)
		}
	}
}
