package manifest

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"sigs.k8s.io/yaml"
)

// crd are the fields of a CustomResourceDefinition that its schemas are made from.
type crd struct {
	Kind string
	Spec struct {
		Group string
		Names struct{ Kind string }

		Versions []struct {
			Name   string
			Schema struct {
				OpenAPIV3Schema map[string]any
			}
		}
	}
}

// FromCRD returns the strict schemas of all versions of a CustomResourceDefinition, a YAML text.
func FromCRD(text []byte) (Bundle, error) {
	var c crd
	if err := yaml.Unmarshal(text, &c); err != nil {
		return Bundle{}, err
	}
	if c.Kind != "CustomResourceDefinition" || len(c.Spec.Versions) == 0 {
		return Bundle{}, errors.New("not a CustomResourceDefinition with versions")
	}
	b := Bundle{Schemas: map[string]any{}}
	for _, v := range c.Spec.Versions {
		schema, ok := Strict(v.Schema.OpenAPIV3Schema).(map[string]any)
		if !ok {
			return Bundle{}, fmt.Errorf("%s %s has no schema", c.Spec.Names.Kind, v.Name)
		}
		properties, ok := schema["properties"].(map[string]any)
		if !ok {
			return Bundle{}, fmt.Errorf("%s %s has no properties", c.Spec.Names.Kind, v.Name)
		}
		properties["apiVersion"] = map[string]any{"type": "string"}
		properties["kind"] = map[string]any{"type": "string"}
		properties["metadata"] = map[string]any{"type": "object"}
		b.Schemas[c.Spec.Group+"/"+v.Name+" "+c.Spec.Names.Kind] = schema
	}
	return b, nil
}

// Strict returns the JSON schema of a schema of OpenAPI as Kubernetes uses it. It allows only fields that the schema
// names, and has no descriptions and no defaults.
func Strict(schema map[string]any) any { return strict(schema, true) }

// strict closes objects only outside of allOf, anyOf, oneOf and not, whose branches list some of the fields.
func strict(schema map[string]any, closed bool) any {
	intOrString := schema["x-kubernetes-int-or-string"] == true || schema["format"] == "int-or-string"
	if intOrString {
		return map[string]any{"type": []any{"integer", "string"}}
	}
	out := map[string]any{}
	for key, value := range schema {
		switch v := value.(type) {
		case map[string]any:
			out[key] = strictKeyword(key, v, closed)
		case []any:
			out[key] = strictList(key, v)
		default:
			out[key] = v
		}
	}
	preserve := schema["x-kubernetes-preserve-unknown-fields"] == true
	if _, ok := out["properties"]; ok && closed && out["additionalProperties"] == nil && !preserve {
		out["additionalProperties"] = false
	}
	if kind, ok := out["type"].(string); ok && out["nullable"] == true {
		out["type"] = []any{kind, "null"}
	}
	maps.DeleteFunc(out, func(key string, _ any) bool {
		return key == "description" || key == "default" || key == "example" || key == "title" || key == "nullable" ||
			key == "format" || strings.HasPrefix(key, "x-kubernetes-")
	})
	return out
}

func strictKeyword(key string, value map[string]any, closed bool) any {
	switch key {
	case "properties", "definitions":
		named := map[string]any{}
		for name, v := range value {
			if property, ok := v.(map[string]any); ok {
				named[name] = strict(property, closed)
			}
		}
		return named
	case "not":
		return strict(value, false)
	case "items", "additionalProperties":
		return strict(value, closed)
	}
	return value
}

func strictList(key string, value []any) any {
	if key != "allOf" && key != "anyOf" && key != "oneOf" {
		return value
	}
	var list []any
	for _, v := range value {
		list = append(list, strict(v.(map[string]any), false))
	}
	return list
}
