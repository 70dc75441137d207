package crd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/policyfile"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// now is a moment at which no set of the fixtures has expired.
var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// text is a policy file, or a part of a file that is one.
type text struct {
	name string // path, or path#N
	data []byte
}

// texts returns every text of the source tree that `corsd check` accepts: policy files, those within scripts (.txtar), and
// the blocks of pages.
func texts(t *testing.T) []text {
	t.Helper()
	var all []text
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", ".tools", "bin", "node_modules"}, d.Name()):
			return fs.SkipDir
		case !slices.Contains([]string{".yaml", ".yml", ".json", ".txtar", ".md"}, filepath.Ext(path)) || d.IsDir():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, part := range split(filepath.Ext(path), data) {
			if bytes.Contains(part, []byte("corsd.dev")) && isAccepted(part) {
				all = append(all, text{fmt.Sprintf("%s#%d", strings.TrimPrefix(path, root+"/"), i), part})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// split returns the parts of a file that may be policy files.
func split(ext string, data []byte) [][]byte {
	separator := map[string]string{".txtar": "-- ", ".md": "```"}[ext]
	if separator == "" {
		return [][]byte{data}
	}
	parts := [][]byte{nil}
	for line := range bytes.Lines(data) {
		if bytes.HasPrefix(line, []byte(separator)) {
			parts = append(parts, nil)
			continue
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], line...)
	}
	return parts
}

// isAccepted reports whether `corsd check` accepts a text.
func isAccepted(data []byte) bool {
	_, err := compile(data)
	return err == nil
}

func compile(data []byte) (spec.Config, error) {
	files := policyfile.Parse("policy.yaml", data)
	engine, warnings, err := policy.Compile(files.Config, policy.At(now))
	faults, _ := files.Locate(faultsOf(err), warnings)
	if len(faults) > 0 {
		return files.Config, spec.Faults(faults)
	}
	if engine == nil {
		return files.Config, err
	}
	return files.Config, nil
}

func faultsOf(err error) []spec.Diagnostic {
	var faults spec.Faults
	if errors.As(err, &faults) {
		return faults
	}
	return nil
}

// The same text is a policy file and a resource: what `corsd check` accepts, the definitions accept, as kubectl reads it,
// and the object has the same meaning.
func TestFixturesAreResources(t *testing.T) {
	objects := 0
	for _, fixture := range texts(t) {
		if fixture.name == "pkg/policy/policyfile/testdata/good/json-in-yaml.yaml#0" {
			continue // kubectl 1.37 refuses a document that begins in the line of its "---"
		}
		t.Run(fixture.name, func(t *testing.T) {
			want, err := compile(fixture.data)
			if err != nil {
				t.Fatal(err)
			}
			var stored bytes.Buffer
			for _, object := range decode(t, fixture.data) {
				kind, _ := object["kind"].(string)
				if kind == string(spec.KindTest) {
					continue
				}
				objects++
				for _, fault := range definitionOf(t, kind).faults(object) {
					t.Errorf("%s is refused: %s", kind, fault)
				}
				line, err := json.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&stored, "--- %s\n", line)
			}
			got, err := compile(stored.Bytes())
			if err != nil {
				t.Fatalf("what the API server stores is refused: %v", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the resource differs from the file (-file +resource):\n%s", diff)
			}
		})
	}
	if objects < 100 {
		t.Errorf("%d objects: the test does not find them", objects)
	}
}

// decode reads the objects of a text as kubectl does.
func decode(t *testing.T, data []byte) []map[string]any {
	t.Helper()
	var all []map[string]any
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		var raw runtime.RawExtension
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return all
		}
		var object map[string]any
		if err == nil && len(raw.Raw) > 0 { // not an empty document
			err = utiljson.Unmarshal(raw.Raw, &object) // whole numbers stay whole, as in the server
		}
		if err != nil {
			t.Fatalf("kubectl cannot read it: %v", err)
		}
		if object["kind"] == "List" {
			for _, item := range object["items"].([]any) {
				all = append(all, item.(map[string]any))
			}
		} else if object != nil {
			all = append(all, object)
		}
	}
}
