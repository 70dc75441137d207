package policyfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// policyHead begins a policy.
const policyHead = "apiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nmetadata: {name: a}\nspec:\n"

// TestDefaultLimits checks the documented limits. The tests of the bounds themselves use lower ones if
// large inputs would be slow.
func TestDefaultLimits(t *testing.T) {
	want := limits{
		fileBytes: 16 << 20, totalBytes: 256 << 20, files: 1_000, documents: 10_000,
		nesting: 64, keys: 10_000, nodes: 500_000, rules: 200_000, origins: 1_000_000, findings: 1_000,
	}
	if got := defaultLimits(); got != want {
		t.Errorf("limits = %+v, want %+v", got, want)
	}
}

// TestBounds reads each thing once as large as it may be, and once larger by one.
func TestBounds(t *testing.T) {
	// A policy with this number of annotations, or this depth.
	annotations := func(keys int) string {
		var b strings.Builder
		b.WriteString("apiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nmetadata:\n  name: a\n  annotations:\n")
		for i := range keys {
			fmt.Fprintf(&b, "    k%d: v\n", i)
		}
		return b.String() + "spec: {hosts: [a.example]}\n"
	}
	test := func(content string) string {
		return "apiVersion: corsd.dev/v1alpha1\nkind: CORSTest\nmetadata: {name: a}\nspec:" + content + "\n"
	}
	const testNodes = 11 // those around content
	bounds := defaultLimits()
	bounds.keys, bounds.nodes, bounds.documents, bounds.fileBytes = 1_000, 5_000, 1_000, 1_000_000
	tests := []struct {
		name string
		most int
		file string
		text func(n int) string
		want string // of most+1
	}{
		{
			"the nesting of lists", MaxNesting, "p.yaml",
			func(n int) string { return test(" " + strings.Repeat("[", n-1) + strings.Repeat("]", n-1)) },
			"p.yaml:4:70: nested more than 64 deep (limit_exceeded)",
		},
		{
			"the nesting of blocks", MaxNesting, "p.yaml",
			func(n int) string { return test("\n  " + strings.Repeat("- ", n-1) + "a") },
			"p.yaml:5:129: nested more than 64 deep (limit_exceeded)",
		},
		{
			"the nesting of aliases", MaxNesting, "p.yaml",
			func(n int) string {
				return test(" {x: &a " + strings.Repeat("[", 30) + strings.Repeat("]", 30) + ", y: " +
					strings.Repeat("[", n-32) + "*a" + strings.Repeat("]", n-32) + "}")
			},
			"p.yaml:4:43: nested more than 64 deep (limit_exceeded)",
		},
		{
			"the nesting of JSON", MaxNesting, "p.json",
			func(n int) string {
				return `{"kind": "CORSTest", "apiVersion": "corsd.dev/v1alpha1", "metadata": {"name": "a"}, "spec":` +
					strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}"
			},
			"p.json:1:155: nested more than 64 deep (limit_exceeded)",
		},
		{
			"the keys of a mapping", bounds.keys, "p.yaml", annotations,
			"p.yaml:6:5: more than 1,000 keys in one mapping (limit_exceeded)",
		},
		{
			"the nodes of a document", bounds.nodes, "p.yaml",
			func(n int) string { return test("\n" + strings.Repeat("- a\n", n-testNodes)) },
			"p.yaml:4994:3: more than 5,000 keys and values in one document (limit_exceeded)",
		},
		{
			"the nodes of a JSON document", bounds.nodes, "p.json",
			func(n int) string {
				return `{"kind": "CORSTest", "apiVersion": "corsd.dev/v1alpha1", "metadata": {"name": "a"}, "spec": [` +
					strings.Repeat("1,", n-testNodes-1) + "1]}"
			},
			"p.json:1:10072: more than 5,000 keys and values in one document (limit_exceeded)",
		},
		{
			"the nodes of aliases", bounds.nodes, "p.yaml",
			func(n int) string {
				// A list of 100 nodes, repeated 48 times, and single nodes for the rest.
				return test("\n- &a" + strings.Repeat("\n  - a", 99) + strings.Repeat("\n- *a", 48) + strings.Repeat("\n- a", n-testNodes-49*100))
			},
			"more than 5,000 keys and values in one document (limit_exceeded)",
		},
		{
			"the documents of a file", bounds.documents, "p.yaml",
			func(n int) string { return test(" 1") + strings.Repeat("---\n# empty\n", n-1) },
			"p.yaml: more than 1,000 documents in one file (limit_exceeded); hint: several files",
		},
		{
			"the bytes of a file", int(bounds.fileBytes), "p.yaml",
			func(n int) string { return test(" 1") + strings.Repeat(" ", n-len(test(" 1"))) },
			"p.yaml: more than 1,000,000 bytes in one file (limit_exceeded); hint: several files",
		},
	}
	for _, bound := range tests {
		t.Run(bound.name, func(t *testing.T) {
			if faults := parsed(bounds, bound.file, bound.text(bound.most)); has(faults, spec.CodeLimitExceeded) {
				t.Errorf("the bound itself: %v", faults)
			}
			faults := parsed(bounds, bound.file, bound.text(bound.most+1))
			if len(faults) != 1 || !strings.HasSuffix(faults[0].String(), bound.want) {
				t.Errorf("one more: %v, want %s", faults, bound.want)
			}
		})
	}
}

// TestTotals is TestBounds for bounds on several documents or files, with lower bounds.
func TestTotals(t *testing.T) {
	bounds := defaultLimits()
	bounds.rules, bounds.origins, bounds.files, bounds.totalBytes, bounds.findings = 6, 9, 3, 2000, 4
	rules := policyHead + "  hosts: [a.example]\n  rules: [{name: a}, {name: b}, {name: c}]\n---\n" +
		strings.Replace(policyHead, "name: a", "name: b", 1) + "  hosts: [b.example]\n  rules: [{name: a}, {name: b}, {name: c}]\n"
	origins := policyHead + "  hosts: [a.example]\n  cors: {allowOrigins: [a://b, a://c], allowOriginRegexes: [x, y], allowOriginSets: [a]}\n" +
		"  rules: [{cors: {allowOrigins: [a://b]}}]\n---\n" +
		strings.ReplaceAll(policyHead, "CORSPolicy", "CORSDefaults") + "  cors: {allowOrigins: [a://b, a://c]}\n---\n" +
		strings.ReplaceAll(policyHead, "CORSPolicy", "OriginSet") + "  origins: [a://b, a://c]\n"
	padding := func(n int) string { return strings.Repeat("#", n) }
	tests := []struct {
		name  string
		files []string
		want  string // "" where the bound is kept
	}{
		{"six rules", []string{rules}, ""},
		{"seven rules", []string{strings.Replace(rules, "{name: b}", "{name: b}, {}", 1)}, "p0.yaml:12:3: spec: makes more than 6 rules in all documents up to this one (limit_exceeded)"},
		{"nine origins", []string{origins}, ""},
		{"ten origins", []string{strings.Replace(origins, "[x", "[x, z", 1)}, "p0.yaml:19:3: spec: makes more than 9 origins in all documents up to this one (limit_exceeded)"},
		{"three files", []string{"", "", ""}, ""},
		{"four files", []string{"", "", "", ""}, ": more than 3 files in one directory (limit_exceeded); hint: fewer files, of several documents each"},
		{"2,000 bytes", []string{padding(1000), padding(1000)}, ""},
		{"2,001 bytes", []string{padding(1000), padding(1001)}, "p1.yaml: more than 2,000 bytes in all files up to this one (limit_exceeded)"},
		{"four faults", []string{"- a\n---\n- b\n---\n- c\n---\n- d\n"}, ""},
		{"five faults", []string{"- a\n---\n- b\n---\n- c\n---\n- d\n---\n- e\n"}, "1 more are not shown (limit_exceeded)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for i, data := range test.files {
				write(t, filepath.Join(dir, fmt.Sprintf("p%d.yaml", i)), data)
			}
			var got string
			for _, d := range faultsOf(read(bounds, []string{dir})) {
				if d.Code == spec.CodeLimitExceeded {
					got += strings.TrimPrefix(d.String(), dir+"/")
				}
			}
			if !strings.HasSuffix(got, test.want) || (test.want == "") != (got == "") {
				t.Errorf("limit_exceeded: %q, want %q", got, test.want)
			}
		})
	}
}

// parsed returns the faults of a file.
func parsed(bounds limits, name, text string) []spec.Diagnostic {
	return faultsOf(parse(bounds, name, []byte(text)))
}

func faultsOf(f *Files) []spec.Diagnostic {
	faults, _ := f.Locate(nil, nil)
	return faults
}

func has(list []spec.Diagnostic, code spec.Code) bool {
	return slices.ContainsFunc(list, func(d spec.Diagnostic) bool { return d.Code == code })
}

func write(t *testing.T, name, data string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCountOfPunctuation compares the count with trees. It must never be lower.
func TestCountOfPunctuation(t *testing.T) {
	for _, test := range []struct {
		text  string
		exact bool
	}{
		{"a", true},
		{"- a\n- b\n-\n", true},
		{"a: b\nc:\n  d: e\n  f:\n  - g\n  - h: i\n    j: k\n", true},
		{"- - a\n  - b\n-\n  c: d\n", true},
		{"- https://a.example\n- \"https://b.example:8080\"\n", false},
		{"a: [b, c]\n", false},
		{"{a, b: c, ? d, : e}", false},
		{"[a: b, ? c, : d, []]", false},
		{"? a\n? b\n: c\n? - d\n: - e\n", false},
		{"- ? a\n- : b\n- &a !b\n- *a\n", false},
		{"{\"a\":1,\"b\":{},\"c\":[]}", false},
		{"{:a, b::, c:d, :}", false},
	} {
		checkCount(t, []byte(test.text), test.exact)
	}
}

func checkCount(t *testing.T, text []byte, exact bool) {
	t.Helper()
	root, failed := parseYAML(text, MaxNesting)
	if failed != nil || root == nil {
		return
	}
	nodes, counted := treeSize(root), countPunctuation(text).nodes
	if counted < nodes || exact && counted != nodes {
		t.Errorf("%q has %d nodes, counted %d", text, nodes, counted)
	}
}

func treeSize(n *yaml.Node) int {
	size := 1
	for _, child := range n.Content {
		size += treeSize(child)
	}
	return size
}

// FuzzCountOfPunctuation holds that no text makes more nodes than are counted.
func FuzzCountOfPunctuation(f *testing.F) {
	for _, seed := range []string{"{a, b: c, ? d, : e}", "[a: b, ? c, : d]", "? - a\n: - b\n", "- !!str &a 'b'\n- *a", "{\"a\":1,'b':}", "{a: {b: c}, d}\ne: f", "a: |\n - b\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkCount(t, text, false) })
}

// TestManyDocuments holds that a large set of policies is read in reasonable time:
// about two seconds of one core for 100,000 rules.
func TestManyDocuments(t *testing.T) {
	if testing.Short() || RaceEnabled {
		t.Skip("takes some seconds, or minutes with the race detector")
	}
	dir := t.TempDir()
	for file := range 10 {
		var b strings.Builder
		for doc := range 100 {
			fmt.Fprintf(&b, "---\napiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nmetadata: {name: p-%d-%d}\nspec:\n  hosts: [h-%d-%d.example]\n  rules:\n", file, doc, file, doc)
			for rule := range 100 {
				fmt.Fprintf(&b, "  - name: r%d\n    match: {path: {value: /r%d}}\n    cors: {allowOrigins: [https://o%d.example]}\n", rule, rule, rule)
			}
		}
		write(t, filepath.Join(dir, fmt.Sprintf("%d.yaml", file)), b.String())
	}
	start := time.Now()
	l := newReader(defaultLimits())
	for _, src := range l.limits.list([]string{dir}) {
		src.read(MaxFileBytes)
		l.read(src)
	}
	t.Logf("read %d rules in %v", l.rules, time.Since(start))
	if l.rules != 100_000 || len(l.faults) > 0 {
		t.Errorf("%d rules, faults %v", l.rules, l.faults)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
}
