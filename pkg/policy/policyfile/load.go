package policyfile

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy"
)

// Load reads and compiles all policies that paths name. A path is a file, whatever
// its name (YAML, or JSON where it ends in .json), or a directory, of which the
// files *.yaml, *.yml and *.json are read that are not hidden; directories within
// it are not. A file that is named twice is read once.
//
// The options are passed on to [policy.Compile].
func Load(paths []string, opts ...policy.Option) *Report {
	return LoadWithPauses(paths, func() {}, opts...)
}

// LoadWithPauses is [Load] for a program that does something else meanwhile: pause is
// called each time that some more has been done, microseconds mostly, and may sleep.
func LoadWithPauses(paths []string, pause func(), opts ...policy.Option) *Report {
	return load(defaultLimits(), paths, pause, append(slices.Clip(opts), policy.Pauses(pause)))
}

// Parse compiles the policies in data, as [Load] does those of a file. Name stands
// for the file in the report; one that ends in .json says that data is JSON.
func Parse(name string, data []byte, opts ...policy.Option) *Report {
	return parse(defaultLimits(), name, data, opts)
}

// Hash gives the hash that the [Report] of [Load] would have, for a look at whether
// anything has changed.
func Hash(paths []string) string { return HashWithPauses(paths, func() {}) }

// HashWithPauses is [Hash] as [LoadWithPauses] is [Load].
func HashWithPauses(paths []string, pause func()) string {
	l := newLoader(defaultLimits())
	l.pause = pause
	l.each(paths, l.addHash)
	return l.sum()
}

// Files lists the files that [Load] would read. A directory that cannot be read is listed
// itself, and a file that is named twice may be listed twice.
func Files(paths []string) []string {
	var names []string
	for _, src := range defaultLimits().sources(paths) {
		names = append(names, src.name)
	}
	return names
}

func parse(bounds limits, name string, data []byte, opts []policy.Option) *Report {
	l := newLoader(bounds)
	src := &source{name: name, data: data}
	if int64(len(data)) > bounds.fileBytes {
		src = tooLarge(name, bounds.fileBytes)
	}
	l.take(src)
	return l.report([]string{name}, opts)
}

func load(bounds limits, paths []string, pause func(), opts []policy.Option) *Report {
	l := newLoader(bounds)
	l.pause, l.packed.pause = pause, pause
	l.each(paths, l.take)
	return l.report(paths, opts)
}

// loader gathers what all files hold, and what is wrong with it.
type loader struct {
	limits limits
	pause  func()
	hash   hash.Hash
	bytes  int64

	packed    *packed
	documents map[policy.Kind][]*document // as they stand in packed
	tests     map[string]string           // where each CORSTest name was first used
	types     map[reflect.Type]fields
	order     int
	rules     int
	origins   int

	faults     []finding
	unreadable *Diagnostic // the first fault of reading
	unshown    int         // faults beyond the bound
	failed     bool        // there is a fault
	lost       bool        // a document is missing from packed, or its name is
	full       bool        // a bound of all files together was passed: no more is understood
}

func newLoader(bounds limits) *loader {
	return &loader{
		limits:    bounds,
		pause:     func() {},
		hash:      sha256.New(),
		documents: map[policy.Kind][]*document{},
		tests:     map[string]string{},
		types:     map[reflect.Type]fields{},
		packed:    newPacked(bounds.text),
	}
}

// each reads the files one after the other, up to the one with which they are too
// large together. Do adds to l.bytes.
func (l *loader) each(paths []string, do func(*source)) {
	for _, src := range l.limits.list(paths) {
		if src.fault == nil {
			src.read(l.limits.fileBytes)
		}
		do(src)
		if l.bytes > l.limits.totalBytes {
			return
		}
	}
}

// take understands one file as far as possible.
func (l *loader) take(src *source) {
	l.order++
	l.addHash(src)
	if src.fault != nil {
		if l.unreadable == nil && src.fault.Code == policy.CodeSourceUnreadable {
			l.unreadable = src.fault
		}
		l.lose(*src.fault)
		return
	}
	if l.bytes > l.limits.totalBytes {
		l.full = true
		l.lose(Diagnostic{
			File: src.name, Code: policy.CodeLimitExceeded,
			Message: fmt.Sprintf("more than %s bytes in all files up to this one", count(int(l.limits.totalBytes))),
		})
	}
	if l.full {
		return
	}
	if at, wrong := judgeText(src.data, l.pause); wrong != "" {
		l.lose(Diagnostic{
			File: src.name, Line: at.line, Column: at.column, Code: policy.CodeSyntax,
			Message: wrong, Hint: "UTF-8 text",
		})
		return
	}
	src.data = withoutBOM(src.data)
	l.takeDocuments(src)
}

// addHash hashes lengths too, so that no byte can move from one file to the next, and
// why a file cannot be read, which is another content than a file that can.
func (l *loader) addHash(src *source) {
	l.bytes += int64(len(src.data))
	parts := [][]byte{[]byte(src.name), src.data}
	if src.fault != nil {
		parts = append(parts, []byte(src.fault.Message))
	}
	for _, part := range parts {
		l.hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		for _, piece := range pieces(part, l.pause) {
			l.hash.Write(piece)
		}
	}
}

func (l *loader) sum() string { return hex.EncodeToString(l.hash.Sum(nil)) }

func (l *loader) takeDocuments(src *source) {
	documents, more := split(src, l.limits.documents, l.pause)
	for _, doc := range documents {
		l.order++
		doc.order = l.order
		if l.full {
			return
		}
		l.takeDocument(doc)
	}
	if more {
		l.lose(Diagnostic{
			File: src.name, Code: policy.CodeLimitExceeded,
			Message: fmt.Sprintf("more than %s documents in one file", count(l.limits.documents)), Hint: "several files",
		})
	}
}

func (l *loader) takeDocument(doc *document) {
	root, failed := doc.parse(l.limits, l.pause)
	if failed != nil {
		at := doc.inFile(failed.at)
		l.lose(Diagnostic{
			File: doc.source.name, Line: at.line, Column: at.column,
			Code: failed.code, Message: failed.message, Hint: failed.hint,
		})
		return
	}
	if root == nil {
		return
	}
	d := &decoder{
		types: l.types,
		fault: func(at, other *yaml.Node, found Diagnostic) { l.addFault(doc, at, other, found) },
		quiet: func() bool { return len(l.faults) == l.limits.findings },
		pause: l.pause,
	}
	e, ok := d.open(resolve(root))
	l.lost = l.lost || !ok || e.nameNode == nil
	if ok {
		l.takeKind(doc, d, e)
	}
}

// takeKind adds a document to what is compiled.
func (l *loader) takeKind(doc *document, d *decoder, e envelope) {
	spec := func(out any) {
		if e.spec != nil {
			d.within(step{field: "spec"}, func() { d.value(e.spec, reflect.ValueOf(out).Elem()) })
		}
	}
	switch e.kind {
	case policy.KindPolicy:
		p := policy.Policy{Name: e.name}
		spec(&p.Spec)
		l.countPolicy(&p.Spec)
		l.packed.addPolicy(p)
	case policy.KindOriginSet:
		s := policy.OriginSet{Name: e.name}
		spec(&s.Spec)
		l.origins += len(s.Spec.Origins)
		l.packed.addSet(s)
	case policy.KindDefaults:
		f := policy.Defaults{Name: e.name}
		spec(&f.Spec)
		l.packed.defaults = append(l.packed.defaults, f)
		l.countOrigins(f.Spec.CORS)
	case kindTest:
		l.judgeTest(doc, d, e)
		return
	}
	l.documents[e.kind] = append(l.documents[e.kind], doc)
	l.checkTotals(d, e)
}

func (l *loader) countPolicy(spec *policy.Spec) {
	l.rules += len(spec.Rules)
	l.countOrigins(spec.CORS)
	for i := range spec.Rules {
		l.countOrigins(spec.Rules[i].CORS)
	}
}

func (l *loader) countOrigins(cors *policy.CORS) {
	if cors != nil {
		l.origins += len(cors.AllowOrigins) + len(cors.AllowOriginRegexes)
	}
}

// checkTotals ends the load where there are more rules, origins or text than Compile
// takes, rather than holding all there are.
func (l *loader) checkTotals(d *decoder, e envelope) {
	check := func(over bool, most int, what string) {
		if over && !l.full {
			l.full = true
			d.path = []step{{field: "spec"}}
			d.wrong(e.spec, policy.CodeLimitExceeded, "",
				fmt.Sprintf("makes more than %s %s in all documents up to this one", count(most), what), "")
		}
	}
	check(l.rules > l.limits.rules, l.limits.rules, "rules")
	check(l.origins > l.limits.origins, l.limits.origins, "origins")
	check(l.packed.full(), l.limits.text, "bytes of names, hosts, paths and origins")
}
