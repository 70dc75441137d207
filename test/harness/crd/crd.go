// Package crd validates resources of Kubernetes against custom resource definitions, as an API server with strict field
// validation does: types, enums, patterns, required and unknown fields. It does not evaluate rules in CEL.
package crd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

// Schemas are the schemas of definitions, by apiVersion and kind.
type Schemas map[[2]string]*jsonschema.Schema

// Load reads the definitions in YAML files. Other resources in the files are skipped.
func Load(files ...string) (Schemas, error) {
	schemas := Schemas{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		documents, err := Documents(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, d := range documents {
			if d["kind"] != "CustomResourceDefinition" {
				continue
			}
			if err := schemas.define(d); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return schemas, nil
}

// Validate returns an error that lists all faults of a resource.
func (s Schemas) Validate(resource map[string]any) error {
	key := [2]string{fmt.Sprint(resource["apiVersion"]), fmt.Sprint(resource["kind"])}
	schema, ok := s[key]
	if !ok {
		return fmt.Errorf("no definition of %s %s", key[0], key[1])
	}
	return schema.Validate(resource)
}

// Documents returns the documents of a YAML text, without empty ones.
func Documents(text []byte) ([]map[string]any, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	var documents []map[string]any
	for {
		var d map[string]any
		err := loader.Load(&d)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		if len(d) > 0 {
			documents = append(documents, d)
		}
	}
}

type object = map[string]any

// define compiles the schemas of a definition, one for each version.
func (s Schemas) define(definition object) error {
	spec, _ := definition["spec"].(object)
	names, _ := spec["names"].(object)
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		version, _ := v.(object)
		root, _ := version["schema"].(object)
		schema, ok := root["openAPIV3Schema"].(object)
		if !ok {
			return fmt.Errorf("%v %v has no schema", names["kind"], version["name"])
		}
		allow(schema, "apiVersion", object{"type": "string"})
		allow(schema, "kind", object{"type": "string"})
		allow(schema, "metadata", object{"type": "object"})
		strict(schema)
		key := [2]string{fmt.Sprintf("%v/%v", spec["group"], version["name"]), fmt.Sprint(names["kind"])}
		compiler := jsonschema.NewCompiler()
		compiler.DefaultDraft(jsonschema.Draft4) // OpenAPI 3.0: exclusiveMinimum is a boolean
		name := "https://corsd.test/" + key[0] + "/" + key[1]
		if err := compiler.AddResource(name, schema); err != nil {
			return err
		}
		var err error
		if s[key], err = compiler.Compile(name); err != nil {
			return fmt.Errorf("%s %s: %w", key[0], key[1], err)
		}
	}
	return nil
}

// allow adds a property that every resource has, if the schema does not describe it.
func allow(schema object, name string, property object) {
	properties, ok := schema["properties"].(object)
	if !ok {
		properties = object{}
		schema["properties"] = properties
	}
	if _, ok := properties[name]; !ok {
		properties[name] = property
	}
}

// strict makes unknown fields faults, and replaces the extensions of Kubernetes by JSON Schema.
func strict(schema object) {
	if schema["x-kubernetes-int-or-string"] == true {
		delete(schema, "type")
		schema["anyOf"] = []any{object{"type": "integer"}, object{"type": "string"}}
		return
	}
	if kind, ok := schema["type"].(string); ok && schema["nullable"] == true {
		schema["type"] = []any{kind, "null"}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if inner, ok := schema[key].(object); ok {
			strict(inner)
		}
	}
	properties, ok := schema["properties"].(object)
	if !ok {
		return
	}
	for _, p := range properties {
		if property, ok := p.(object); ok {
			strict(property)
		}
	}
	_, open := schema["additionalProperties"]
	if !open && schema["x-kubernetes-preserve-unknown-fields"] != true && schema["type"] == "object" {
		schema["additionalProperties"] = false
	}
}
