package envoyconfig

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// value is a value of the tree. The zero value is absent, and so is everything below it.
type value struct {
	file string
	at   *yaml.Node // as the file has it, an alias perhaps
	node *yaml.Node // the node that the alias refers to
}

func valueOf(file string, n *yaml.Node) value {
	switch {
	case n == nil:
		return value{}
	case n.Kind == yaml.AliasNode:
		return value{file, n, n.Alias}
	}
	return value{file, n, n}
}

func (v value) below(n *yaml.Node) value { return valueOf(v.file, n) }

func (v value) exists() bool { return v.node != nil && v.node.Tag != "!!null" }

func (v value) position() spec.Position {
	if v.at == nil {
		return spec.Position{}
	}
	return spec.Position{File: v.file, Line: v.at.Line, Column: v.at.Column}
}

// get returns the field of a field, and so on. Names are in snake_case.
func (v value) get(path ...string) value {
	for _, name := range path {
		v = v.field(name)
	}
	return v
}

func (v value) field(name string) value {
	if v.node == nil || v.node.Kind != yaml.MappingNode {
		return value{}
	}
	camel := camelCase(name)
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		if key := v.below(v.node.Content[i]).node.Value; key == name || key == camel {
			return v.below(v.node.Content[i+1])
		}
	}
	return value{}
}

// camelCase returns the other name that protobuf's JSON has for a field.
func camelCase(name string) string {
	parts := strings.Split(name, "_")
	for i, part := range parts[1:] {
		if part != "" {
			parts[i+1] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, "")
}

// items returns the elements of a list.
func (v value) items() []value {
	if v.node == nil || v.node.Kind != yaml.SequenceNode {
		return nil
	}
	list := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		list[i] = v.below(n)
	}
	return list
}

// pair is a key of a mapping and its value.
type pair struct{ key, value value }

func (v value) pairs() []pair {
	if v.node == nil || v.node.Kind != yaml.MappingNode {
		return nil
	}
	var list []pair
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		list = append(list, pair{v.below(v.node.Content[i]), v.below(v.node.Content[i+1])})
	}
	return list
}

// text returns the text of a scalar, "" if it is not one.
func (v value) text() string {
	if !v.exists() || v.node.Kind != yaml.ScalarNode {
		return ""
	}
	return v.node.Value
}

func (v value) isTrue() bool { return v.text() == "true" }

// scalar returns a field with its position, which is that of the parent if there is none.
func (v value) scalar(name string) Text {
	f := v.field(name)
	if !f.exists() {
		return Text{Position: v.position()}
	}
	return Text{Value: f.text(), Set: true, Position: f.position()}
}

// message returns the message of an Any, and the full name of its type.
func (v value) message() (message value, kind string) {
	kind = v.field("@type").text()
	kind = kind[strings.LastIndexByte(kind, '/')+1:]
	if strings.HasSuffix(kind, ".TypedStruct") { // of xds.type.v3 or udpa.type.v1
		inner := v.field("type_url").text()
		return v.field("value"), inner[strings.LastIndexByte(inner, '/')+1:]
	}
	return v, kind
}

// each calls f for the message itself and every message below it that has a type.
func (v value) each(f func(message value, kind string)) {
	if !v.exists() {
		return
	}
	if message, kind := v.message(); kind != "" {
		f(message, kind)
	}
	for _, item := range v.items() {
		item.each(f)
	}
	for _, p := range v.pairs() {
		p.value.each(f)
	}
}
