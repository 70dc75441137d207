package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestYAML loads every YAML block. A block that holds policy documents has to be
// without faults and warnings, unless the comment before it expects them:
//
//	<!-- fails CODE ... -->   it is refused, with these codes and no others
//	<!-- warns CODE ... -->   it loads, with these warnings and no others
//	<!-- spec -->             it is the spec of a CORSPolicy; fails and warns may follow
//	<!-- envoy -->            it is a part of an Envoy configuration
//	<!-- kubernetes -->       it is a resource of Kubernetes, or a part of one
func TestYAML(t *testing.T) {
	policies := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks() {
			if b.lang != "yaml" {
				continue
			}
			t.Run(fmt.Sprintf("%s:%d", p.path, b.line), func(t *testing.T) {
				words := strings.Fields(b.mark)
				text := b.text()
				if len(words) > 0 && words[0] == "spec" {
					text, words = asPolicy(text), words[1:]
				}
				switch {
				case strings.Contains(text, "apiVersion: corsd.dev/"):
					policies++
					checkPolicy(t, text, words)
				case len(words) == 1 && (words[0] == "envoy" || words[0] == "kubernetes"):
					var any any
					if err := yaml.Load([]byte(text), &any); err != nil {
						t.Error(err)
					}
				default:
					t.Errorf("a YAML block that is no policy and is not marked: %q", b.mark)
				}
			})
		}
	}
	if policies < 5 {
		t.Errorf("%d blocks with policies: the test does not find them", policies)
	}
}

// asPolicy makes a document of a spec. The policy governs a host unless the spec
// names its own.
func asPolicy(doc string) string {
	head := "apiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nmetadata: {name: shop}\nspec:\n"
	if !strings.Contains(doc, "hosts:") {
		head += "  hosts: [api.shop.example]\n"
	}
	return head + "  " + strings.ReplaceAll(strings.TrimSuffix(doc, "\n"), "\n", "\n  ") + "\n"
}

func checkPolicy(t *testing.T, text string, expect []string) {
	t.Helper()
	report := reload.Parse("block.yaml", []byte(text))
	var wantFaults, wantWarnings []string
	if len(expect) > 0 {
		switch expect[0] {
		case "fails":
			wantFaults = expect[1:]
		case "warns":
			wantWarnings = expect[1:]
		default:
			t.Errorf("no such mark: %q", expect)
		}
	}
	if have := codes(report.Faults); !slices.Equal(have, sorted(wantFaults)) {
		t.Errorf("faults %q, want %q:\n%v", have, wantFaults, report.Err())
	}
	if have := codes(report.Warnings); len(wantFaults) == 0 && !slices.Equal(have, sorted(wantWarnings)) {
		t.Errorf("warnings %q, want %q", have, wantWarnings)
	}
}

func codes(diagnostics []spec.Diagnostic) []string {
	var all []string
	for _, d := range diagnostics {
		all = append(all, string(d.Code))
	}
	return slices.Compact(sorted(all))
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// The policy that README.md shows is the one that its commands read.
func TestReadmePolicyIsTheExample(t *testing.T) {
	example, err := os.ReadFile(filepath.Join(root, "docs/examples/shop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range readPage(t, "README.md").blocks() {
		if b.lang == "yaml" && b.text() == string(example) {
			return
		}
	}
	t.Error("README.md does not show docs/examples/shop.yaml")
}

// README.md shows the output that the demo expects.
func TestReadmeShowsTheDemo(t *testing.T) {
	steps, err := os.ReadFile(filepath.Join(root, "test/demo/steps.go"))
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, b := range readPage(t, "README.md").blocks() {
		if b.mark != "demo" {
			continue
		}
		for _, line := range b.lines {
			line = strings.TrimSpace(line)
			if header := strings.HasPrefix(line, "access-control-") || strings.HasPrefix(line, "vary"); !header && !strings.HasSuffix(line, ".") {
				continue
			}
			shown++
			if !strings.Contains(string(steps), line) {
				t.Errorf("the demo does not expect %q", line)
			}
		}
	}
	if shown == 0 {
		t.Error("README.md shows nothing of the demo")
	}
}
