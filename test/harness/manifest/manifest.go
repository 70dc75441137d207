// Package manifest checks Kubernetes manifests as `kubectl apply --validate=strict` does, without an API server: no
// unknown and no repeated field, types, enums, patterns. It does not evaluate CEL, and follows no references.
//
// The schemas are those of the versions that the names of the files in schemas/ contain. `make schemas` writes them
// from the Go modules of Kubernetes and of the projects whose kinds the manifests use.
package manifest

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

//go:embed schemas/*.json
var files embed.FS

// Schemas are the schemas of all known kinds.
type Schemas struct {
	compiler *jsonschema.Compiler
	urls     map[string]string // by API version and kind
}

// Object is a manifest as JSON values.
type Object map[string]any

// Bundle is a file of schemas/. Its definitions are shared by its schemas.
type Bundle struct {
	Schemas     map[string]any `json:"schemas"` // by API version, a blank, and kind
	Definitions map[string]any `json:"definitions,omitempty"`
}

// Load reads the schemas. Those of the kinds that crds define, each the text of a CustomResourceDefinition, are added.
func Load(crds ...[]byte) (*Schemas, error) {
	s := &Schemas{jsonschema.NewCompiler(), map[string]string{}}
	entries, err := files.ReadDir("schemas")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := files.ReadFile("schemas/" + e.Name())
		if err != nil {
			return nil, err
		}
		if err := s.add(e.Name(), text); err != nil {
			return nil, err
		}
	}
	for i, crd := range crds {
		bundle, err := FromCRD(crd)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(bundle)
		if err != nil {
			return nil, err
		}
		if err := s.add(fmt.Sprintf("crd-%d", i), text); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Schemas) add(name string, text []byte) error {
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	url := "mem:///" + name
	if err := s.compiler.AddResource(url, tree); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	schemas, _ := tree.(map[string]any)["schemas"].(map[string]any)
	for kind := range schemas {
		s.urls[kind] = url + "#/schemas/" + strings.NewReplacer("~", "~0", "/", "~1", " ", "%20").Replace(kind)
	}
	return nil
}

// Check returns the faults of the manifests in a YAML text.
func (s *Schemas) Check(text []byte) error {
	objects, err := Read(text)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return errors.New("there is no manifest")
	}
	var errs []error
	for _, o := range objects {
		if err := s.CheckObject(o); err != nil {
			errs = append(errs, fmt.Errorf("%v %v: %w", o["kind"], o.Name(), err))
		}
	}
	return errors.Join(errs...)
}

// CheckObject returns the faults of a manifest.
func (s *Schemas) CheckObject(o Object) error {
	kind := fmt.Sprint(o["apiVersion"], " ", o["kind"])
	url, ok := s.urls[kind]
	if !ok {
		return fmt.Errorf("there is no schema of %q: add it to test/harness/manifest/generate", kind)
	}
	schema, err := s.compiler.Compile(url)
	if err != nil {
		return err
	}
	return schema.Validate(map[string]any(o))
}

var separator = regexp.MustCompile(`(?m)^---.*$`)

// Read returns the objects of a YAML text. Values are read as kubectl reads them, by YAML 1.1. A field that stands
// twice is an error, which kubectl does not report. Empty documents are left out.
func Read(text []byte) (objects []Object, err error) {
	for _, doc := range separator.Split(string(text), -1) {
		asJSON, err := yaml.YAMLToJSONStrict([]byte(doc))
		if err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, doc)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			return nil, err
		}
		switch v := value.(type) {
		case nil:
		case map[string]any:
			objects = append(objects, v)
		default:
			return nil, fmt.Errorf("a document is not a mapping:\n%s", doc)
		}
	}
	return objects, nil
}

// Name returns the name in the object's metadata, "" if there is none.
func (o Object) Name() string {
	metadata, _ := o["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	return name
}
