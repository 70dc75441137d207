package policyfile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/internal/suggest"
)

const (
	apiVersion = "corsd.dev/v1alpha1"

	// kindTest documents hold test cases. They are for other commands than those
	// that compile; of them only the envelope is judged here.
	kindTest policy.Kind = "CORSTest"
)

func kinds() []string {
	return []string{string(policy.KindPolicy), string(policy.KindOriginSet), string(policy.KindDefaults), string(kindTest)}
}

// envelope is what every Kubernetes resource has around its spec.
type envelope struct {
	kind     policy.Kind
	name     string
	nameNode *yaml.Node // nil where there is no name
	spec     *yaml.Node // nil where there is no spec
}

// open judges everything of a document but its spec. It reports false where the
// document cannot be judged any further: a document of another kind has other fields.
func (d *decoder) open(root *yaml.Node) (e envelope, ok bool) {
	if _, kind := field(root, "kind"); kind != nil && !d.isKnownKind(resolve(kind)) {
		return e, false
	}
	parts := map[string]*yaml.Node{}
	if !d.mapping(root, []string{"apiVersion", "kind", "metadata", "spec"}, func(name string, value *yaml.Node) {
		parts[name] = value
	}) {
		return e, false
	}
	d.openVersion(root, parts)
	if d.required(root, parts, "kind", "one of "+strings.Join(kinds(), ", ")) {
		ok = d.part(parts, "kind", &e.kind)
	}
	if d.required(root, parts, "metadata", "metadata: {name: …}") {
		d.within(step{field: "metadata"}, func() { d.metadata(&e, parts["metadata"]) })
	}
	if e.spec = parts["spec"]; e.spec == nil && e.kind != kindTest {
		d.required(root, parts, "spec", specHint(e.kind))
	}
	return e, ok
}

// specHint is the least that a document of a kind can say.
func specHint(kind policy.Kind) string {
	switch kind {
	case policy.KindPolicy:
		return "spec: {hosts: [api.shop.example], cors: {allowOrigins: [https://www.shop.example]}}"
	case policy.KindOriginSet:
		return "spec: {origins: [https://www.shop.example]}"
	case policy.KindDefaults:
		return "spec: {cors: {maxAge: 600}}"
	}
	return "spec: {…}"
}

// part fills out from one of the parts of a mapping.
func (d *decoder) part(parts map[string]*yaml.Node, name string, out any) (ok bool) {
	d.within(step{field: name}, func() { ok = d.value(parts[name], reflect.ValueOf(out).Elem()) })
	return ok
}

// required reports whether a part is there, and that it is missing where it is not.
func (d *decoder) required(parent *yaml.Node, parts map[string]*yaml.Node, name, hint string) bool {
	if parts[name] != nil {
		return true
	}
	d.within(step{field: name}, func() { d.wrong(parent, policy.CodeMissingField, "", "is missing", hint) })
	return false
}

// isKnownKind judges a kind that is a string. Others are wrong_type, for the decoder.
func (d *decoder) isKnownKind(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || slices.Contains(kinds(), n.Value) {
		return true
	}
	d.within(step{field: "kind"}, func() {
		d.wrong(n, policy.CodeUnknownKind, n.Value, "is no kind of policy document", kindHint(n.Value))
	})
	return false
}

func kindHint(kind string) string {
	switch {
	case kind == "ConfigMap":
		return "the documents within its data; a mounted ConfigMap is a directory of them"
	case kind == "List" || strings.HasSuffix(kind, "List"):
		return `its items as documents of their own, with "---" between them`
	}
	if near := suggest.Nearest(kind, kinds()); near != "" {
		return "did you mean " + near + "?"
	}
	return "one of " + strings.Join(kinds(), ", ") + "; other resources belong in other files"
}

// openVersion judges the version. The rest of the document is judged as the one
// version that there is.
func (d *decoder) openVersion(root *yaml.Node, parts map[string]*yaml.Node) {
	var version string
	if !d.required(root, parts, "apiVersion", apiVersion) || !d.part(parts, "apiVersion", &version) {
		return
	}
	if version != apiVersion {
		d.within(step{field: "apiVersion"}, func() {
			d.wrong(resolve(parts["apiVersion"]), policy.CodeUnknownVersion, version, "is no known version", apiVersion)
		})
	}
}

// metadata takes what Kubernetes users write there. Only the name has a meaning.
func (d *decoder) metadata(e *envelope, n *yaml.Node) {
	n = resolve(n)
	parts := map[string]*yaml.Node{}
	ok := d.mapping(n, []string{"name", "namespace", "labels", "annotations"}, func(name string, value *yaml.Node) {
		parts[name] = value
		switch name {
		case "name":
			if d.value(value, reflect.ValueOf(&e.name).Elem()) {
				e.nameNode = resolve(value)
			}
		case "namespace":
			d.value(value, reflect.ValueOf(new(string)).Elem())
		default:
			d.texts(resolve(value))
		}
	})
	if ok {
		d.required(n, parts, "name", "a name for the document")
	}
}

// texts judges a mapping of strings to strings.
func (d *decoder) texts(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, "a mapping", "{name: value}")
		return
	}
	d.keys(n, func(_ string, _, value *yaml.Node) {
		d.value(value, reflect.ValueOf(new(string)).Elem())
	})
}

// judgeTest is all that is asked of a CORSTest here: a name of its own. Reading its
// cases begins here too, once something runs them.
func (l *loader) judgeTest(doc *document, d *decoder, e envelope) {
	if e.nameNode == nil {
		return
	}
	first, taken := l.tests[e.name]
	if !taken {
		l.tests[e.name] = doc.at(e.nameNode).in(doc.source)
		return
	}
	d.path = []step{{field: "metadata"}, {field: "name"}}
	d.wrong(e.nameNode, policy.CodeDuplicateName, e.name,
		fmt.Sprintf("is the name of another %s, see %s", kindTest, first), "a name of its own")
}
