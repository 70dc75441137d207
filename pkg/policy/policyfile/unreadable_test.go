package policyfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy/policyfile"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Whoever reads again what could not be read has to learn of it, however many faults there are.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	many := filepath.Join(dir, "a.yaml")
	text := strings.Repeat("kind: None\n---\n", policyfile.MaxFindings+1)
	if err := os.WriteFile(many, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	loop := filepath.Join(dir, "loop.yaml")
	if err := os.Symlink("loop.yaml", loop); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "directory.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing.yaml")
	for _, row := range []struct {
		paths []string
		want  string // the file, "" if all can be read
	}{
		{[]string{many}, ""},
		{[]string{missing}, missing},
		{[]string{many, missing}, missing},
		{[]string{loop}, loop},
		{[]string{dir}, loop}, // found in it
	} {
		report := reload.Load(row.paths)
		switch d := report.Unreadable; {
		case d == nil:
			if row.want != "" {
				t.Errorf("%v: nothing is unreadable", row.paths)
			}
		case d.Position.File != row.want || d.Code != spec.CodeSourceUnreadable:
			t.Errorf("%v: %s, want %s", row.paths, d, row.want)
		}
		if strict := report.Strict(); strict.Unreadable != report.Unreadable {
			t.Errorf("%v: Strict loses it", row.paths)
		}
	}
}

func TestListedFiles(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a.yaml", "b.json", "c.yml", "notes.txt", ".hidden.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Append(nil, i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := policyfile.List([]string{dir, dir + "/notes.txt", dir + "/missing"})
	slices.Sort(got)
	want := []string{dir + "/a.yaml", dir + "/b.json", dir + "/c.yml", dir + "/missing", dir + "/notes.txt"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
