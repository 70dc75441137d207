package policyfile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/internal/suggest"
	"github.com/corsd/corsd/pkg/policy/spec"
)

const apiVersion = "corsd.dev/v1alpha1"

func kinds() []string {
	return []string{
		string(spec.KindPolicy), string(spec.KindOriginSet), string(spec.KindDefaults), string(spec.KindTest),
	}
}

// envelope has the fields of a Kubernetes resource around its spec.
type envelope struct {
	kind     spec.Kind
	id       spec.ID
	nameNode *yaml.Node // nil if there is no name
	spec     *yaml.Node // nil if there is no spec
}

// open judges everything of a document but its spec. It reports false if the
// document cannot be judged any further: a document of another kind has other fields.
func (d *decoder) open(root *yaml.Node) (e envelope, ok bool) {
	if _, kind := field(root, "kind"); kind != nil && !d.isKnownKind(resolve(kind)) {
		return e, false
	}
	parts := map[string]*yaml.Node{}
	take := func(name string, value *yaml.Node) { parts[name] = value }
	if !d.mapping(root, []string{"apiVersion", "kind", "metadata", "spec"}, take, "status") {
		return e, false
	}
	d.openVersion(root, parts, apiVersion)
	if d.required(root, parts, "kind", "one of "+strings.Join(kinds(), ", ")) {
		ok = d.part(parts, "kind", &e.kind)
	}
	if d.required(root, parts, "metadata", "metadata: {name: …}") {
		d.within(spec.Step{Field: "metadata"}, func() { d.metadata(&e, parts["metadata"]) })
	}
	if e.spec = parts["spec"]; e.spec == nil && e.kind != spec.KindTest {
		d.required(root, parts, "spec", specHint(e.kind))
	}
	return e, ok
}

// specHint is the shortest valid spec of a kind.
func specHint(kind spec.Kind) string {
	switch kind {
	case spec.KindPolicy:
		return "spec: {hosts: [api.shop.example], cors: {allowOrigins: [https://www.shop.example]}}"
	case spec.KindOriginSet:
		return "spec: {origins: [https://www.shop.example]}"
	case spec.KindDefaults:
		return "spec: {cors: {maxAge: 600}}"
	}
	return "spec: {…}"
}

// part fills out from one of the parts of a mapping.
func (d *decoder) part(parts map[string]*yaml.Node, name string, out any) (ok bool) {
	d.within(spec.Step{Field: name}, func() { ok = d.value(parts[name], reflect.ValueOf(out).Elem()) })
	return ok
}

// required reports whether a part is there, and adds a fault if it is not.
func (d *decoder) required(parent *yaml.Node, parts map[string]*yaml.Node, name, hint string) bool {
	if parts[name] != nil {
		return true
	}
	d.within(spec.Step{Field: name}, func() { d.wrong(parent, spec.CodeMissingField, "", "is missing", hint) })
	return false
}

// isKnownKind judges a kind that is a string. Others are wrong_type, for the decoder.
func (d *decoder) isKnownKind(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || slices.Contains(kinds(), n.Value) {
		return true
	}
	d.within(spec.Step{Field: "kind"}, func() {
		d.wrong(n, spec.CodeUnknownKind, n.Value, "is not a kind of policy document", kindHint(n.Value))
	})
	return false
}

func kindHint(kind string) string {
	if kind == kindSecret {
		return "a ConfigMap: policies are not secret, and a Secret is not read"
	}
	if near := suggest.Nearest(kind, kinds()); near != "" {
		return "did you mean " + near + "?"
	}
	return "one of " + strings.Join(kinds(), ", ") + "; other resources belong in other files"
}

// openVersion judges the version. The rest of the document is judged as the one
// version that there is.
func (d *decoder) openVersion(root *yaml.Node, parts map[string]*yaml.Node, want string) {
	var version string
	if !d.required(root, parts, "apiVersion", want) || !d.part(parts, "apiVersion", &version) {
		return
	}
	if version != want {
		d.within(spec.Step{Field: "apiVersion"}, func() {
			d.wrong(resolve(parts["apiVersion"]), spec.CodeUnknownVersion, version, "is not a known version", want)
		})
	}
}

// serverFields returns the fields of metadata that the API server manages. They have no meaning
// here, and kubectl prints them.
func serverFields() []string {
	return []string{
		"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
		"generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid",
	}
}

// metadata reads the name and the namespace. Labels and annotations have no meaning.
func (d *decoder) metadata(e *envelope, n *yaml.Node) {
	n = resolve(n)
	parts := map[string]*yaml.Node{}
	ok := d.mapping(n, []string{"name", "namespace", "labels", "annotations"}, func(name string, value *yaml.Node) {
		parts[name] = value
		switch name {
		case "name":
			if d.value(value, reflect.ValueOf(&e.id.Name).Elem()) {
				e.nameNode = resolve(value)
			}
		case "namespace":
			d.value(value, reflect.ValueOf(&e.id.Namespace).Elem())
		default:
			d.texts(resolve(value))
		}
	}, serverFields()...)
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

// checkTest checks the name of a CORSTest: the reader judges no more of it.
func (r *reader) checkTest(doc *document, d *decoder, e envelope) {
	if e.nameNode == nil {
		return
	}
	first, known := r.tests[e.id]
	if !known {
		r.tests[e.id] = doc.position(e.nameNode)
		return
	}
	d.path = spec.Path{}.At("metadata", "name")
	fault := d.diagnostic(spec.CodeDuplicateName, e.id.String(),
		fmt.Sprintf("is the name of another %s", spec.KindTest), "a name of its own")
	fault.Position, fault.Related = doc.position(e.nameNode), &spec.Location{Position: first}
	r.add(finding{fault, doc.order})
}
