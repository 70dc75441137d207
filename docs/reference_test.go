package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/policyfile"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestPolicyReference makes docs/policy.md from its template and the comments of
// package policy, and compares.
func TestPolicyReference(t *testing.T) {
	src := parsePolicy(t)
	page := template.Must(template.New("policy.md.tmpl").Funcs(template.FuncMap{
		"about":   src.about,
		"fields":  src.fieldTable,
		"values":  src.valueTable,
		"presets": func() string { return src.presetTable(t) },
		"limits":  src.limitTable,
	}).ParseFiles("policy.md.tmpl"))
	var text strings.Builder
	if err := page.Execute(&text, nil); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("policy.md", []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("policy.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), text.String()); diff != "" {
		t.Errorf("docs/policy.md is stale: run go test ./docs -update (-page +code)\n%s", diff)
	}
}

// source has the comments of package policy.
type source struct {
	structs map[string]*ast.StructType
	docs    map[string]string     // of types
	values  map[string][]constant // of enums, by type
	limits  []string
}

// constant is one value of an enum.
type constant struct{ name, value, doc string }

func parsePolicy(t *testing.T) *source {
	t.Helper()
	src := &source{structs: map[string]*ast.StructType{}, docs: map[string]string{}, values: map[string][]constant{}}
	for _, dir := range []string{"pkg/policy/spec", "pkg/policy/plan", "pkg/policy", "pkg/policy/policyfile"} {
		for _, file := range parseDir(t, dir) {
			for _, decl := range file.Decls {
				d, ok := decl.(*ast.GenDecl)
				switch {
				case !ok:
				case dir == "pkg/policy/spec":
					src.add(d)
				default:
					src.addLimits(d)
				}
			}
		}
	}
	if len(src.structs) == 0 || len(src.values) == 0 || len(src.limits) == 0 {
		t.Fatal("package policy is not where it was")
	}
	return src
}

func parseDir(t *testing.T, dir string) []*ast.File {
	t.Helper()
	set := token.NewFileSet()
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, e := range entries {
		if !isSource(e) {
			continue
		}
		file, err := parser.ParseFile(set, filepath.Join(root, dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func isSource(e fs.DirEntry) bool {
	return strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go")
}

func (s *source) add(d *ast.GenDecl) {
	for _, doc := range d.Specs {
		switch doc := doc.(type) {
		case *ast.TypeSpec:
			if t, ok := doc.Type.(*ast.StructType); ok {
				s.structs[doc.Name.Name] = t
			}
			s.docs[doc.Name.Name] = join(firstOf(doc.Doc, d.Doc))
		case *ast.ValueSpec:
			s.addConstant(d, doc)
		}
	}
}

// addLimits adds the bounds that a package beside spec declares.
func (s *source) addLimits(d *ast.GenDecl) {
	for _, doc := range d.Specs {
		if v, ok := doc.(*ast.ValueSpec); ok && d.Tok == token.CONST && strings.HasPrefix(v.Names[0].Name, "Max") {
			s.limits = append(s.limits, v.Names[0].Name)
		}
	}
}

func (s *source) addConstant(d *ast.GenDecl, doc *ast.ValueSpec) {
	if d.Tok != token.CONST || len(doc.Names) != 1 || !doc.Names[0].IsExported() {
		return
	}
	name := doc.Names[0].Name
	if strings.HasPrefix(name, "Max") {
		s.limits = append(s.limits, name)
	}
	kind, typed := doc.Type.(*ast.Ident)
	if !typed || len(doc.Values) != 1 {
		return
	}
	if literal, ok := doc.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
		value, _ := strconv.Unquote(literal.Value)
		s.values[kind.Name] = append(s.values[kind.Name], constant{name, value, join(doc.Doc)})
	}
}

func firstOf(docs ...*ast.CommentGroup) *ast.CommentGroup {
	for _, doc := range docs {
		if doc != nil {
			return doc
		}
	}
	return nil
}

// join returns a comment as one line.
func join(doc *ast.CommentGroup) string {
	if doc == nil {
		return ""
	}
	return strings.Join(strings.Fields(doc.Text()), " ")
}

// about returns the comment of a type.
func (s *source) about(name string) (string, error) {
	doc, ok := s.docs[name]
	if !ok || doc == "" {
		return "", fmt.Errorf("type %s has no comment", name)
	}
	return prose(doc), nil
}

// field is one field of a document.
type field struct{ name, kind, def, doc string }

func (s *source) fields(name string) ([]field, error) {
	structure, ok := s.structs[name]
	if !ok {
		return nil, fmt.Errorf("there is no struct %s", name)
	}
	var all []field
	for _, f := range structure.Fields.List {
		if f.Tag == nil {
			return nil, fmt.Errorf("%s has fields that no document has", name)
		}
		tag, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return nil, err
		}
		json, _, _ := strings.Cut(strings.TrimPrefix(tag, `json:"`), ",")
		kind, list, err := s.kindOf(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, json, err)
		}
		doc, found := strings.CutPrefix(join(f.Doc), f.Names[0].Name+" ")
		if !found {
			return nil, fmt.Errorf("%s.%s: the comment does not begin with the name", name, json)
		}
		def, doc := takeDefault(doc)
		switch {
		case def == "" && name == "Rule":
			def = "the policy's"
		case def == "" && list:
			def = "none"
		}
		all = append(all, field{json, kind, def, "`" + json + "` " + prose(doc)})
	}
	return all, nil
}

// kindOf returns the words for a field's type.
func (s *source) kindOf(expr ast.Expr) (kind string, list bool, err error) {
	switch t := expr.(type) {
	case *ast.StarExpr:
		return s.kindOf(t.X)
	case *ast.ArrayType:
		kind, _, err := s.kindOf(t.Elt)
		if kind == "string" {
			kind = "strings"
		}
		return "list of " + kind, true, err
	case *ast.Ident:
		if kind, ok := map[string]string{
			"string": "string", "bool": "boolean", "int": "integer", "Seconds": "seconds or duration", "Preset": "[presets](#presets)",
			"Danger": "[names](#dangerouslyallow)", "Code": "[codes](#warnings)",
		}[t.Name]; ok {
			return kind, false, nil
		}
		if s.structs[t.Name] != nil {
			return fmt.Sprintf("[%s](#%s)", t.Name, strings.ToLower(t.Name)), false, nil
		}
		if values := s.values[t.Name]; len(values) > 0 {
			return fmt.Sprintf("[%s](#%s)", t.Name, strings.ToLower(t.Name)), false, nil
		}
	}
	return "", false, fmt.Errorf("no words for the type %T", expr)
}

// takeDefault removes the sentence that names the default from a comment, and returns it.
func takeDefault(doc string) (def, rest string) {
	sentences := strings.SplitAfter(doc, ". ")
	rest = ""
	for _, sentence := range sentences {
		trimmed := strings.TrimSpace(sentence)
		switch {
		case trimmed == "Required.":
			def = "required"
		case strings.HasPrefix(trimmed, "Default"):
			def = strings.TrimSuffix(strings.TrimLeft(strings.TrimPrefix(trimmed, "Default"), ": "), ".")
			if !strings.Contains(def, " ") {
				def = "`" + def + "`"
			} else {
				def = prose(def)
			}
		default:
			if strings.HasPrefix(trimmed, "Unset: ") {
				def = "unset"
			}
			rest += sentence
		}
	}
	return def, strings.TrimSpace(rest)
}

// prose puts words that are not English between backticks, so that Markdown does not format them.
func prose(text string) string {
	words := strings.Fields(text)
	for i, word := range words {
		if strings.HasPrefix(word, "[") && strings.Contains(word, "]") { // a link of go doc
			words[i] = strings.NewReplacer("[", "", "]", "").Replace(word)
			continue
		}
		core := strings.TrimRight(strings.TrimLeft(word, "("), ".,;:)")
		if isCode(core) {
			words[i] = strings.Replace(word, core, "`"+core+"`", 1)
		}
	}
	return strings.Join(words, " ")
}

func isCode(word string) bool {
	return word != "" && (strings.ContainsAny(word, "*{}[]|<>\"/_") || strings.Contains(word, "://"))
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (s *source) fieldTable(name string) (string, error) {
	fields, err := s.fields(name)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| field | type | default | meaning |\n|---|---|---|---|\n")
	for _, f := range fields {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, f.kind, f.def, f.doc)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func (s *source) valueTable(name string) (string, error) {
	if len(s.values[name]) == 0 {
		return "", fmt.Errorf("type %s has no values", name)
	}
	var b strings.Builder
	b.WriteString("| value | meaning |\n|---|---|\n")
	for _, c := range s.values[name] {
		doc, found := strings.CutPrefix(c.doc, c.name+" ")
		if !found {
			return "", fmt.Errorf("the comment of %s does not begin with the name", c.name)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", c.value, capital(prose(doc)))
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// presetTable asks the engine what each preset adds.
func (s *source) presetTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| preset | methods | request headers | exposed headers |\n|---|---|---|---|\n")
	for _, c := range s.values["Preset"] {
		settings := settingsOf(t, spec.PolicySpec{CORS: &spec.CORS{Presets: []spec.Preset{spec.Preset(c.value)}}})
		list := func(name string) string {
			return strings.TrimSuffix(strings.ReplaceAll(settings[name].Value+" ", "none ", ""), " ")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.value, list("allowMethods"), list("allowHeaders"), list("exposeHeaders"))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// settingsOf returns the effective settings of a policy, by name.
func settingsOf(t *testing.T, doc spec.PolicySpec) map[string]policy.Setting {
	t.Helper()
	doc.Hosts = []string{"*"}
	engine, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{{Name: "p", Spec: doc}}})
	if err != nil {
		t.Fatal(err)
	}
	d := engine.Explain(&policy.Request{Method: "GET", Scheme: "https", Authority: "a.example", Path: "/"})
	settings := map[string]policy.Setting{}
	for _, setting := range d.Settings {
		settings[setting.Name] = setting
	}
	return settings
}

// limitTable returns the bounds of policies and requests. Their comments are for
// readers of the code; the words here are for authors of policies.
func (s *source) limitTable() (string, error) {
	words := map[string]struct {
		value int
		what  string
	}{
		"MaxFileBytes":           {policyfile.MaxFileBytes, "bytes of one file"},
		"MaxTotalBytes":          {policyfile.MaxTotalBytes, "bytes of all files"},
		"MaxFiles":               {policyfile.MaxFiles, "policy files of one directory"},
		"MaxDocuments":           {policyfile.MaxDocuments, "documents of one file, empty ones included"},
		"MaxNesting":             {policyfile.MaxNesting, "lists and mappings within each other"},
		"MaxKeys":                {policyfile.MaxKeys, "keys of one mapping"},
		"MaxNodes":               {policyfile.MaxNodes, "keys, values, lists and mappings of one document; an alias counts as what it stands for"},
		"MaxRules":               {spec.MaxRules, "rules of all policies"},
		"MaxOrigins":             {spec.MaxOrigins, "entries of all `allowOrigins`, `allowOriginRegexes` and OriginSets"},
		"MaxTableEntries":        {plan.MaxTableEntries, "rules times the hosts that they apply to; hosts that the same policies name count once"},
		"MaxOriginRules":         {plan.MaxOriginRules, "rules with origins at one path of a host"},
		"MaxFoldedPath":          {plan.MaxFoldedPath, "bytes of a `match.path.value` with `paths.ignoreCase`"},
		"MaxRegexLength":         {plan.MaxRegexLength, "bytes of one expression"},
		"MaxRegexSize":           {plan.MaxRegexSize, "instructions that all expressions compile to"},
		"MaxFindings":            {policyfile.MaxFindings, "faults that are listed, and warnings"},
		"MaxExpressionPath":      {policy.MaxExpressionPath, "of a request: bytes of the path, on a host with a `RegularExpression`"},
		"MaxRequestHeadersBytes": {policy.MaxRequestHeadersBytes, "of a request: bytes of `Access-Control-Request-Headers`"},
		"MaxRequestHeaders":      {policy.MaxRequestHeaders, "of a request: names in `Access-Control-Request-Headers`"},
	}
	var b strings.Builder
	b.WriteString("| at most | of what |\n|---|---|\n")
	for _, name := range s.limits {
		limit, known := words[name]
		if !known {
			return "", fmt.Errorf("the limit %s is new: add it to limitTable", name)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", thousands(limit.value), limit.what)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// The defaults that comments name are those that the engine has.
func TestDefaultsAreTheEngines(t *testing.T) {
	src := parsePolicy(t)
	documented := map[string]string{}
	for _, of := range []struct{ name, prefix string }{{"CORS", ""}, {"PolicySpec", ""}, {"Preflight", "preflight."}, {"WebSocket", "webSocket."}} {
		fields, err := src.fields(of.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fields {
			documented[of.prefix+f.name] = strings.Trim(f.def, "`")
		}
	}
	settings := settingsOf(t, spec.PolicySpec{CORS: &spec.CORS{}})
	if len(settings) == 0 {
		t.Fatal("the engine has no settings")
	}
	for name, setting := range settings {
		if documented[name] != setting.Value {
			t.Errorf("the default of %s is %q, and its comment says %q", name, setting.Value, documented[name])
		}
	}
}

// Every type and every enum that a document can hold has its place on the page.
func TestPolicyReferenceIsComplete(t *testing.T) {
	src := parsePolicy(t)
	headings := readPage(t, "docs/policy.md").headings(0)
	for name := range src.structs {
		if _, err := src.fields(name); err == nil && !slices.Contains(headings, name) && isDocument(src, name) {
			t.Errorf("docs/policy.md has no heading %s", name)
		}
	}
	for name := range src.values {
		if name != "Preset" && name != "Code" && name != "Kind" && name != "Feature" && name != "Danger" && !slices.Contains(headings, name) {
			t.Errorf("docs/policy.md has no heading %s", name)
		}
	}
}

// isDocument: the types whose fields all have names in documents, less those that
// describe faults.
func isDocument(src *source, name string) bool { return name != "Diagnostic" && src.docs[name] != "" }
