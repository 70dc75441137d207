package docs_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// docs/reasons.md has a section for each reason, in the order in which they are
// decided, and every section has the same parts.
func TestReasons(t *testing.T) {
	p := readPage(t, "docs/reasons.md")
	var want []string
	for _, r := range policy.Reasons() {
		want = append(want, r.String())
	}
	if diff := cmp.Diff(want, p.headings(2)); diff != "" {
		t.Errorf("docs/reasons.md (-code +page):\n%s", diff)
	}
	for _, reason := range p.headings(2) {
		text := strings.Join(p.section(t, "## "+reason), "\n")
		for _, part := range []string{"**Means.**", "**Console.**", "**Fix.**"} {
			if !strings.Contains(text, part) {
				t.Errorf("docs/reasons.md: %s has no %s", reason, part)
			}
		}
	}
}

// docs/examples/reasons.jsonl has a request for each reason, in the same order.
func TestReasonsHaveExamples(t *testing.T) {
	dir, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	lines := run(t, dir, "corsd explain --policy docs/examples/reasons.yaml --cases docs/examples/reasons.jsonl")
	var have, want []string
	for _, line := range lines {
		_, reason, _ := strings.Cut(line, `"reason":"`)
		reason, _, _ = strings.Cut(reason, `"`)
		have = append(have, reason)
	}
	for _, r := range policy.Reasons() {
		want = append(want, r.String())
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("docs/examples/reasons.jsonl (-reasons +cases):\n%s", diff)
	}
}

// The tables of docs/policy.md name every code, each once, and the name that permits it.
func TestCodes(t *testing.T) {
	faults, warnings := codesOf(t)
	p := readPage(t, "docs/policy.md")
	compare(t, "load errors", faults, firstCells(p.section(t, "## Load errors")))
	compare(t, "warnings", warnings, firstCells(p.section(t, "## Warnings")))
}

// The table of docs/envoy.md names every code of check --envoy.
func TestEnvoyCodes(t *testing.T) {
	var all []string
	for _, dir := range []string{"internal/envoyconfig", "internal/envoypolicy"} {
		for _, file := range parseDir(t, dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				if c, ok := n.(*ast.ValueSpec); ok && len(c.Values) == 1 {
					if kind, ok := c.Type.(*ast.SelectorExpr); ok && kind.Sel.Name == "Code" {
						all = append(all, literals(c.Values)...)
					}
				}
				return true
			})
		}
	}
	lines := readPage(t, "docs/envoy.md").section(t, "## Write and check a configuration")
	compare(t, "codes of check --envoy", all, firstCells(lines))
}

func firstCells(lines []string) []string {
	var all []string
	for _, row := range rows(lines) {
		all = append(all, strings.Trim(row[0], "`"))
	}
	return all
}

// compare holds two lists against each other, without their order.
func compare(t *testing.T, what string, code, page []string) {
	t.Helper()
	if diff := cmp.Diff(sorted(code), sorted(page)); diff != "" {
		t.Errorf("%s (-code +page):\n%s", what, diff)
	}
}

// codesOf reads the codes from their declarations: those of warnings stand in a
// group of their own.
func codesOf(t *testing.T) (faults, warnings []string) {
	t.Helper()
	for _, file := range parseDir(t, "pkg/policy/spec") {
		for _, decl := range file.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.CONST {
				continue
			}
			for _, doc := range d.Specs {
				doc := doc.(*ast.ValueSpec)
				if kind, ok := doc.Type.(*ast.Ident); !ok || kind.Name != "Code" {
					continue
				}
				code, _ := strconv.Unquote(doc.Values[0].(*ast.BasicLit).Value)
				if strings.Contains(d.Doc.Text(), "warnings") {
					warnings = append(warnings, code)
				} else {
					faults = append(faults, code)
				}
			}
		}
	}
	if len(faults) == 0 || len(warnings) == 0 {
		t.Fatal("the codes are not where they were")
	}
	return faults, warnings
}

// A name in dangerouslyAllow permits the danger that the page describes: with the name the policy
// loads, without it the code is the only fault.
func TestDangers(t *testing.T) {
	yes := new(true)
	with := func(c spec.CORS) spec.PolicySpec {
		c.AllowCredentials = yes
		return spec.PolicySpec{CORS: &c}
	}
	specs := map[spec.Code]spec.PolicySpec{
		spec.CodeAnyOriginWithCredentials:  with(spec.CORS{AllowOrigins: []string{"*"}}),
		spec.CodeNullOriginWithCredentials: with(spec.CORS{AllowNullOrigin: yes}),
		spec.CodePublicSuffix:              with(spec.CORS{AllowOrigins: []string{"https://*.github.io"}}),
		spec.CodeInsecureOrigin:            with(spec.CORS{AllowOrigins: []string{"http://www.shop.example"}}),
		spec.CodeRegexUnbounded:            {CORS: &spec.CORS{AllowOriginRegexes: []string{".*"}}},
		spec.CodeWebSocketAnyOrigin: {
			CORS: &spec.CORS{AllowOrigins: []string{"*"}}, WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)},
		},
	}
	permitted := map[spec.Code]spec.Danger{}
	for _, row := range rows(readPage(t, "docs/policy.md").section(t, "## Load errors")) {
		if len(row) == 3 && row[2] != "" {
			permitted[spec.Code(strings.Trim(row[0], "`"))] = spec.Danger(strings.Trim(row[2], "`"))
		}
	}
	compare(t, "codes that can be permitted", slices.Collect(stringsOf(maps.Keys(specs))), slices.Collect(stringsOf(maps.Keys(permitted))))
	for code, doc := range specs {
		doc.Hosts = []string{"api.shop.example"}
		if have := faultsOf(doc); !slices.Equal(have, []spec.Code{code}) {
			t.Errorf("%s: the faults are %q", code, have)
		}
		doc.DangerouslyAllow = []spec.Danger{permitted[code]}
		if have := faultsOf(doc); len(have) > 0 {
			t.Errorf("%s: %s does not permit it: %q", code, permitted[code], have)
		}
	}
}

func stringsOf[T ~string](seq func(func(T) bool)) func(func(string) bool) {
	return func(yield func(string) bool) {
		for s := range seq {
			if !yield(string(s)) {
				return
			}
		}
	}
}

func faultsOf(doc spec.PolicySpec) []spec.Code {
	_, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{{Name: "p", Spec: doc}}})
	var all []spec.Code
	faults, _ := errors.AsType[spec.Faults](err)
	for _, f := range faults {
		all = append(all, f.Code)
	}
	return all
}

// modules are the directories of the project's Go modules, with the headings of their dependencies in CONTRIBUTING.md.
var modules = map[string]string{".": "### The product", "test": "### The tests", "bench": "### The benchmarks"}

// CONTRIBUTING.md has a reason for every module that the code imports, and for every one that a go.mod requires
// directly.
func TestDependencies(t *testing.T) {
	for dir, heading := range modules {
		direct, all := requirements(t, dir)
		imported := imports(t, dir)
		want := map[string]bool{}
		for module := range all {
			of := func(p string) bool { return p == module || strings.HasPrefix(p, module+"/") }
			own := strings.HasPrefix(module, "github.com/corsd/corsd")
			if !own && (direct[module] || slices.ContainsFunc(imported, of)) {
				want[module] = true
			}
		}
		var have []string
		for _, row := range rows(readPage(t, "CONTRIBUTING.md").section(t, heading)) {
			have = append(have, code(row[0])...)
			if len(row) != 2 || len(row[1]) < 20 {
				t.Errorf("CONTRIBUTING.md gives no reason for %s", row[0])
			}
		}
		compare(t, "dependencies of "+dir, slices.Collect(maps.Keys(want)), have)
	}
}

// The tests and benchmarks run with the product's versions of its dependencies.
func TestModulesAgree(t *testing.T) {
	_, product := requirements(t, ".")
	for dir := range modules {
		_, all := requirements(t, dir)
		for module, version := range all {
			if product[module] != "" && product[module] != version {
				t.Errorf("%s/go.mod requires %s %s, the product %s", dir, module, version, product[module])
			}
		}
	}
}

// requirements returns the modules that the go.mod of a directory requires directly, and the versions of all that it names.
func requirements(t *testing.T, dir string) (direct map[string]bool, all map[string]string) {
	t.Helper()
	direct, all = map[string]bool{}, map[string]string{}
	text, err := os.ReadFile(filepath.Join(root, dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	block := ""
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case len(words) > 0 && words[0] == ")":
			block = ""
			continue
		case len(words) > 0 && words[0] == "require":
			words = words[1:]
		case block != "require":
			continue
		}
		if len(words) >= 2 {
			all[words[0]] = words[1]
			direct[words[0]] = direct[words[0]] || !strings.Contains(line, "// indirect")
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s/go.mod requires nothing", dir)
	}
	return direct, all
}

// imports returns the import paths of all Go files of the module in a directory, tests included.
func imports(t *testing.T, dir string) []string {
	t.Helper()
	seen := map[string]bool{}
	top := filepath.Join(root, dir)
	err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != top {
				return filepath.SkipDir // another module
			}
			if name := e.Name(); path != top && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, doc := range file.Imports {
			name, _ := strconv.Unquote(doc.Path.Value)
			seen[name] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(maps.Keys(seen))
}

// docs/operations.md names every metric of corsd, with its labels.
func TestMetrics(t *testing.T) {
	var have []string
	for _, row := range rows(readPage(t, "docs/operations.md").section(t, "## Metrics")) {
		have = append(have, strings.Join(append(code(row[0]), code(row[1])...), " "))
	}
	compare(t, "metrics", metrics(t), have)
}

// metrics reads names and labels from the calls that make metrics.
func metrics(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, file := range parseDir(t, "internal/telemetry") {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, ok := call.Fun.(*ast.Ident); ok && slices.Contains([]string{"counter", "counters", "gauge", "gauges"}, name.Name) {
				if words := literals(call.Args); len(words) >= 2 {
					all = append(all, strings.Join(append([]string{"corsd_" + words[0]}, words[2:]...), " "))
				}
			}
			return true
		})
	}
	if len(all) == 0 {
		t.Fatal("the metrics are not where they were")
	}
	return all
}

func literals(exprs []ast.Expr) []string {
	var all []string
	for _, e := range exprs {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, _ := strconv.Unquote(literal.Value)
			all = append(all, text)
		}
	}
	return all
}

// docs/envoy.md describes every setting of the shipped configurations, and names none that they do not
// have.
func TestEnvoySettings(t *testing.T) {
	shipped := map[string]bool{}
	for _, name := range []string{"envoy.yaml", "envoy-lean.yaml", "envoy-ext-authz.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, "deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := yaml.Load(text, &tree); err != nil {
			t.Fatal(err)
		}
		collectKeys(tree, shipped)
	}
	page := readPage(t, "docs/envoy.md")
	said := map[string]bool{}
	for _, line := range page.section(t, "## Every setting, and why") {
		for _, word := range code(line) {
			name, _, _ := strings.Cut(word, ":")
			said[name] = true
		}
	}
	for key := range shipped {
		if !said[key] && !slices.Contains(scaffolding, key) {
			t.Errorf("docs/envoy.md does not say why deploy/ sets %s", key)
		}
	}
	for _, row := range rows(page.section(t, "## Every setting, and why")) {
		for _, word := range code(row[0]) {
			if name, _, _ := strings.Cut(word, ":"); !shipped[name] {
				t.Errorf("docs/envoy.md explains %s, which no configuration of deploy/ has", name)
			}
		}
	}
}

func collectKeys(node any, into map[string]bool) {
	switch n := node.(type) {
	case map[string]any:
		for key, value := range n {
			into[key] = true
			collectKeys(value, into)
		}
	case []any:
		for _, value := range n {
			collectKeys(value, into)
		}
	}
}

// scaffolding has the settings of every configuration, and those of the example application.
var scaffolding = strings.Fields(`
	@type name typed_config address socket_address port_value admin static_resources listeners filter_chains filters
	stat_prefix route_config virtual_hosts domains routes match route prefix path_separated_prefix cluster clusters type
	connect_timeout load_assignment cluster_name endpoints lb_endpoints endpoint http_filters
	log_format text_format_source inline_string key value header rules requires provider_name providers issuer local_jwks
	matcher_list matchers predicate not_matcher and_matcher single_predicate input header_name value_match safe_regex
	regex google_re2 on_match action exact patterns thresholds priority staff typed_extension_protocol_options
	envoy.extensions.upstreams.http.v3.HttpProtocolOptions explicit_http_config timeout interval overrides corsd`)
