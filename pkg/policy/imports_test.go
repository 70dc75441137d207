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

// TestImports holds what the engine may know: a rule of CORS needs no network,
// no file, no clock and no log.
func TestImports(t *testing.T) {
	const own = "github.com/corsd/corsd/pkg/policy/internal/"
	allowed := map[string][]string{
		".": {
			"cmp", "encoding/json", "errors", "fmt", "iter", "maps", "regexp", "regexp/syntax", "slices", "strconv", "strings", "sync/atomic", "time",
			"golang.org/x/net/publicsuffix", own + "header", own + "index", own + "origin", own + "suggest",
		},
		"internal/origin":  {"fmt", "net/netip", "strconv", "strings", "golang.org/x/net/idna", own + "header", own + "index"},
		"internal/header":  {},
		"internal/index":   {"hash/maphash", "strings"},
		"internal/suggest": {"strings"},
	}
	dirs, err := filepath.Glob("internal/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if _, listed := allowed[dir]; !listed {
			t.Errorf("package %s is not in this test", dir)
		}
	}
	for dir, packages := range allowed {
		used := map[string]bool{}
		for name, file := range sources(t, dir) {
			for _, spec := range file.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				used[path] = true
				if !slices.Contains(packages, path) {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
		for _, path := range packages {
			if !used[path] {
				t.Errorf("%s: no file imports %s", dir, path)
			}
		}
	}
}

// TestNoClock finds what tells the time: the date of a decision is an option of
// Compile.
func TestNoClock(t *testing.T) {
	clocks := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
	dirs, err := filepath.Glob("internal/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(dirs, ".") {
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
