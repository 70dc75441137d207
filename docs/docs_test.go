// Package docs_test compares the documentation with the code, where a page has a form that can be
// compared. With -update it writes the generated parts again: docs/policy.md, and the output below
// every command.
package docs_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write docs/policy.md and the output of commands again")

// root is the project's directory.
const root = ".."

// page is one Markdown file.
type page struct {
	path  string // from root
	lines []string
}

// pages reads every page that is written for people.
func pages(t *testing.T) []page {
	t.Helper()
	all := matching(t, "*.md", "docs/*.md")
	if len(all) < 5 {
		t.Fatalf("found %d pages", len(all))
	}
	return all
}

// matching reads the pages whose paths match a pattern.
func matching(t *testing.T, patterns ...string) []page {
	t.Helper()
	var all []page
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			path, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, readPage(t, filepath.ToSlash(path)))
		}
	}
	return all
}

func readPage(t *testing.T, path string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return page{path, strings.Split(string(text), "\n")}
}

func (p page) text() string { return strings.Join(p.lines, "\n") }

// block is a fenced block of a page.
type block struct {
	page  page
	line  int    // of its first line, from 0
	lang  string // what stands behind the opening fence
	mark  string // of a comment <!-- mark --> on the line before the fence
	lines []string
}

func (b block) text() string { return strings.Join(b.lines, "\n") + "\n" }

var mark = regexp.MustCompile(`^<!-- (.*) -->$`)

func (p page) blocks() []block {
	var all []block
	for i := 0; i < len(p.lines); i++ {
		lang, opens := strings.CutPrefix(p.lines[i], "```")
		if !opens {
			continue
		}
		b := block{page: p, line: i + 1, lang: lang}
		if i > 0 {
			if m := mark.FindStringSubmatch(p.lines[i-1]); m != nil {
				b.mark = m[1]
			}
		}
		end := slices.Index(p.lines[i+1:], "```")
		if end < 0 {
			end = len(p.lines) - i - 1
		}
		b.lines = p.lines[i+1 : i+1+end]
		all = append(all, b)
		i += 1 + end
	}
	return all
}

// prose is the page without its fenced blocks, line by line.
func (p page) prose() []string {
	lines := slices.Clone(p.lines)
	for _, b := range p.blocks() {
		for i := b.line - 1; i <= b.line+len(b.lines) && i < len(lines); i++ {
			lines[i] = ""
		}
	}
	return lines
}

// headings returns the text of the page's headings of a level, of every level for 0.
func (p page) headings(level int) []string {
	var all []string
	for _, line := range p.prose() {
		text := strings.TrimLeft(line, "#")
		if n := len(line) - len(text); n > 0 && strings.HasPrefix(text, " ") && (level == 0 || n == level) {
			all = append(all, strings.TrimSpace(text))
		}
	}
	return all
}

// section returns the lines below a heading, up to the next one of that level or above.
func (p page) section(t *testing.T, heading string) []string {
	t.Helper()
	start := slices.Index(p.lines, heading)
	if start < 0 {
		t.Fatalf("%s has no heading %q", p.path, heading)
	}
	level := len(heading) - len(strings.TrimLeft(heading, "#"))
	for end := start + 1; end < len(p.lines); end++ {
		if rest := strings.TrimLeft(p.lines[end], "#"); rest != p.lines[end] && len(p.lines[end])-len(rest) <= level {
			return p.lines[start+1 : end]
		}
	}
	return p.lines[start+1:]
}

// rows returns the cells of the tables in lines, without their heads.
func rows(lines []string) [][]string {
	var all [][]string
	for i, line := range lines {
		if !strings.HasPrefix(line, "|") || i+1 < len(lines) && isRule(lines[i+1]) || isRule(line) {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		for j := range cells {
			cells[j] = strings.TrimSpace(cells[j])
		}
		all = append(all, cells)
	}
	return all
}

func isRule(line string) bool {
	return strings.HasPrefix(line, "|--") || strings.HasPrefix(line, "| --")
}

// code returns the words of a cell that are between backticks.
func code(cell string) []string {
	var all []string
	for i, part := range strings.Split(cell, "`") {
		if i%2 == 1 {
			all = append(all, part)
		}
	}
	return all
}

// built is the directory that binary has put corsd into, "" before that.
var built string

// binary builds corsd once, and returns its directory.
var binary = sync.OnceValues(func() (dir string, err error) {
	if built, err = os.MkdirTemp("", "corsd-docs-"); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(built, "corsd"), "./cmd/corsd")
	build.Dir, build.Stderr = root, os.Stderr
	return built, build.Run()
})

func TestMain(m *testing.M) {
	status := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(status)
}
