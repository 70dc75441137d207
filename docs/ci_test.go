package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// People read only the last line of .ci/run. It must not report success without naming the checks that
// did not run.
func TestLastLineOfCI(t *testing.T) {
	script, err := filepath.Abs(filepath.Join(root, ".ci/run"))
	if err != nil {
		t.Fatal(err)
	}
	const message = "Not checked: the Go vulnerability database cannot be reached from here."
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(makefile), message) {
		t.Fatalf("the Makefile does not write %q", message)
	}
	for _, row := range []struct{ vuln, last string }{
		{"echo 'No vulnerabilities found.'", `=== all passed in \d+ s`},
		{
			"echo '" + message + "'",
			`=== all passed in \d+ s \(known vulnerabilities not checked: the database cannot be reached\)`,
		},
		{"echo 'Vulnerability #1'; exit 3", `=== FAILED: known vulnerabilities \(status 3\)`},
	} {
		programs := t.TempDir() // in place of those that the script runs
		for name, body := range map[string]string{
			"go": "true", "node": "true", "npm": "true", "curl": "true",
			"make": `case "$*" in *vuln*) ` + row.vuln + `;; esac`,
		} {
			if err := os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("bash", script)
		path := "PATH=" + programs + string(os.PathListSeparator) + os.Getenv("PATH")
		cmd.Env = append(os.Environ(), path, "CHROMIUM=true", "FIREFOX=true")
		out, err := cmd.CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		last := lines[len(lines)-1]
		if !regexp.MustCompile("^"+row.last+"$").MatchString(last) || (err != nil) != strings.Contains(row.vuln, "exit") {
			t.Errorf("%s: %v, the last line is %q, want %s; all:\n%s", row.vuln, err, last, row.last, out)
		}
	}
}
