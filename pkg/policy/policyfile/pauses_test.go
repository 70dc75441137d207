package policyfile_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy/policyfile"
)

// TestPausesAreShortApart: one document, however long, does not keep a program from what
// it does meanwhile. Each item has a pause when it is parsed, when its value is taken, and
// when it is compiled.
func TestPausesAreShortApart(t *testing.T) {
	const items = 1000
	list := func(item string) string {
		var b strings.Builder
		for i := range items {
			fmt.Fprintf(&b, item, i)
		}
		return b.String()
	}
	const (
		head = "apiVersion: corsd.dev/v1alpha1\nkind: %s\nmetadata: {name: x}\nspec:\n"
		cors = "  hosts: [a.example]\n  cors: {allowOriginSets: [x]}\n"
		set  = "  origins:\n"
	)
	origins := fmt.Sprintf(head, "OriginSet") + set + list("  - https://page%d.example\n")
	for _, row := range []struct {
		name, file, text string
	}{
		{"origins", "set.yaml", origins + "---\n" + fmt.Sprintf(head, "CORSPolicy") + cors},
		{"rules", "policy.yaml", fmt.Sprintf(head, "OriginSet") + set + "  - https://a.example\n---\n" + fmt.Sprintf(head, "CORSPolicy") + cors +
			"  rules:\n" + list("  - match: {path: {value: /p%d}}\n")},
		{"JSON", "policy.json", `{"apiVersion": "corsd.dev/v1alpha1", "kind": "CORSPolicy", "metadata": {"name": "x"}, "spec": {"hosts": ["a.example"],` +
			`"cors": {"allowOrigins": [` + strings.TrimSuffix(list(`"https://page%d.example",`), ",") + `]}}}`},
	} {
		dir := files{row.file: row.text}.write(t)
		pauses := 0
		r := policyfile.LoadWithPauses([]string{filepath.Join(dir, row.file)}, func() { pauses++ })
		if err := r.Err(); err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		if pauses < 4*items {
			t.Errorf("%s: %d pauses for %d items", row.name, pauses, items)
		}
	}
}
