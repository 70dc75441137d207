package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/mesh"
)

// TestMutationsCanBeMade checks that the code contains the text of each mutation. (make mutate makes them, and runs the tests.)
func TestMutationsCanBeMade(t *testing.T) {
	root, err := mesh.Root()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			if names[m.name] {
				t.Error("two mutations have this name")
			}
			names[m.name] = true
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
			if err != nil {
				t.Fatal(err)
			}
			changed, err := m.apply(text)
			if err != nil {
				t.Fatal(err)
			}
			if string(changed) == string(text) {
				t.Error("the mutation changes nothing")
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a text that is gone", "nothing of it", "0 times"},
		{"a text that stands there twice", "here and here", "2 times"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mutation{file: "a.go", from: "here", to: "there"}.apply([]byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestFailed(t *testing.T) {
	for _, tt := range []struct{ name, output, want string }{
		{"a test", "--- FAIL: TestA (0.00s)\n    x.go:1: no\nFAIL\n", "TestA"},
		{"a subtest, the innermost", "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n        --- FAIL: TestA/b/c (0.00s)\nFAIL\n", "TestA/b/c"},
		{"the first of two", "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n    --- FAIL: TestA/c (0.00s)\nFAIL\n", "TestA/b"},
		{"a panic", "\npanic: no\n", "panics"},
		{"what does not compile is caught by no test", "# a\n./a.go:1: no\nFAIL a [build failed]\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := failed([]byte(tt.output)); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
