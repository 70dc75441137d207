package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// packages are the packages of the engine, and which of the others each may import: imports run
// in one direction.
func packages() map[string][]string {
	return map[string][]string{
		"spec":             {},
		"internal/header":  {},
		"internal/origin":  {"internal/header"},
		"internal/urlpath": {"internal/origin"},
		"plan":             {"spec", "internal/header", "internal/origin", "internal/urlpath"},
		"internal/lang":    {},
		"internal/lint":    {"spec", "plan", "internal/lang", "internal/origin", "internal/urlpath"},
		"internal/match":   {"spec", "plan", "internal/header", "internal/origin", "internal/urlpath"},
		".":                {"spec", "plan", "internal/lint", "internal/match", "internal/header", "internal/origin"},
	}
}

// TestImports checks the imports of the engine. It needs no network, no files and no log. Of other
// modules it needs the public suffix list and punycode.
func TestImports(t *testing.T) {
	const module = "github.com/corsd/corsd/"
	forbidden := []string{"net", "net/http", "os", "log", "log/slog", "io/fs", "syscall", "unsafe"}
	for dir, own := range packages() {
		for name, file := range sources(t, dir) {
			for _, imported := range file.Imports {
				path, err := strconv.Unquote(imported.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				rest, isOwn := strings.CutPrefix(path, module+"pkg/policy/")
				switch {
				case isOwn && slices.Contains(own, rest):
				case path == module+"internal/suggest" && dir == "plan", path == module+"internal/printable" && dir == "spec":
				case path == "golang.org/x/net/publicsuffix", path == "golang.org/x/net/idna":
				case !strings.Contains(path, ".") && !slices.Contains(forbidden, path):
				default:
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
	}
	dirs, err := filepath.Glob("internal/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if _, listed := packages()[dir]; !listed {
			t.Errorf("package %s is not in this test", dir)
		}
	}
}

// TestNoClock checks that the engine never reads the clock: the date of a decision is an option of
// Compile.
func TestNoClock(t *testing.T) {
	clocks := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
	for dir := range packages() {
		for name, file := range sources(t, dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(clocks, s.Sel.Name) {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
						t.Errorf("%s calls time.%s", name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// sources parses the files of a package that are not tests.
func sources(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = file
	}
	if len(files) == 0 {
		t.Fatalf("no files in %s", dir)
	}
	return files
}
