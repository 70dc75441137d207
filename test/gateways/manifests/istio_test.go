package manifests

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

type object = map[string]any

// The patches of each EnvoyFilter result in a configuration that Envoy loads, and in which `corsd check --envoy` finds
// only the warnings that the manifests explain.
func TestEnvoyFilters(t *testing.T) {
	if parts.Lacking != nil {
		t.Skip(parts.Lacking)
	}
	hosts := documents(t, "deploy/istio/hosts.yaml", read(t, "deploy/istio/hosts.yaml"))
	for _, row := range []struct {
		folder   string
		hosts    []resource
		warnings []string
	}{
		{"gateway", hosts, nil},
		{"gateway-api", hosts, nil},
		// hosts.yaml is for gateways: it has no effect here. (Nothing strips, and nothing fails closed.)
		{"sidecar", hosts, []string{"envoy_fails_open", "envoy_strip_missing"}},
		// It decides on every request, so hosts need nothing.
		{"module", nil, nil},
	} {
		t.Run(row.folder, func(t *testing.T) {
			if row.folder == "module" && parts.NoModule != nil {
				t.Skip(parts.NoModule)
			}
			config := patched(t, slices.Concat(rendered(t, filepath.Join(parts.Root, "deploy/istio", row.folder)), row.hosts))
			config = bytes.ReplaceAll(config, []byte("/usr/local/lib/corsd/libcorsd.so"), []byte(parts.Module))
			config = bytes.ReplaceAll(config, []byte("/etc/corsd"), []byte(filepath.Join(parts.Root, "test/gateways/testdata/policy.yaml")))
			file := filepath.Join(t.TempDir(), "envoy.yaml")
			if err := os.WriteFile(file, config, 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(parts.Envoy.Path, "--mode", "validate", "-c", file).CombinedOutput(); err != nil {
				t.Errorf("Envoy refuses it: %v\n%s", err, out)
			}
			if diff := cmp.Diff(row.warnings, check(t, file)); diff != "" {
				t.Errorf("codes of corsd check --envoy (-want +got):\n%s", diff)
			}
		})
	}
}

// check returns the codes that corsd finds in an Envoy configuration.
func check(t *testing.T, file string) []string {
	t.Helper()
	cmd := exec.Command(parts.Corsd, "check", "--format", "json", "--envoy", file, "../testdata/policy.yaml")
	out, err := cmd.Output()
	type diagnostic struct{ Code string }
	var report struct{ Faults, Warnings []diagnostic }
	if decoded := json.Unmarshal(out, &report); decoded != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	var codes []string
	for _, d := range append(report.Faults, report.Warnings...) {
		codes = append(codes, d.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// The filter and the cluster's parts are those of deploy/envoy.yaml, which has other tests.
func TestEnvoyFilterIsThatOfEnvoy(t *testing.T) {
	var shipped struct {
		Static struct {
			Listeners []struct {
				Chains []struct {
					Filters []struct {
						Config struct {
							Filters []object `yaml:"http_filters"`
						} `yaml:"typed_config"`
					}
				} `yaml:"filter_chains"`
			}
			Clusters []object
		} `yaml:"static_resources"`
	}
	if err := yaml.Load(read(t, "deploy/envoy.yaml"), &shipped); err != nil {
		t.Fatal(err)
	}
	filter := shipped.Static.Listeners[0].Chains[0].Filters[0].Config.Filters[0]
	cluster := shipped.Static.Clusters[0]
	ours := envoyFilter(t, "gateway")
	const name = "outbound|9002||corsd.corsd.svc.cluster.local"
	text := strings.ReplaceAll(dump(t, ours[0].value), "cluster_name: "+name, "cluster_name: corsd")
	if diff := cmp.Diff(dump(t, filter), text); diff != "" {
		t.Errorf("the filter (-envoy.yaml +EnvoyFilter):\n%s", diff)
	}
	for key, value := range ours[2].value {
		if diff := cmp.Diff(dump(t, cluster[key]), dump(t, value)); diff != "" {
			t.Errorf("the cluster's %s (-envoy.yaml +EnvoyFilter):\n%s", key, diff)
		}
	}
}

func dump(t *testing.T, value any) string {
	t.Helper()
	text, err := yaml.Dump(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts.Root, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
