package lab

import (
	"io/fs"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// files returns the page's files by name.
func files(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range Assets() {
		name := strings.TrimPrefix(path, "/")
		if name == "" {
			name = "index.html"
		}
		text, err := fs.ReadFile(pageFiles, "page/"+name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	return all
}

// The page must work on a machine without a network: nothing of it may come from elsewhere.
func TestPageNeedsNothingFromElsewhere(t *testing.T) {
	outside := regexp.MustCompile(`(?:https?:)?//[a-z0-9-]+\.[a-z0-9./-]+`)
	nobodys := regexp.MustCompile(`https://[a-z.]+\.example`) // in prose
	for name, text := range files(t) {
		text = nobodys.ReplaceAllString(text, "")
		if found := outside.FindAllString(text, -1); found != nil {
			t.Errorf("%s names %q", name, found)
		}
	}
}

func TestPageHasWhatItNames(t *testing.T) {
	all := files(t)
	named := regexp.MustCompile(`(?:from '\./|import\('\./|src="|href="|fetch\(')([a-z-]+\.(?:js|css|html))['"]`)
	for name, text := range all {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if _, ok := all[m[1]]; !ok {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
	}
}

// attempts.js also runs in a sandboxed frame, whose modules would be refused.
func TestAttemptsStandAlone(t *testing.T) {
	if text := files(t)["attempts.js"]; regexp.MustCompile(`(?m)^import `).MatchString(text) {
		t.Error("attempts.js imports something")
	}
}

func TestEveryCardTeachesInTwoSentences(t *testing.T) {
	lesson := regexp.MustCompile(`(?s)(?:lesson:|^ +'[^']*',)\n +('.*?)(?:,\n|\))`)
	sentence := regexp.MustCompile(`[.?]( |$)`)
	seen := 0
	for name, text := range files(t) {
		for _, m := range lesson.FindAllStringSubmatch(text, -1) {
			words := strings.TrimSpace(regexp.MustCompile(`' \+\n +'|^'|'$`).ReplaceAllString(m[1], ""))
			seen++
			if n := len(sentence.FindAllString(words, -1)); n != 2 {
				t.Errorf("%s: %d sentences: %s", name, n, words)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d lessons were found", seen)
	}
}

// Text has the contrast that WCAG's level AA requires: 4.5.
func TestColorsHaveContrast(t *testing.T) {
	css := files(t)["lab.css"]
	light, dark, _ := strings.Cut(css, "prefers-color-scheme: dark")
	for scheme, colors := range map[string]map[string]float64{"light": luminances(t, light), "dark": luminances(t, dark)} {
		for _, pair := range []string{
			"ink paper", "ink sheet", "ink well", "ink mark", "soft paper", "soft sheet", "soft well", "accent paper", "accent sheet", "accent-ink accent",
			"yes yes-well", "no no-well", "yes sheet", "no sheet", "warn warn-well",
		} {
			text, ground, _ := strings.Cut(pair, " ")
			if got := contrast(colors[text], colors[ground]); got < 4.5 {
				t.Errorf("%s: %s has a contrast of %.2f", scheme, pair, got)
			}
		}
	}
}

// luminances reads the colours that a style sheet names, first come first.
func luminances(t *testing.T, css string) map[string]float64 {
	t.Helper()
	colors := map[string]float64{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
		if _, known := colors[m[1]]; known {
			continue
		}
		var parts []float64
		for i := range 3 {
			n, err := strconv.ParseUint(m[2][2*i:2*i+2], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, linear(float64(n)/255))
		}
		colors[m[1]] = 0.2126*parts[0] + 0.7152*parts[1] + 0.0722*parts[2]
	}
	if len(colors) < 10 {
		t.Fatalf("only %d colours were found", len(colors))
	}
	return colors
}

func linear(c float64) float64 {
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}

func contrast(a, b float64) float64 {
	both := []float64{a, b}
	slices.Sort(both)
	return (both[1] + 0.05) / (both[0] + 0.05)
}
