package policyfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestTreeBounds reads a file at each bound, and one beyond it.
func TestTreeBounds(t *testing.T) {
	bounds := defaultLimits()
	bounds.fileBytes, bounds.documents, bounds.nodes, bounds.nesting, bounds.keys = 60, 3, 8, 4, 2
	for _, tt := range []struct{ name, file, within, beyond string }{
		{"bytes", "a.yaml", "a: " + strings.Repeat("x", 57), "a: " + strings.Repeat("x", 58)},
		{"documents", "a.yaml", "---\na: 1\n---\n---\n", "---\na: 1\n---\n---\n---\n"},
		{"nodes of YAML", "a.yaml", "a:\n- 1\n- 2\n- 3\n- 4\n- 5\n", "a:\n- 1\n- 2\n- 3\n- 4\n- 5\n- 6\n"},
		{"nodes of JSON", "a.json", `{"a": [1, 2, 3, 4, 5]}`, `{"a": [1, 2, 3, 4, 5, 6]}`},
		{"nesting of YAML", "a.yaml", "a:\n- - - 1\n", "a:\n- - - - 1\n"},
		{"nesting of JSON", "a.json", `{"a": [[[1]]]}`, `{"a": [[[[1]]]]}`},
		{"keys", "a.json", `{"a": 1, "b": 2}`, `{"a": 1, "b": 2, "c": 3}`},
	} {
		path := filepath.Join(t.TempDir(), tt.file)
		for text, beyond := range map[string]bool{tt.within: false, tt.beyond: true} {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			root, fault := bounds.tree(path)
			switch {
			case beyond && (fault == nil || fault.Code != spec.CodeLimitExceeded):
				t.Errorf("%s beyond the bound: %v", tt.name, fault)
			case !beyond && (fault != nil || root == nil):
				t.Errorf("%s at the bound: %v", tt.name, fault)
			}
		}
	}
}

// The lines of a tree count from the beginning of the file.
func TestTreeLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(path, []byte("# comment\n---\n---\na:\n- 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	root, fault := Tree(path)
	if fault != nil {
		t.Fatal(fault)
	}
	if line := root.Content[1].Content[0].Line; line != 5 {
		t.Errorf("line %d, want 5", line)
	}
}
