package policyfile_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/corsd/corsd/internal/reload"
)

// lineBreak matches the line breaks of the YAML parser.
var lineBreak = regexp.MustCompile("\r\n|[\n\r\u0085\u2028\u2029]")

// FuzzParse checks for any bytes: there is an engine or a fault, each diagnostic has a place within
// the file and one line of text, and the same bytes lead to the same report.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if ext := filepath.Ext(path); ext != ".golden" {
			f.Add(data, ext == ".json")
		}
	}
	for _, seed := range []string{"", "---", "--- a\n...\n--- b", "a: [\u0085---\n", "? a\n: - b\r- c", "{\"a\":\n[", "&a [*a]", "%YAML 1.1\n---\n", "\ufeff", "'\n\n"} {
		f.Add([]byte(seed), false)
		f.Add([]byte(head+seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, isJSON bool) {
		name := "p.yaml"
		if isJSON {
			name = "p.json"
		}
		report := reload.Parse(name, data)
		if (report.Engine == nil) != (len(report.Faults) > 0) {
			t.Errorf("engine %v with faults %v", report.Engine, report.Faults)
		}
		lines := len(lineBreak.FindAllIndex(data, -1)) + 1
		for _, d := range append(report.Faults, report.Warnings...) {
			if d.Position.Line < 0 || d.Position.Line > lines || (d.Position.Line == 0) != (d.Position.Column == 0) || d.Position.Column < 0 {
				t.Errorf("%v: the file has %d lines", d, lines)
			}
			if strings.ContainsAny(d.String(), "\n\r\x00") {
				t.Errorf("%q is more than one line", d)
			}
		}
		if again := reload.Parse(name, data); text(t, again) != text(t, report) || again.Hash != report.Hash {
			t.Errorf("once:\n%s\nthen:\n%s", text(t, report), text(t, again))
		}
	})
}
