package policy_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/internal/lang"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/policyfile"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// replacement is a hint that can be carried out: texts to write in place of a value, in the same
// list if field is "".
type replacement struct {
	field string
	texts []string
}

// replacementOf reads a hint, ok is false if it is words.
func replacementOf(t testing.TB, hint string) (r replacement, ok bool) {
	t.Helper()
	hint, _, _ = strings.Cut(hint, "; dangerouslyAllow: ")
	m := regexp.MustCompile(`^(allowOrigins|allowOriginRegexes|origins|allowNullOrigin): (\[.*\]|true)( in the policy)?$`).FindStringSubmatch(hint)
	switch {
	case m != nil && m[1] == "allowNullOrigin":
		return replacement{field: m[1]}, true
	case m != nil:
		if err := yaml.Unmarshal([]byte(m[2]), &r.texts); err != nil {
			t.Errorf("hint %s: %v", hint, err)
		}
		r.field = m[1]
		return r, true
	case hint == "" || strings.Contains(hint, " "):
		return r, false
	}
	return replacement{texts: []string{hint}}, true
}

// apply returns the configuration in which a hint has been carried out.
func (r replacement) apply(cfg spec.Config, place spec.Place) spec.Config {
	docs := map[spec.Kind]string{spec.KindPolicy: "Policies", spec.KindDefaults: "Defaults", spec.KindOriginSet: "OriginSets"}
	path := []spec.Step{{Field: docs[place.Kind]}, {Index: place.Index}}
	list, steps := place.Path.Parent(), place.Path.Steps()
	at := func(p spec.Path) []spec.Step { return append(slices.Clip(path), p.Steps()...) }
	if last := steps[len(steps)-1]; last.Field != "" {
		return changed(cfg, at(place.Path), func(v reflect.Value) { v.SetString(r.texts[0]) })
	} else if r.field == "" || r.field == list.Last() {
		return changed(cfg, at(list), func(v reflect.Value) {
			v.Set(reflect.ValueOf(slices.Replace(slices.Clone(v.Interface().([]string)), last.Index, last.Index+1, r.texts...)))
		})
	} else {
		cfg = changed(cfg, at(list), func(v reflect.Value) {
			v.Set(reflect.ValueOf(slices.Delete(slices.Clone(v.Interface().([]string)), last.Index, last.Index+1)))
		})
	}
	if place.Kind == spec.KindOriginSet || list.Parent().Last() == "match" { // "in the policy"
		return changed(cfg, []spec.Step{{Field: "Policies"}, {}, {Field: "spec"}, {Field: "cors"}, {Field: r.field}}, func(v reflect.Value) {
			r.add(v)
		})
	}
	return changed(cfg, at(list.Parent().At(r.field)), func(v reflect.Value) {
		r.add(v)
	})
}

// add adds the texts to the field that they belong in.
func (r replacement) add(v reflect.Value) {
	if r.field == "allowNullOrigin" {
		v.Set(reflect.ValueOf(new(true)))
		return
	}
	v.Set(reflect.ValueOf(append(slices.Clone(v.Interface().([]string)), r.texts...)))
}

// changed returns a copy of a value in which the part that steps lead to is changed.
func changed[T any](value T, steps []spec.Step, change func(reflect.Value)) T {
	v := reflect.New(reflect.TypeOf(value)).Elem()
	v.Set(reflect.ValueOf(value))
	part := v
	for _, step := range steps {
		if part.Kind() == reflect.Pointer {
			copied := reflect.New(part.Type().Elem())
			copied.Elem().Set(part.Elem())
			part.Set(copied)
			part = copied.Elem()
		}
		if step.Field == "" {
			copied := reflect.MakeSlice(part.Type(), part.Len(), part.Len())
			reflect.Copy(copied, part)
			part.Set(copied)
			part = copied.Index(step.Index)
			continue
		}
		part = part.FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, step.Field) })
	}
	change(part)
	return v.Interface().(T)
}

// isString reports whether a place has a text that a hint can be written to.
func isString(d spec.Diagnostic) bool {
	field := d.Place.Path.Last()
	return slices.Contains([]string{"allowOrigins", "allowOriginRegexes", "origins", "hosts", "value"}, field) && d.Code != spec.CodeLimitExceeded
}

// TestHints carries out the hint of each fault and warning of the rows: what was wrong is gone, and
// nothing else is wrong at the place.
func TestHints(t *testing.T) {
	applied := 0
	for _, row := range compileRows() {
		_, warnings, err := policy.Compile(row.config, row.opts...)
		for _, d := range slices.Concat(faultsOf(t, err), warnings) {
			r, ok := replacementOf(t, d.Hint)
			if !ok || !isString(d) {
				continue
			}
			applied++
			t.Run(row.name+" "+d.Place.Path.String(), func(t *testing.T) { checkHint(t, row.config, d, r) })
		}
	}
	files, err := filepath.Glob("policyfile/testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no files: %v", err)
	}
	for _, file := range files {
		cfg := policyfile.Read([]string{file}).Config
		_, warnings, err := policy.Compile(cfg)
		for _, d := range slices.Concat(faultsOf(t, err), warnings) {
			if r, ok := replacementOf(t, d.Hint); ok && isString(d) {
				applied++
				t.Run(file, func(t *testing.T) { checkHint(t, cfg, d, r) })
			}
		}
	}
	if applied < 100 {
		t.Errorf("%d hints were carried out", applied)
	}
}

// checkHint carries out a hint.
func checkHint(t *testing.T, cfg spec.Config, d spec.Diagnostic, r replacement) {
	t.Helper()
	_, _, err := policy.Compile(cfg)
	before := faultsOf(t, err)
	_, warnings, err := policy.Compile(r.apply(cfg, d.Place))
	for _, left := range faultsOf(t, err) {
		if !slices.ContainsFunc(before, func(b spec.Diagnostic) bool {
			return b.Value == left.Value && b.Code == left.Code && b.Place != d.Place
		}) {
			t.Errorf("%s\nand with the hint: %s", d, left)
		}
	}
	for _, left := range warnings {
		if left.Place == d.Place && left.Code == d.Code && left.Value == d.Value {
			t.Errorf("%s\nand with the hint: %s", d, left)
		}
	}
	checkNames(t, d, r)
}

// checkNames checks that a hint has no registered name that the value has not.
func checkNames(t *testing.T, d spec.Diagnostic, r replacement) {
	t.Helper()
	value := strings.ToLower(strings.NewReplacer(`\`, "", "bücher", "xn--bcher-kva").Replace(d.Value))
	for _, text := range r.texts {
		e := entryExpr(t, r, d, text)
		if e == nil {
			continue
		}
		owners, err := e.Owners()
		if err != nil {
			t.Fatal(err)
		}
		names := owners.Domains
		for _, s := range owners.Suffixes {
			names = append(names, s.Name)
		}
		for _, name := range names {
			if first, _, _ := strings.Cut(name, "."); !strings.Contains(value, first) {
				t.Errorf("%s accepts origins below %s, which %q does not name", text, name, d.Value)
			}
		}
	}
}

// entryExpr returns the origins that a replaced text accepts, nil if it is of no origin.
func entryExpr(t *testing.T, r replacement, d spec.Diagnostic, text string) *lang.Expr {
	t.Helper()
	field := r.field
	if field == "" {
		field = d.Place.Path.Last()
	}
	switch field {
	case "allowOriginRegexes":
	case "allowOrigins", "origins":
		if text == origin.Any {
			return nil
		}
		text = patternText(t, text)
	default:
		return nil
	}
	e, err := lang.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

// patternText returns an expression for an entry, written independently of the engine's.
func patternText(t *testing.T, text string) string {
	t.Helper()
	p, _, fault := origin.ParsePattern(text)
	if fault != nil {
		t.Fatalf("%s: %s", text, fault.Message)
	}
	s := regexp.QuoteMeta(p.Scheme+"://") + map[origin.HostKind]string{
		origin.ExactHost: "", origin.Subdomains: `([a-z0-9_-]+\.)+`, origin.AnyHost: `[^:]+`, origin.TenantHost: `[^.:]+\.`,
	}[p.Kind] + regexp.QuoteMeta(p.Host)
	switch p.Port {
	case "":
		return s
	case origin.AnyPort:
		return s + `(:[0-9]+)?`
	}
	return s + ":" + p.Port
}

// mistake is a text that people write for origins.
type mistake struct {
	field       string // allowOrigins or allowOriginRegexes
	text        string
	credentials bool
	code        spec.Code
	hint        string // without the name that permits the danger
	// bound is an expression for all that the text can mean, "" if the hint is words.
	bound string
}

// TestMistakes is about the mistakes that were found most often in public repositories and in
// questions. Each hint is carried out: the policy is then accepted, and by an automaton it is proved
// that it accepts nothing beyond the bound.
func TestMistakes(t *testing.T) {
	for _, m := range mistakes() {
		t.Run(fmt.Sprintf("%s %s %v", m.field, m.text, m.credentials), func(t *testing.T) { m.check(t) })
	}
}

func (m *mistake) check(t *testing.T) {
	cors := &spec.CORS{AllowCredentials: &m.credentials}
	if m.field == "allowOrigins" {
		cors.AllowOrigins = []string{m.text}
	} else {
		cors.AllowOriginRegexes = []string{m.text}
	}
	cfg := one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: cors})
	_, warnings, err := policy.Compile(cfg)
	found := slices.Concat(faultsOf(t, err), warnings)
	if m.code == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	i := slices.IndexFunc(found, func(d spec.Diagnostic) bool { return d.Code == m.code })
	if i < 0 {
		t.Fatalf("there is no %s in %v", m.code, found)
	}
	d := found[i]
	if hint, _, _ := strings.Cut(d.Hint, "; dangerouslyAllow: "); hint != m.hint {
		t.Errorf("hint %s\nwant %s\n%s", hint, m.hint, d)
	}
	r, ok := replacementOf(t, d.Hint)
	if ok != (m.bound != "") {
		t.Fatalf("a bound and a hint that can be carried out belong together: %s", d.Hint)
	}
	if !ok {
		return
	}
	if _, _, err := policy.Compile(r.apply(cfg, d.Place)); err != nil {
		t.Errorf("with the hint: %v", err)
	}
	bound, err := lang.Parse(m.bound)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range r.texts {
		if e := entryExpr(t, r, d, text); e != nil {
			if more, err := e.Missing(lang.Parsed, bound); more != "" || err != nil {
				t.Errorf("the hint %s accepts %s, %v, beyond %s", d.Hint, more, err, m.bound)
			}
		}
	}
}

// TestHintsOfRandomTexts carries out the hints of texts that are made of pieces of origins, globs and
// expressions.
func TestHintsOfRandomTexts(t *testing.T) {
	pieces := []string{
		"https://", "http://", "*", "**", ".*", ".", `\.`, "shop", "com", "shop.com", "acme", "github.io", "co.uk", "-", ":", "3000", "*", "/", `\/`, "^", "$", "(", ")",
		"(a|b)", "[a-z]+", "?", "+", "|", ",", " ", "{a,b}", "{t}", "[8080,8081]", "localhost", "127.0.0.1", "[::1]", "null", "://", "wss", "é", "A", `"`, `'`, ";", "#x",
		`\d+`, `\Q`, "(?i)", "chrome-extension://", "app://", "file://", "192.168.", "%", "@", "$", "https?://", "http(s)://", "{1,3}", `\w`, "[^", "]",
	}
	r := rand.New(rand.NewPCG(7, 8))
	applied := 0
	for range 2000 {
		text := ""
		for range 1 + r.IntN(7) {
			text += pieces[r.IntN(len(pieces))]
		}
		cors := &spec.CORS{AllowCredentials: new(r.IntN(2) == 0)}
		if r.IntN(2) == 0 {
			cors.AllowOrigins = []string{text}
		} else {
			cors.AllowOriginRegexes = []string{text}
		}
		cfg := one("shop", spec.PolicySpec{Hosts: []string{host, "{t}.shop.example"}, CORS: cors})
		_, warnings, err := policy.Compile(cfg)
		for _, d := range slices.Concat(faultsOf(t, err), warnings) {
			if r, ok := replacementOf(t, d.Hint); ok && isString(d) {
				applied++
				if _, _, err := policy.Compile(r.apply(cfg, d.Place)); err != nil {
					t.Errorf("%s\nand with the hint: %v", d, err)
				}
				if !strings.ContainsAny(text, "([{") { // these spell names that no part of the text has
					checkNames(t, d, r)
				}
			}
		}
	}
	if applied < 200 {
		t.Errorf("%d hints were carried out", applied)
	}
}
