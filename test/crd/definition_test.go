// Package crd_test holds the CustomResourceDefinitions of deploy/k8s/crds against the policy language, with the code by
// which the API server judges objects. The definitions must accept all that `corsd check` accepts within their bounds.
package crd_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// root is the source tree.
const root = "../.."

// definition is the schema of one kind.
type definition struct {
	file       string
	crd        *apiextensions.CustomResourceDefinition
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

// definitions returns the definitions by kind.
var definitions = sync.OnceValues(func() (map[string]*definition, error) {
	files, err := filepath.Glob(filepath.Join(root, "deploy/k8s/crds/corsd.dev_*.yaml"))
	if err != nil {
		return nil, err
	}
	byKind := map[string]*definition{}
	for _, file := range files {
		d, err := readDefinition(file)
		if err != nil {
			return nil, err
		}
		byKind[d.crd.Spec.Names.Kind] = d
	}
	return byKind, nil
})

func readDefinition(file string) (*definition, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var served apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &served); err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	install.Install(scheme)
	scheme.Default(&served)
	d := &definition{file: file, crd: &apiextensions.CustomResourceDefinition{}}
	if err := scheme.Convert(&served, d.crd, nil); err != nil {
		return nil, err
	}
	properties, err := apiextensions.GetSchemaForVersion(d.crd, served.Spec.Versions[0].Name)
	if err != nil {
		return nil, err
	}
	if d.structural, err = schema.NewStructural(properties.OpenAPIV3Schema); err != nil {
		return nil, err
	}
	if d.validator, _, err = validation.NewSchemaValidator(properties.OpenAPIV3Schema); err != nil {
		return nil, err
	}
	d.rules = cel.NewValidator(d.structural, true, celconfig.PerCallLimit)
	return d, nil
}

func definitionOf(t *testing.T, kind string) *definition {
	t.Helper()
	all, err := definitions()
	if err != nil {
		t.Fatal(err)
	}
	if all[kind] == nil {
		t.Fatalf("there is no definition of %s", kind)
	}
	return all[kind]
}

// faults returns why the API server would refuse to create an object, with strict validation of fields as kubectl requests
// it. It changes the object as the server does.
func (d *definition) faults(object map[string]any) []string {
	var all []string
	for _, path := range pruning.PruneWithOptions(object, d.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		all = append(all, `unknown field "`+path+`"`)
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object, d.structural)
	errs := validation.ValidateCustomResource(nil, object, d.validator)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, d.structural, object)...)
	if len(errs) == 0 { // the rules may presume that the types are right
		errs, _ = d.rules.Validate(context.Background(), nil, d.structural, object, nil, celconfig.RuntimeCELCostBudget)
	}
	for _, err := range errs {
		all = append(all, err.Error())
	}
	return all
}

// What rules may cost, and the rest of a definition, the API server judges when it is created: test/cluster.
func TestDefinitions(t *testing.T) {
	all, err := definitions()
	if err != nil {
		t.Fatal(err)
	}
	kinds := slices.Sorted(maps.Keys(all))
	if want := []string{"CORSDefaults", "CORSPolicy", "OriginSet"}; !slices.Equal(kinds, want) {
		t.Errorf("there are definitions of %v, want %v", kinds, want)
	}
	for kind, d := range all {
		for _, err := range schema.ValidateStructural(nil, d.structural) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// A default in the schema would be stored with the object, and no longer be inherited from CORSDefaults.
func TestDefinitionsHaveNoDefaults(t *testing.T) {
	all, err := definitions()
	if err != nil {
		t.Fatal(err)
	}
	for kind, d := range all {
		visitor := schema.Visitor{Structural: func(s *schema.Structural) bool {
			if s.Default.Object != nil {
				t.Errorf("%s: %s has the default %v", kind, s.Description, s.Default.Object)
			}
			return false
		}}
		visitor.Visit(d.structural.DeepCopy())
	}
}
