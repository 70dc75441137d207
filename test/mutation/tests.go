package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// tests runs the project's tests, with or without a file changed.
type tests struct {
	root string
	dir  string // for temporary files
}

// passUnchanged checks that the tests pass without a mutation. Otherwise they would seem to catch
// every mutation.
func (t *tests) passUnchanged(ctx context.Context, chosen []mutation) error {
	var packages []string
	for _, m := range chosen {
		packages = append(packages, m.packages...)
	}
	slices.Sort(packages)
	packages = slices.Compact(packages)
	if out, err := t.run(ctx, packages...); err != nil {
		return fmt.Errorf("the tests fail without a mutation: %w\n%s", err, out)
	}
	return nil
}

// try makes a mutation and runs its tests until one fails.
func (t *tests) try(ctx context.Context, m mutation) outcome {
	overlay, err := t.write(m)
	if err != nil {
		return outcome{err: err}
	}
	for _, p := range m.packages {
		out, err := t.run(ctx, "-overlay", overlay, p)
		if err == nil {
			continue
		}
		if name := failed(out); name != "" {
			return outcome{test: strings.TrimPrefix(p, "./") + " " + name}
		}
		return outcome{err: fmt.Errorf("it shows nothing, as no test ran to its end: %w\n%s", err, out)}
	}
	return outcome{}
}

// write writes the changed file, and the overlay that replaces the original by it.
func (t *tests) write(m mutation) (overlay string, err error) {
	path := filepath.Join(t.root, filepath.FromSlash(m.file))
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	changed, err := m.apply(text)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(t.dir, "")
	if err != nil {
		return "", err
	}
	mutated, overlay := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
	if err != nil {
		return "", err
	}
	return overlay, errors.Join(os.WriteFile(mutated, changed, 0o600), os.WriteFile(overlay, replace, 0o600))
}

// run runs go test until a test fails.
func (t *tests) run(ctx context.Context, arguments ...string) (output []byte, err error) {
	// -short leaves out slow tests; -vet=off and no symbols save time of the compiler and linker.
	flags := []string{"test", "-short", "-failfast", "-vet=off", "-ldflags=-s -w", "-timeout=2m"}
	arguments = append(flags, arguments...)
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = t.root
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	output, err = command.CombinedOutput()
	return output, err
}

var failure = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)

// failed returns the name of the test that failed, the innermost one. It returns "" if no test
// failed, as when the package does not compile.
func failed(output []byte) string {
	name := ""
	for _, match := range failure.FindAllSubmatch(output, -1) {
		if strings.HasPrefix(string(match[1]), name) {
			name = string(match[1])
		}
	}
	if name == "" && bytes.Contains(output, []byte("\npanic: ")) {
		return "panics"
	}
	return name
}
