package policyfile

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// The kinds of Kubernetes that have policies in them, and the one that is taken for one of them.
const (
	kindConfigMap = "ConfigMap"
	kindList      = "List"
	kindSecret    = "Secret"
)

const coreVersion = "v1"

// entry is an entry of the data of a ConfigMap: a file of policies.
type entry struct {
	key string
	at  position // of the value in the file
	// indent is the indentation of the text, which begins one line below at. It is -1 if the
	// lines of the text are not lines of the file, as in quotes.
	indent int
}

// inFile turns a position in the text into one in the file.
func (e *entry) inFile(p position) position {
	if e.indent < 0 {
		return e.at
	}
	return position{e.at.line + p.line, e.indent + p.column}
}

// isList reports whether a kind is a list of documents, as kubectl and the API server name it.
func isList(kind string) bool {
	name, found := strings.CutSuffix(kind, kindList)
	return found && (name == "" || name == kindConfigMap || slices.Contains(kinds(), name))
}

// readList reads each item of a list as a document.
func (r *reader) readList(doc *document, d *decoder, root *yaml.Node, kind string) {
	if doc.list != nil {
		d.refuseKind(root, "is a list within a list", "its items in the outer list")
		return
	}
	version := coreVersion
	if slices.Contains(kinds(), strings.TrimSuffix(kind, kindList)) {
		version = apiVersion
	}
	parts := d.openWrapper(root, version, "items")
	if !d.required(root, parts, "items", "items: []") {
		return
	}
	items := resolve(parts["items"])
	if items.Kind != yaml.SequenceNode {
		d.within(spec.Step{Field: "items"}, func() { d.wrongType(items, "a list", "items: []") })
		return
	}
	if len(items.Content) > r.room {
		r.loseDocuments(doc.source)
		return
	}
	r.room -= len(items.Content)
	for i, item := range items.Content {
		r.order++
		r.readTree(&document{
			source: doc.source, text: doc.text, line: doc.line, order: r.order, list: doc, item: i,
		}, resolve(item))
		if r.full {
			return
		}
	}
}

// itemOf returns the document's tree, root being the tree of its list.
func (d *document) itemOf(root *yaml.Node) *yaml.Node {
	_, items := field(resolve(root), "items")
	return resolve(item(resolve(items), d.item))
}

// readConfigMap reads the entries of a ConfigMap that would be read if it was mounted.
func (r *reader) readConfigMap(doc *document, d *decoder, root *yaml.Node) {
	if doc.source.entry != nil {
		d.refuseKind(root, "is in the data of another ConfigMap", "the policies themselves")
		return
	}
	parts := d.openWrapper(root, coreVersion, "data", "binaryData", "immutable")
	if data := parts["data"]; data != nil {
		d.within(spec.Step{Field: "data"}, func() {
			d.eachEntry(resolve(data), func(key string, value *yaml.Node) { r.readEntry(doc, d, key, value) })
		})
	}
	if data := parts["binaryData"]; data != nil && !doc.source.rendered {
		d.within(spec.Step{Field: "binaryData"}, func() {
			d.eachEntry(resolve(data), func(_ string, value *yaml.Node) {
				d.wrong(value, spec.CodeSyntax, "", "is binary data, and policies are UTF-8 text", "the text, in data")
			})
		})
	}
}

// eachEntry hands the entries to take that have the name of a policy file.
func (d *decoder) eachEntry(data *yaml.Node, take func(key string, value *yaml.Node)) {
	if isNull(data) {
		return
	}
	if data.Kind != yaml.MappingNode {
		d.wrongType(data, "a mapping", "policy.yaml: |, and the policies below it")
		return
	}
	d.keys(data, func(name string, _, value *yaml.Node) {
		if hasPolicyName(name) {
			take(name, resolve(value))
		}
	})
}

// hasPolicyName reports whether a file of this name is read if it is in a directory.
func hasPolicyName(name string) bool {
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json":
		return !strings.HasPrefix(name, ".")
	}
	return false
}

func (r *reader) readEntry(doc *document, d *decoder, key string, value *yaml.Node) {
	if value.Kind != yaml.ScalarNode || value.Tag != "!!str" {
		d.wrongType(value, "a string", "| after the colon, and the policies below it")
		return
	}
	// Aliases can repeat one text many times.
	if r.roomBytes -= int64(len(value.Value)); r.roomBytes < 0 {
		d.wrong(value, spec.CodeLimitExceeded, "",
			"makes more than "+count(int(r.limits.fileBytes))+" bytes in the ConfigMaps of one file", "several files")
		return
	}
	if r.full {
		return
	}
	r.order++
	r.readSource(&source{
		name: doc.source.name, data: []byte(value.Value), rendered: doc.source.rendered,
		entry: &entry{key: key, at: doc.positionInFile(value), indent: doc.blockIndent(value)},
	})
}

func (d *document) positionInFile(n *yaml.Node) position {
	p := d.position(n)
	return position{p.Line, p.Column}
}

// blockIndent returns the indentation of a block scalar whose lines are those of its value, -1 if
// it is another scalar. It compares the lines, since the style alone does not show it: a folded
// scalar may join them, and an anchor may stand on a line of its own.
func (d *document) blockIndent(n *yaml.Node) int {
	indent, below := -1, lineAfter(d.text, n.Line)
	for value := []byte(n.Value); len(value) > 0; {
		line, written := cutLine(&value), cutLine(&below)
		if len(line) == 0 && len(bytes.TrimLeft(written, " ")) == 0 {
			continue
		}
		if indent < 0 {
			indent = len(written) - len(line)
		}
		if indent < 0 || len(written) != indent+len(line) || !bytes.Equal(written[indent:], line) ||
			len(bytes.TrimLeft(written[:indent], " ")) > 0 {
			return -1
		}
	}
	return indent
}

// lineAfter returns the text below a line, counted from 1.
func lineAfter(text []byte, line int) []byte {
	for ; line > 0; line-- {
		text = text[lineLength(text):]
	}
	return text
}

// cutLine removes the first line from text and returns it without its break.
func cutLine(text *[]byte) []byte {
	n := lineLength(*text)
	line := (*text)[:n]
	*text = (*text)[n:]
	for _, length := range []int{2, 1, 3} {
		if len(line) >= length && breakLength(line[len(line)-length:]) == length {
			return line[:len(line)-length]
		}
	}
	return line
}

// openWrapper judges the fields of a List or ConfigMap, and returns those that are there. Its
// metadata has no meaning.
func (d *decoder) openWrapper(root *yaml.Node, version string, fields ...string) map[string]*yaml.Node {
	parts := map[string]*yaml.Node{}
	d.mapping(root, append([]string{"apiVersion", "kind"}, fields...), func(name string, value *yaml.Node) {
		parts[name] = value
	}, "metadata")
	d.openVersion(root, parts, version)
	return parts
}

// refuseKind adds the fault of a document whose kind is not allowed at its position.
func (d *decoder) refuseKind(root *yaml.Node, message, hint string) {
	_, kind := field(root, "kind")
	d.within(spec.Step{Field: "kind"}, func() {
		d.wrong(resolve(kind), spec.CodeUnknownKind, resolve(kind).Value, message, hint)
	})
}
