package cli

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestSARIF compares the log of faults with and without a position, a hint, a related place and a
// file, whole. The log was checked against the JSON schema of SARIF 2.1.0 of OASIS.
func TestSARIF(t *testing.T) {
	in := func(file string, line, column int) spec.Location {
		return spec.Location{Position: spec.Position{File: file, Line: line, Column: column}}
	}
	value := in("a b/p.yaml", 7, 20)
	value.Place = spec.In(spec.KindPolicy, 3).At("spec", "cors", "allowOrigins").Item(0)
	related := in("q.yaml", 3, 4)
	report := &reload.Report{
		Faults: []spec.Diagnostic{
			{Location: value, Code: spec.CodeOriginInvalid, Value: "x", Message: "has no scheme", Hint: "https://x"},
			{Location: in("p.yaml", 9, 1), Code: spec.CodeConflict, Message: "is matched already", Related: &related},
			{Location: in("p.yaml", 0, 0), Code: spec.CodeSourceUnreadable, Message: "cannot be read"},
			{Location: value, Code: spec.CodeOriginInvalid, Value: "y", Message: "has no scheme", Hint: "https://y"},
			{Code: spec.CodeNoPolicies, Message: "there is no CORSPolicy"},
		},
		Warnings: []spec.Diagnostic{{Location: in("/etc/corsd/p.yaml", 1, 2), Code: spec.CodeDefaultPort, Message: "names the default port"}},
	}
	var out bytes.Buffer
	if err := writeSARIF(&out, report); err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	type object = map[string]any
	type list = []any
	rule := func(id, title, level string) object {
		return object{
			"id": id, "shortDescription": object{"text": title}, "defaultConfiguration": object{"level": level},
			"help": object{"text": "docs/policy.md of corsd describes " + id + " and its fix."},
		}
	}
	at := func(uri string, region any) list {
		physical := object{"artifactLocation": object{"uri": uri}}
		if region != nil {
			physical["region"] = region
		}
		return list{object{"physicalLocation": physical}}
	}
	result := func(id string, rule float64, level, text string, locations list) object {
		return object{"ruleId": id, "ruleIndex": rule, "level": level, "message": object{"text": text}, "locations": locations}
	}
	region := func(line, column float64) object { return object{"startLine": line, "startColumn": column} }
	want := object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": list{object{
			"columnKind": "unicodeCodePoints",
			"tool": object{"driver": object{
				"name": "corsd", "version": buildInfo().version,
				"rules": list{
					rule("origin_invalid", "Origin invalid", "error"), rule("conflict", "Conflict", "error"),
					rule("source_unreadable", "Source unreadable", "error"), rule("no_policies", "No policies", "error"),
					rule("default_port", "Default port", "warning"),
				},
			}},
			"results": list{
				result("origin_invalid", 0, "error", `spec.cors.allowOrigins[0]: "x" has no scheme. Hint: https://x`, at("a%20b/p.yaml", region(7, 20))),
				result("conflict", 1, "error", "is matched already, see q.yaml:3:4.", at("p.yaml", region(9, 1))),
				result("source_unreadable", 2, "error", "cannot be read.", at("p.yaml", nil)),
				result("origin_invalid", 0, "error", `spec.cors.allowOrigins[0]: "y" has no scheme. Hint: https://y`, at("a%20b/p.yaml", region(7, 20))),
				result("no_policies", 3, "error", "there is no CORSPolicy.", list{}),
				result("default_port", 4, "warning", "names the default port.", at("file:///etc/corsd/p.yaml", region(1, 2))),
			},
		}},
	}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Errorf("SARIF (-want +got):\n%s", diff)
	}
}
