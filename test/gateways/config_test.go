package gateways

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkConfig runs `corsd check --envoy` on the configuration that the gateway has written into Envoy, and compares the
// codes.
func (s *suite) checkConfig(t *testing.T, want ...string) {
	t.Helper()
	dump, err := s.envoy.ConfigDump(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config_dump.json")
	if err := os.WriteFile(file, []byte(dump), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(run.Corsd, "check", "--format", "json", "--envoy", file, "testdata/policy.yaml", "testdata/lean.yaml").Output()
	type diagnostic struct{ Code string }
	var report struct{ Faults, Warnings []diagnostic }
	if decoded := json.Unmarshal(out, &report); decoded != nil {
		t.Fatalf("corsd check --envoy: %v\n%s", err, out)
	}
	var codes []string
	for _, d := range append(report.Faults, report.Warnings...) {
		codes = append(codes, d.Code)
	}
	slices.Sort(codes)
	if diff := cmp.Diff(want, slices.Compact(codes)); diff != "" {
		t.Errorf("codes of corsd check --envoy (-want +got):\n%s\n%s", diff, out)
	}
}

// checkOrder fails unless the filters of that type are before all others.
func (s *suite) checkOrder(t *testing.T, kind string) {
	t.Helper()
	dump, err := s.envoy.ConfigDump(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	var config any
	if err := json.Unmarshal([]byte(dump), &config); err != nil {
		t.Fatal(err)
	}
	chains := 0
	for _, filters := range lists(config, "http_filters") {
		var names []string
		for _, f := range filters {
			names = append(names, f.(map[string]any)["name"].(string))
		}
		isOurs := func(name string) bool { return strings.HasPrefix(name, kind) }
		last := 0
		for i, name := range names {
			if isOurs(name) {
				last = i + 1
			}
		}
		if last == 0 {
			continue
		}
		chains++
		if slices.ContainsFunc(names[:last], func(name string) bool { return !isOurs(name) }) {
			t.Errorf("a filter comes before %s: %q", kind, names)
		}
		if len(names) < last+3 {
			t.Errorf("there are few filters that could come before: %q", names)
		}
	}
	if chains == 0 {
		t.Errorf("no chain has %s", kind)
	}
}

// lists returns the lists of that name in a JSON value.
func lists(value any, name string) (all [][]any) {
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			if list, ok := v.([]any); ok && key == name {
				all = append(all, list)
			}
			all = append(all, lists(v, name)...)
		}
	case []any:
		for _, v := range value {
			all = append(all, lists(v, name)...)
		}
	}
	return all
}

// checkStatuses fails if Envoy Gateway has refused a resource, or a reference in it.
func (s *suite) checkStatuses(t *testing.T) {
	const kinds = "gateways,httproutes,envoyextensionpolicies,clienttrafficpolicies,securitypolicies,backendtlspolicies"
	var got struct {
		Items []struct {
			Kind     string
			Metadata struct{ Name string }
			Status   any
		}
	}
	out := s.kubectl(t, "", "get", kinds, "--all-namespaces", "--output", "json")
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	conditions := 0
	for _, item := range got.Items {
		for _, list := range lists(item.Status, "conditions") {
			for _, c := range list {
				conditions++
				c := c.(map[string]any)
				positive := c["type"] == "Accepted" || c["type"] == "ResolvedRefs"
				if positive && c["status"] != "True" {
					t.Errorf("%s %s: %v is %v: %v", item.Kind, item.Metadata.Name, c["type"], c["status"], c["message"])
				}
			}
		}
	}
	if conditions < 10 {
		t.Errorf("only %d conditions:\n%s", conditions, out)
	}
}
