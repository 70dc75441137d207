package docs_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCommands runs the commands after "$ " in console blocks in the root of the source tree, and compares their output
// with the page. Commands that need more than corsd are in blocks of another language.
func TestCommands(t *testing.T) {
	dir, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, p := range pages(t) {
		switch p.path {
		case "docs/policy.md": // which is made from another file
			p = readPage(t, p.path+".tmpl")
		case "docs/tutorial.md", "docs/adopting.md": // test/e2e runs them, with an Envoy
			continue
		}
		changed := slices.Clone(p.lines)
		blocks := p.blocks()
		slices.Reverse(blocks) // so that what is written again moves none that comes later
		for _, b := range blocks {
			if b.lang != "console" {
				continue
			}
			var now []string
			for _, c := range commands(t, b) {
				ran++
				now = append(now, c.lines...)
				output := run(t, dir, c.text())
				now = append(now, output...)
				if diff := cmp.Diff(c.output, output); diff != "" && !*update {
					t.Errorf("%s:%d: %s\n(-page +now; go test ./docs -update writes it again)\n%s", p.path, b.line, c.text(), diff)
				}
			}
			changed = slices.Replace(changed, b.line, b.line+len(b.lines), now...)
		}
		if *update && !slices.Equal(changed, p.lines) {
			if err := os.WriteFile(filepath.Join(root, p.path), []byte(strings.Join(changed, "\n")), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ran < 5 {
		t.Errorf("%d commands ran: the test does not find them", ran)
	}
}

// command is a command line, which may go on over several lines, and its output.
type command struct{ lines, output []string }

func (c command) text() string { return strings.TrimPrefix(strings.Join(c.lines, "\n"), "$ ") }

func commands(t *testing.T, b block) []command {
	t.Helper()
	var all []command
	for i, line := range b.lines {
		switch {
		case strings.HasPrefix(line, "$ "):
			all = append(all, command{lines: []string{line}})
		case len(all) == 0:
			t.Fatalf("%s:%d: output without a command", b.page.path, b.line)
		case strings.HasSuffix(b.lines[i-1], `\`) && len(all[len(all)-1].output) == 0:
			all[len(all)-1].lines = append(all[len(all)-1].lines, line)
		default:
			all[len(all)-1].output = append(all[len(all)-1].output, line)
		}
	}
	return all
}

// run returns the lines that a command prints to both outputs.
func run(t *testing.T, dir, text string) []string {
	t.Helper()
	cmd := exec.Command("sh", "-c", text)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(fmt.Errorf("%s: %w", text, err))
	}
	if len(out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}
