package policyfile

import (
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/internal/suggest"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// decoder fills values of package policy from the tree of one document. A part
// that has a fault stays unset; all other parts are filled.
//
// It goes by the types and their json tags, so that a field that is added to
// spec.PolicySpec can be written in a file at once. The libraries' own decoding is of
// no use here: it stops at the first unknown field, and takes 1 for "1".
type decoder struct {
	path spec.Path

	// types has the fields of the types of structs that were decoded before.
	types map[reflect.Type]fields

	// shared has the values of earlier nodes.
	shared *sharer

	// faults counts the calls of fault.
	faults int

	// fault takes one fault, of the node at, and the other node that it is about.
	fault func(at, other *yaml.Node, d spec.Diagnostic)

	// line returns a line of the document as written.
	line func(n int) string

	// quiet reports that further faults are only counted.
	quiet func() bool
}

// within runs f with the path lengthened by one step.
func (d *decoder) within(s spec.Step, f func()) {
	outer := d.path
	if s.Field == "" {
		d.path = d.path.Item(s.Index)
	} else {
		d.path = d.path.At(shorten(s.Field))
	}
	f()
	d.path = outer
}

func (d *decoder) wrong(at *yaml.Node, code spec.Code, value, message, hint string) {
	d.fault(at, nil, d.diagnostic(code, shorten(value), message, hint))
}

func (d *decoder) diagnostic(code spec.Code, value, message, hint string) spec.Diagnostic {
	return spec.Diagnostic{
		Location: spec.Location{Place: spec.Place{Path: d.path}}, Code: code, Value: value, Message: message,
		Hint: hint,
	}
}

// value fills out from n and reports whether there is anything to keep.
func (d *decoder) value(n *yaml.Node, out reflect.Value) bool {
	n = resolve(n)
	if !d.hasPlainTag(n) {
		return false
	}
	if seconds, ok := out.Addr().Interface().(*spec.Seconds); ok {
		return d.seconds(n, seconds)
	}
	switch out.Kind() {
	case reflect.Pointer:
		return d.pointer(n, out)
	case reflect.Struct:
		return d.structure(n, out)
	case reflect.Slice:
		return d.list(n, out)
	case reflect.String:
		text, ok := d.text(n)
		out.SetString(text)
		return ok
	case reflect.Bool:
		value, ok := d.boolean(n)
		out.SetBool(value)
		return ok
	case reflect.Int:
		value, ok := d.integer(n, "a number of three digits")
		out.SetInt(value)
		return ok
	default:
		panic("policyfile: a field of spec.PolicySpec has a type that files cannot hold: " + out.Type().String())
	}
}

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func (d *decoder) list(n *yaml.Node, out reflect.Value) bool {
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, "a list", listHint(n))
		return false
	}
	// An item that has a fault keeps its place: Compile counts the items.
	out.Set(reflect.MakeSlice(out.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.within(spec.Step{Index: i}, func() { d.value(item, out.Index(i)) })
	}
	return true
}

func (d *decoder) structure(n *yaml.Node, out reflect.Value) bool {
	known := d.fieldsOf(out.Type())
	if _, has := known.index["value"]; has && n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		d.wrongType(n, "a mapping", "{value: "+n.Value+"}")
		return false
	}
	return d.mapping(n, known.names, func(name string, value *yaml.Node) {
		d.value(value, out.Field(known.index[name]))
	})
}

// fields are the names in the json tags of a struct, in their order.
type fields struct {
	names []string
	index map[string]int
}

func (d *decoder) fieldsOf(t reflect.Type) fields {
	if known, found := d.types[t]; found {
		return known
	}
	known := fields{index: make(map[string]int, t.NumField())}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known.names = append(known.names, name)
		known.index[name] = i
	}
	d.types[t] = known
	return known
}

// mapping hands each known field to take, the path being that of the field. Ignored fields may be
// there.
func (d *decoder) mapping(
	n *yaml.Node, known []string, take func(name string, value *yaml.Node), ignored ...string,
) bool {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, "a mapping", mappingHint(known))
		return false
	}
	d.keys(n, func(name string, key, value *yaml.Node) {
		for _, k := range known {
			if k == name {
				take(name, value)
				return
			}
		}
		if slices.Contains(ignored, name) || d.oddKey(key, known) {
			return
		}
		hint := ""
		if !d.quiet() { // finding the name that was meant takes its time
			hint = d.fieldHint(name, known)
		}
		d.wrong(key, spec.CodeUnknownField, "", "is not a field here", hint)
	})
	return true
}

// keys hands each key of a mapping to take, the first of those that are equal.
func (d *decoder) keys(n *yaml.Node, take func(name string, key, value *yaml.Node)) {
	if isTemplate(n) {
		d.wrong(n, spec.CodeSyntax, "", templateMessage, templateHint)
		return
	}
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), n.Content[i+1]
		if !d.isName(key) {
			continue
		}
		d.within(spec.Step{Field: key.Value}, func() {
			if earlier := first[key.Value]; earlier != nil {
				d.fault(n.Content[i], earlier,
					d.diagnostic(spec.CodeDuplicateField, "", "stands here a second time", "one of the two"))
				return
			}
			first[key.Value] = n.Content[i]
			take(key.Value, n.Content[i], value)
		})
	}
}

// isName judges whether a key can be the name of a field at all.
func (d *decoder) isName(key *yaml.Node) bool {
	switch {
	case key.Tag == "!!merge":
		d.wrong(key, spec.CodeUnknownField, "<<", "is a merge key, which is not supported",
			"the fields themselves, or an alias (*name) for a whole value")
	case key.Kind != yaml.ScalarNode:
		d.wrong(key, spec.CodeWrongType, "", "is "+describe(key)+" where the name of a field is needed",
			"a name before the colon")
	case key.Value == "":
		d.wrong(key, spec.CodeWrongType, "", "is a field without a name", "a name before the colon")
	default:
		return true
	}
	return false
}

// mappingHint shows a mapping of the first fields that there are.
func mappingHint(known []string) string {
	const most = 4
	more := ""
	if len(known) > most {
		known, more = known[:most], ", …"
	}
	return "{" + strings.Join(known, ": …, ") + ": …" + more + "}"
}

// fieldHint returns the field that was probably meant, or else all that there are.
func (d *decoder) fieldHint(name string, known []string) string {
	isField := func(t reflect.Type) bool { return slices.Contains(d.fieldsOf(t).names, name) }
	switch above := d.path.Parent(); {
	case above == spec.Path{}.At("spec") && name == targetRefs:
		return "hosts: only corsd serve --kubernetes can know where targetRefs lead"
	case above == spec.Path{} && isField(reflect.TypeFor[spec.PolicySpec]()):
		return "indent it: it is a field of spec"
	case above == spec.Path{}.At("spec") && isField(reflect.TypeFor[spec.CORS]()):
		return "indent it below cors: it is a field of cors"
	}
	if near := suggest.Nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "the fields here are " + strings.Join(known, ", ")
}
