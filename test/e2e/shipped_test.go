package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// The three configurations describe one gateway: they differ only in the settings of the calls to
// corsd.
func TestShippedConfigurationsAgree(t *testing.T) {
	want := gateway(t, requestResponse)
	for _, p := range append(shipped[1:], module) {
		if diff := cmp.Diff(want, gateway(t, p)); diff != "" {
			t.Errorf("%s is another gateway than %s (-%[2]s +%[1]s):\n%s", p.config, requestResponse.config, diff)
		}
	}
}

func parse(t *testing.T, p *profile) (config map[string]any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "deploy", p.config))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Load(text, &config); err != nil {
		t.Fatal(err)
	}
	return config
}

// gateway is a configuration of deploy/ without what is about how corsd is asked.
func gateway(t *testing.T, p *profile) map[string]any {
	t.Helper()
	config := parse(t, p)
	const managerType = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
	manager := ofType(config, managerType)[0]
	for _, host := range manager["route_config"].(map[string]any)["virtual_hosts"].([]any) {
		host := host.(map[string]any)
		delete(host, "typed_per_filter_config")
		host["response_headers_to_add"] = slices.DeleteFunc(sliceOf(host["response_headers_to_add"]), func(add any) bool {
			return strings.HasPrefix(add.(map[string]any)["header"].(map[string]any)["key"].(string), "access-control-") // lean sets them
		})
		if host["name"] == "search" { // Merge, which ext_authz cannot do
			delete(host, "response_headers_to_remove")
		}
	}
	filters := manager["http_filters"].([]any)
	if first := filters[0].(map[string]any); first["name"] != "corsd" {
		t.Errorf("%s: the first filter is %v, not corsd: preflights would meet what comes before", p.config, first["name"])
	}
	manager["http_filters"] = filters[1:]
	if clusters := config["static_resources"].(map[string]any); !p.inEnvoy {
		corsd := clusters["clusters"].([]any)[0].(map[string]any)
		delete(corsd["health_checks"].([]any)[0].(map[string]any), "grpc_health_check")
	} else { // corsd is not a server, so that of another profile stands for it
		its := parse(t, requestResponse)["static_resources"].(map[string]any)["clusters"].([]any)[0].(map[string]any)
		delete(its["health_checks"].([]any)[0].(map[string]any), "grpc_health_check")
		clusters["clusters"] = append([]any{its}, clusters["clusters"].([]any)...)
	}
	delete(manager, "access_log") // which names the filter's metadata
	return config
}

func sliceOf(v any) []any {
	s, _ := v.([]any)
	return s
}

// What corsd is shown and may change is little, and without it everything goes on.
func TestShippedFiltersHaveLeastPrivilege(t *testing.T) {
	const extProc = "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor"
	const authz = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"
	for _, tt := range []struct {
		profile *profile
		kind    string
		filters int
		must    []string // fields
	}{
		{requestResponse, extProc, 1, []string{"forward_rules", "mutation_rules", "message_timeout"}},
		{lean, extProc, 1, []string{"forward_rules", "mutation_rules", "message_timeout"}},
		{extAuthz, authz, 1, []string{"allowed_headers", "validate_mutations", "encode_raw_headers"}},
	} {
		t.Run(tt.profile.name, func(t *testing.T) {
			filters := ofType(parse(t, tt.profile), tt.kind)
			if len(filters) != tt.filters {
				t.Errorf("%d filters ask corsd, want %d", len(filters), tt.filters)
			}
			for _, f := range filters {
				for _, field := range append(tt.must, "failure_mode_allow") {
					if f[field] == nil || f[field] == false {
						t.Errorf("a filter without %s", field)
					}
				}
				if f["allow_mode_override"] == true && f["allowed_override_modes"] == nil {
					t.Error("a filter that lets corsd ask for bodies")
				}
			}
		})
	}
}

// ofType returns all messages of a type that stand in node.
func ofType(node any, kind string) (found []map[string]any) {
	switch node := node.(type) {
	case map[string]any:
		if node["@type"] == kind {
			found = append(found, node)
		}
		for _, v := range node {
			found = append(found, ofType(v, kind)...)
		}
	case []any:
		for _, v := range node {
			found = append(found, ofType(v, kind)...)
		}
	}
	return found
}

// Every configuration of deploy/ is run by a profile, and has a comment that shows how to check that it
// works.
func TestShippedConfigurationsAreAllRun(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "deploy", "envoy*.yaml"))
	if err != nil || len(files) != len(shipped)+1 {
		t.Fatalf("%d configurations for %d profiles and the module (%v)", len(files), len(shipped), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "Is the filter live?") {
			t.Errorf("%s does not say how to prove that the filter is live", file)
		}
	}
}
