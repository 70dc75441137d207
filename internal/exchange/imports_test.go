package exchange_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestImports: wire imports no other package of this module, an exchange neither gRPC nor Envoy's
// messages, and no adapter the other one or an observer.
func TestImports(t *testing.T) {
	const module = "github.com/corsd/corsd/"
	for dir, allowed := range map[string][]string{
		"internal/wire":     {},
		"internal/exchange": {"pkg/policy", "pkg/policy/spec"},
		"pkg/extproc":       {"internal/exchange", "internal/wire", "pkg/policy"},
		"pkg/dynmodule":     {"internal/exchange", "pkg/policy"},
		"pkg/extauthz":      {"internal/exchange", "internal/wire", "pkg/policy"},
	} {
		files, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, imported := range file.Imports {
				path, _ := strconv.Unquote(imported.Path.Value)
				own, isOwn := strings.CutPrefix(path, module)
				if isOwn && !slices.Contains(allowed, own) || dir == "internal/exchange" && !isOwn && strings.Contains(path, ".") {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
	}
}
