package cli

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/servetest"
)

// unprintable has what a name or value may contain: a colour, a line break, a character that
// reverses the reading direction, and a control character beyond ASCII.
const unprintable = "a\x1b[31m\n\u202eb\u009bc"

// TestPrintable: for any names and values, the output of a command has one line for each fault, and
// nothing that a terminal acts upon.
func TestPrintable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	quoted := `"a\x1b[31m\n` + `\u202eb\u009bc"`
	faulty := servetest.Write(t, filepath.Join(dir, "faulty", unprintable+"\xff.yaml"), strings.NewReplacer(
		"name: shop", "name: "+quoted, "[api.shop.example]", "["+quoted+", "+quoted+"]",
		servetest.OldPage+`"`, `x", `+quoted, "spec:", "spec:\n  "+quoted+": 1",
	).Replace(servetest.Allowing(servetest.OldPage)))
	more := servetest.Write(t, filepath.Join(dir, "faulty", unprintable+".yaml"), "kind: [\n")
	good := servetest.Write(t, filepath.Join(dir, "good", unprintable+".yaml"), servetest.Allowing(servetest.OldPage))
	for _, row := range []struct {
		name   string
		args   []string
		status int
		least  int // lines
	}{
		{"faults", []string{"check", filepath.Dir(faulty)}, exitPolicy, 4},
		{"faults for explain", []string{"explain", "--policy", faulty, "https://api.shop.example/"}, exitPolicy, 3},
		{"a missing file", []string{"check", filepath.Join(dir, unprintable)}, exitPolicy, 1},
		{"a wrong call", []string{"explain", "--policy", good, "--cases", filepath.Join(dir, unprintable)}, exitUsage, 2},
		{"a request", []string{
			"explain", "--policy", filepath.Dir(good), "-H", "Origin: " + unprintable, "-X", unprintable, "--selector", unprintable,
			"https://api.shop.example/" + unprintable + "\xff",
		}, exitOK, 10},
		{"a preflight", []string{
			"explain", "--policy", good, "-X", "OPTIONS", "-H", "Origin: " + servetest.OldPage,
			"-H", "Access-Control-Request-Method: " + unprintable, "-H", "Access-Control-Request-Headers: " + unprintable, "https://api.shop.example/",
		}, exitOK, 10},
	} {
		t.Run(row.name, func(t *testing.T) {
			var out bytes.Buffer
			std := Stdio{In: strings.NewReader(""), Out: &out, Err: &out, Env: func(string) string { return "" }}
			status := Run(t.Context(), row.args, std)
			if status != row.status || strings.Count(out.String(), "\n") < row.least {
				t.Errorf("exit status %d, want %d:\n%q", status, row.status, out.String())
			}
			assertPrintable(t, out.String())
		})
	}
	report := reload.Load([]string{faulty, more})
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if n := len(report.Faults) + len(report.Warnings); strings.Count(text.String(), "\n") != n || n < 4 {
		t.Errorf("%d faults and warnings:\n%s", n, text.String())
	}
}

func assertPrintable(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("not UTF-8: %q", text)
	}
	for line := range strings.Lines(text) {
		if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("not printable: %q", line)
		}
	}
}

// TestPrintableJSON: JSON contains names unchanged.
func TestPrintableJSON(t *testing.T) {
	t.Parallel()
	file := servetest.Write(t, filepath.Join(t.TempDir(), unprintable+".yaml"), "kind: [\n")
	var out bytes.Buffer
	status := Run(t.Context(), []string{"check", "--format", "json", file}, Stdio{Out: &out, Err: &out})
	if status != exitPolicy {
		t.Errorf("exit status %d", status)
	}
	var report struct{ Faults []struct{ File string } }
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Faults) == 0 || report.Faults[0].File != file {
		t.Errorf("%q", out.String())
	}
}

// TestPrintableReady: the text of /readyz and of the log about a refused policy is safe for a terminal.
func TestPrintableReady(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.OldPage))
	s := start(t, "--policy", dir)
	servetest.Write(t, filepath.Join(dir, unprintable+".yaml"), "kind: [\n")
	fault, _ := s.waitForLine("policy fault")["diagnostic"].(string)
	_, body := s.get("/readyz?verbose")
	assertPrintable(t, fault)
	assertPrintable(t, body)
	if !strings.Contains(body, `a\x1b[31m\n\u202eb\u009bc.yaml"`) {
		t.Errorf("readyz: %s", body)
	}
}
