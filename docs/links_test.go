package docs_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Links within the project lead somewhere, to the heading too. Pages that programs
// write are among them.
func TestLinks(t *testing.T) {
	all := append(pages(t), matching(t, "docs/*/*.md", "test/conformance/testdata/requests/*.md")...)
	anchors := map[string][]string{}
	for _, p := range all {
		anchors[p.path] = p.anchors()
	}
	found := 0
	for _, p := range all {
		for i, line := range p.prose() {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				found++
				file, anchor, _ := strings.Cut(m[1], "#")
				target := p.path
				if file != "" {
					target = path.Join(path.Dir(p.path), file)
				}
				if _, err := os.Stat(filepath.Join(root, target)); err != nil {
					t.Errorf("%s:%d: %s: there is no %s", p.path, i+1, m[1], target)
				} else if anchor != "" && !slices.Contains(anchors[target], anchor) {
					t.Errorf("%s:%d: %s: %s has no such heading", p.path, i+1, m[1], target)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("%d links: the test does not find them", found)
	}
}

// anchors returns GitHub's anchors of the headings.
func (p page) anchors() []string {
	var all []string
	for _, heading := range p.headings(0) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r > 0x7f:
				return r
			}
			return -1
		}, strings.ToLower(heading))
		all = append(all, anchor)
	}
	return all
}

// Every page can be reached from the README.
func TestEveryPageIsLinked(t *testing.T) {
	readme := readPage(t, "README.md").text()
	for _, p := range pages(t) {
		if p.path != "README.md" && !strings.Contains(readme, "("+p.path) {
			t.Errorf("README.md does not link to %s", p.path)
		}
	}
}
