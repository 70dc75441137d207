package policyfile_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

var update = flag.Bool("update", false, "rewrite testdata/bad/*.golden")

// today is after the date at which the set in origin_set_expired.yaml expires.
var today = policy.At(time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC))

// TestEveryCode loads one bad file for each code and compares the report, whole.
// A file that cannot be read is one that is not there.
func TestEveryCode(t *testing.T) {
	ofResources := []spec.Code{spec.CodeHostNotGranted, spec.CodeTargetNotFound} // no file can have them
	for _, code := range codes(t) {
		if slices.Contains(ofResources, code) {
			continue
		}
		t.Run(string(code), func(t *testing.T) {
			name := "testdata/bad/" + string(code)
			var text strings.Builder
			if err := reload.Load([]string{name + ".yaml"}, today).WriteText(&text); err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(name+".golden", []byte(text.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name + ".golden")
			if err != nil {
				t.Fatal(err)
			}
			if text.String() != string(want) {
				t.Errorf("report:\n%s\nwant:\n%s", text.String(), want)
			}
			if !strings.Contains(text.String(), "("+string(code)+")") {
				t.Errorf("the report does not have the code: %s", text.String())
			}
		})
	}
}

// TestBadFilesHaveACode finds files that TestEveryCode does not know.
func TestBadFilesHaveACode(t *testing.T) {
	known := codes(t)
	files, err := filepath.Glob("testdata/bad/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		if !slices.Contains(known, spec.Code(name)) {
			t.Errorf("%s: there is no such code", file)
		}
	}
}

// codes returns the values of all constants of type spec.Code, from its source. A new code without a
// bad file fails the tests above.
func codes(t *testing.T) []spec.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../spec/code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []spec.Code
	ast.Inspect(file, func(n ast.Node) bool {
		value, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := value.Type.(*ast.Ident); ok && name.Name == "Code" {
			text, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, spec.Code(text))
		}
		return true
	})
	if len(found) < 42 {
		t.Fatalf("found %d codes in code.go, there were 42", len(found))
	}
	return found
}
