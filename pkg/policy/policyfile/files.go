package policyfile

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Files is the content of policy files.
type Files struct {
	// Config has the documents that were understood. Parts of documents that were not are unset.
	// Equal parts may share memory, so it must not be changed.
	Config spec.Config

	// Hash is the SHA-256, in hex, of the names and contents of all files that could be read,
	// whatever their order on the command line.
	Hash string

	// Skipped counts the documents of standard input that are not of corsd, by their kind.
	Skipped map[string]int

	// Unreadable is the first fault of a file or directory that could not be read, nil if all
	// could. Reading may succeed later although nothing has changed.
	Unreadable *spec.Diagnostic

	reader  *reader
	paths   []string
	ignored []spec.Diagnostic // directories that are not read
}

// Read reads all policies that paths name. A path is a file, whatever its name (YAML, or JSON if
// it ends in .json), or a directory, of which the files *.yaml, *.yml and *.json are read that
// are not hidden; directories in it are not. A file that is named twice is read once.
func Read(paths []string) *Files { return read(defaultLimits(), paths) }

// StandardInput is the path that stands for the input of [ReadWithInput], and [InputName] its
// name in diagnostics.
const (
	StandardInput = "-"
	InputName     = "<stdin>"
)

// ReadWithInput reads policies as [Read] does. The path - stands for in, which may be a stream of
// rendered manifests: documents of other API groups are skipped there, see [Files.Skipped].
func ReadWithInput(paths []string, in io.Reader) *Files {
	return readWithInput(defaultLimits(), paths, in)
}

// Parse reads the policies in data, as [Read] does those of a file. Name stands for the file in
// diagnostics; one that ends in .json means that data is JSON.
func Parse(name string, data []byte) *Files { return parse(defaultLimits(), name, data) }

// Hash returns the hash that the [Files] of [Read] would have, to find out whether anything has
// changed.
func Hash(paths []string) string {
	r := newReader(defaultLimits())
	r.each(paths, r.addHash)
	return r.sum()
}

// List returns the names of the files that [Read] would read. A directory that cannot be read is
// listed itself, and a file that is named twice may be listed twice.
func List(paths []string) []string {
	var names []string
	for _, src := range defaultLimits().sources(paths) {
		names = append(names, src.name)
	}
	return names
}

func parse(bounds limits, name string, data []byte) *Files {
	r := newReader(bounds)
	src := &source{name: name, data: data}
	if int64(len(data)) > bounds.fileBytes {
		src = tooLarge(name, bounds.fileBytes)
	}
	r.read(src)
	return r.files([]string{name})
}

func readWithInput(bounds limits, paths []string, in io.Reader) *Files {
	files := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return path == StandardInput })
	r := newReader(bounds)
	if len(files) < len(paths) {
		r.read(inputSource(in, bounds.fileBytes))
		paths = append(files[:len(files):len(files)], InputName)
	}
	r.each(files, r.read)
	f := r.files(paths)
	f.ignored = ignoredDirectories(files)
	return f
}

func read(bounds limits, paths []string) *Files {
	r := newReader(bounds)
	r.each(paths, r.read)
	f := r.files(paths)
	f.ignored = ignoredDirectories(paths)
	return f
}

// reader gathers the documents of all files, and their faults.
type reader struct {
	limits limits
	hash   hash.Hash
	bytes  int64

	config    spec.Config
	documents map[spec.Kind][]*document // in the order of config
	tests     map[spec.ID]spec.Position // where each CORSTest was first named
	types     map[reflect.Type]fields
	shared    sharer
	skipped   map[string]int
	order     int
	rules     int
	origins   int

	// Bounds of the file that is read: how many more documents it may have, and how many more
	// bytes the data of its ConfigMaps.
	room      int
	roomBytes int64

	lines    lines // of linesDoc
	linesDoc *document

	faults     []finding
	unreadable *spec.Diagnostic
	unshown    int  // faults beyond the bound
	failed     bool // there is a fault
	lost       bool // a document is missing from config, or its name is
	full       bool // a bound of all files together was exceeded: the rest is not read
}

func newReader(bounds limits) *reader {
	return &reader{
		limits: bounds, hash: sha256.New(), documents: map[spec.Kind][]*document{}, tests: map[spec.ID]spec.Position{},
		types: map[reflect.Type]fields{}, shared: sharer{values: map[string]reflect.Value{}},
		skipped: map[string]int{},
	}
}

func (r *reader) files(paths []string) *Files {
	r.shared, r.lines, r.linesDoc = sharer{}, nil, nil // the rest of r is needed to locate faults
	return &Files{
		Config: r.config, Hash: r.sum(), Skipped: r.skipped, Unreadable: r.unreadable, reader: r, paths: paths,
	}
}

// Whole reports whether [Files.Config] has everything that the files have, but for parts with
// faults. If not, a bound was exceeded, and there is no use in judging the rest.
func (f *Files) Whole() bool { return !f.reader.full && f.reader.unshown == 0 }

// each reads the files one after the other, up to the one with which they are too large
// together. do adds to r.bytes.
func (r *reader) each(paths []string, do func(*source)) {
	for _, src := range r.limits.list(paths) {
		if src.fault == nil {
			src.read(r.limits.fileBytes)
		}
		do(src)
		if r.bytes > r.limits.totalBytes {
			return
		}
	}
}

// read reads the documents of one file.
func (r *reader) read(src *source) {
	r.order++
	r.addHash(src)
	if src.fault != nil {
		if r.unreadable == nil && src.fault.Code == spec.CodeSourceUnreadable {
			r.unreadable = src.fault
		}
		r.lose(*src.fault)
		return
	}
	if r.bytes > r.limits.totalBytes {
		r.full = true
		r.lose(spec.Diagnostic{
			Location: inFile(src.name, position{}), Code: spec.CodeLimitExceeded,
			Message: fmt.Sprintf("more than %s bytes in all files up to this one", count(int(r.limits.totalBytes))),
		})
	}
	if r.full {
		return
	}
	r.room, r.roomBytes = r.limits.documents, r.limits.fileBytes
	r.readSource(src)
}

// readSource reads the documents of a file, or of an entry of a ConfigMap.
func (r *reader) readSource(src *source) {
	if at, wrong := judgeText(src.data); wrong != "" {
		r.loseAt(&document{source: src, line: 1}, syntax(at, wrong, "UTF-8 text"))
		return
	}
	src.data = withoutBOM(src.data)
	r.readDocuments(src)
}

// addHash hashes lengths too, so that no byte can move from one file to the next, and
// why a file cannot be read, which is another content than a file that can.
func (r *reader) addHash(src *source) {
	r.bytes += int64(len(src.data))
	parts := [][]byte{[]byte(src.name), src.data}
	if src.fault != nil {
		parts = append(parts, []byte(src.fault.Message))
	}
	for _, part := range parts {
		r.hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		r.hash.Write(part)
	}
}

func (r *reader) sum() string { return hex.EncodeToString(r.hash.Sum(nil)) }

func (r *reader) readDocuments(src *source) {
	documents, more := split(src, r.room)
	r.room -= len(documents)
	for _, doc := range documents {
		r.order++
		doc.order = r.order
		if r.full {
			return
		}
		r.readDocument(doc)
	}
	if more {
		r.loseDocuments(src)
	}
}

// loseDocuments adds the fault of a file that has too many documents.
func (r *reader) loseDocuments(src *source) {
	r.lose(spec.Diagnostic{
		Location: inFile(src.name, position{}), Code: spec.CodeLimitExceeded,
		Message: fmt.Sprintf("more than %s documents in one file", count(r.limits.documents)),
		Hint:    "several files",
	})
}

func (r *reader) readDocument(doc *document) {
	root, failed := doc.parse(r.limits)
	switch {
	case failed != nil && doc.isForeignText():
		r.skipped[skippedData]++
	case failed != nil:
		r.loseAt(doc, failed)
	case root != nil:
		r.readTree(doc, resolve(root))
	}
}

// readTree reads a document, or the documents in it.
func (r *reader) readTree(doc *document, root *yaml.Node) {
	if kind, foreign := doc.isForeign(root); foreign {
		r.skipped[kind]++
		return
	}
	d := r.decoder(doc)
	kind := textOf(root, "kind")
	if isList(kind) || kind == kindConfigMap {
		if isList(kind) {
			r.readList(doc, d, root, kind)
		} else {
			r.readConfigMap(doc, d, root)
		}
		r.lost = r.lost || d.faults > 0
		return
	}
	e, ok := d.open(root)
	r.lost = r.lost || !ok || e.nameNode == nil
	if ok {
		r.readKind(doc, d, e)
	}
}

// linesOf returns the lines of a document. It keeps those of the last one: a list is the document
// of all its items.
func (r *reader) linesOf(doc *document) lines {
	if doc.list != nil {
		doc = doc.list
	}
	if r.linesDoc != doc {
		r.linesDoc, r.lines = doc, linesOf(doc.text)
	}
	return r.lines
}

func (r *reader) decoder(doc *document) *decoder {
	d := &decoder{
		types:  r.types,
		shared: &r.shared,
		quiet:  func() bool { return len(r.faults) == r.limits.findings },
		line:   func(n int) string { return r.linesOf(doc).at(n) },
	}
	d.fault = func(at, other *yaml.Node, found spec.Diagnostic) {
		d.faults++
		r.addFault(doc, at, other, found)
	}
	return d
}

// readKind adds a document to the config.
func (r *reader) readKind(doc *document, d *decoder, e envelope) {
	decode := func(out any) {
		if e.spec != nil {
			d.within(spec.Step{Field: "spec"}, func() { d.value(e.spec, reflect.ValueOf(out).Elem()) })
		}
	}
	c := &r.config
	switch e.kind {
	case spec.KindPolicy:
		p := spec.Policy{Namespace: e.id.Namespace, Name: e.id.Name}
		decode(&p.Spec)
		r.countPolicy(&p.Spec)
		c.Policies = append(c.Policies, p)
	case spec.KindOriginSet:
		s := spec.OriginSet{Namespace: e.id.Namespace, Name: e.id.Name}
		decode(&s.Spec)
		r.origins += len(s.Spec.Origins)
		c.OriginSets = append(c.OriginSets, s)
	case spec.KindDefaults:
		f := spec.Defaults{Namespace: e.id.Namespace, Name: e.id.Name}
		decode(&f.Spec)
		r.countOrigins(f.Spec.CORS)
		c.Defaults = append(c.Defaults, f)
	case spec.KindTest:
		r.checkTest(doc, d, e)
		return
	}
	r.documents[e.kind] = append(r.documents[e.kind], doc)
	r.checkTotals(d, e)
}

func (r *reader) countPolicy(p *spec.PolicySpec) {
	r.rules += len(p.Rules)
	r.countOrigins(p.CORS)
	for i := range p.Rules {
		r.countOrigins(p.Rules[i].CORS)
		if m := p.Rules[i].Match; m != nil {
			r.origins += len(m.Origins)
		}
	}
}

func (r *reader) countOrigins(cors *spec.CORS) {
	if cors != nil {
		r.origins += len(cors.AllowOrigins) + len(cors.AllowOriginRegexes)
	}
}

// checkTotals ends the reading if there are more rules or origins than one configuration may
// have, rather than holding all that there are.
func (r *reader) checkTotals(d *decoder, e envelope) {
	check := func(over bool, most int, what string) {
		if over && !r.full {
			r.full = true
			d.path = spec.Path{}.At("spec")
			d.wrong(e.spec, spec.CodeLimitExceeded, "",
				fmt.Sprintf("makes more than %s %s in all documents up to this one", count(most), what), "")
		}
	}
	check(r.rules > r.limits.rules, r.limits.rules, "rules")
	check(r.origins > r.limits.origins, r.limits.origins, "origins")
}
