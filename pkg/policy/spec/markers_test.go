package spec_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy/spec"
)

var enumMarker = regexp.MustCompile(`(?m)^\s*// \+kubebuilder:validation:(items:)?Enum=(.*)\n\n(?:\s*//.*\n)+\s*(?:type )?(\w+) `)

// The values in the markers, which become those of the CustomResourceDefinitions, are those of the types.
func TestEnumMarkers(t *testing.T) {
	want := valuesOfTypes(t)
	want["Acknowledge"] = nil // the codes of warnings alone
	for _, code := range spec.WarningCodes() {
		want["Acknowledge"] = append(want["Acknowledge"], string(code))
	}
	for _, not := range []string{"Code", "Kind"} {
		delete(want, not)
	}
	have := map[string][]string{}
	for _, file := range []string{"policy.go", "presets.go", "values.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range enumMarker.FindAllStringSubmatch(string(text), -1) {
			have[match[3]] = strings.Split(match[2], ";")
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("-constants +markers:\n%s", diff)
	}
}

// valuesOfTypes returns the values of the constants of each type that is a string.
func valuesOfTypes(t *testing.T) map[string][]string {
	t.Helper()
	values := map[string][]string{}
	for _, name := range []string{"code.go", "presets.go", "values.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if c, ok := n.(*ast.ValueSpec); ok && c.Type != nil && len(c.Values) == 1 {
				value, err := strconv.Unquote(c.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				name := c.Type.(*ast.Ident).Name
				values[name] = append(values[name], value)
			}
			return true
		})
	}
	return values
}
