package envoypolicy_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/internal/envoypolicy"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

var update = flag.Bool("update", false, "write the golden files of testdata again")

// documents reads policies without faults. A policy without a head is the spec of a CORSPolicy shop.
func documents(t testing.TB, text string) spec.Config {
	t.Helper()
	if !strings.Contains(text, "apiVersion:") {
		text = "apiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nmetadata: {name: shop}\nspec: " + text
	}
	report := reload.Parse("policy.yaml", []byte(text))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return report.Config()
}

func planOf(t testing.TB, cfg spec.Config) *plan.Plan {
	t.Helper()
	p, report := plan.Resolve(cfg, plan.Options{})
	if faults := report.Faults(); len(faults) > 0 {
		t.Fatal(spec.Faults(faults))
	}
	return p
}

func write(t testing.TB, p *plan.Plan, o envoypolicy.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := envoypolicy.Write(&b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// between returns the virtual hosts of a configuration that Write wrote.
func between(t testing.TB, text string) string {
	t.Helper()
	_, text, found := strings.Cut(text, "virtual_hosts:\n")
	text, _, ends := strings.Cut(text, "\n          http_filters:\n")
	if !found || !ends {
		t.Fatalf("no virtual hosts: %s", text)
	}
	return text
}

// Each policy of testdata/write has the virtual hosts of its golden file.
func TestWrite(t *testing.T) {
	files, err := filepath.Glob("testdata/write/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d policies (%v)", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, lean := range []bool{false, true} {
			golden := strings.TrimSuffix(file, ".yaml") + map[bool]string{false: ".golden", true: "-lean.golden"}[lean]
			if _, err := os.Stat(golden); err != nil && lean {
				continue
			}
			t.Run(filepath.Base(golden), func(t *testing.T) {
				got := between(t, write(t, planOf(t, documents(t, string(text))), envoypolicy.Options{Lean: lean}))
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// The order of documents has no effect.
func TestWriteIsDeterministic(t *testing.T) {
	text, err := os.ReadFile("../../test/e2e/testdata/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg := documents(t, string(text))
	want := write(t, planOf(t, cfg), envoypolicy.Options{})
	slices.Reverse(cfg.Policies)
	if diff := cmp.Diff(want, write(t, planOf(t, cfg), envoypolicy.Options{})); diff != "" {
		t.Errorf("in the reverse order (-want +got):\n%s", diff)
	}
}

// For the policies of the demo Write writes what deploy/ has: the filter, the cluster, the connection manager and
// the virtual hosts, but for routes and the filters and clusters of the example.
func TestWriteAgreesWithDeploy(t *testing.T) {
	demo, err := os.ReadFile("../../deploy/demo/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := planOf(t, documents(t, string(demo)))
	for file, o := range map[string]envoypolicy.Options{"envoy.yaml": {}, "envoy-lean.yaml": {Lean: true}} {
		shipped, err := os.ReadFile(filepath.Join("../../deploy", file))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(essence(t, shipped), essence(t, []byte(write(t, p, o)))); diff != "" {
			t.Errorf("%s (-deploy +corsd envoy):\n%s", file, diff)
		}
	}
}

// essence returns a configuration without the parts that belong to the example.
func essence(t *testing.T, text []byte) any {
	t.Helper()
	var config map[string]any
	if err := yaml.Load(text, &config); err != nil {
		t.Fatal(err)
	}
	first := func(v any) map[string]any { return v.([]any)[0].(map[string]any) }
	resources := config["static_resources"].(map[string]any)
	resources["clusters"] = first(resources["clusters"])
	manager := first(first(first(resources["listeners"])["filter_chains"])["filters"])["typed_config"].(map[string]any)
	manager["http_filters"] = first(manager["http_filters"])
	routes := manager["route_config"].(map[string]any)
	hosts := map[string]any{}
	for _, h := range routes["virtual_hosts"].([]any) {
		h := h.(map[string]any)
		delete(h, "routes")
		hosts[h["name"].(string)] = h
	}
	routes["virtual_hosts"] = hosts
	return config
}

// Valid and invalid addresses of corsd.
func TestClusterAddress(t *testing.T) {
	p := planOf(t, documents(t, "{hosts: [api.example], cors: {allowOrigins: [https://www.example]}}"))
	for _, tt := range []struct{ address, want string }{
		{"10.0.0.7:9002", `STRICT_DNS {"socket_address":{"address":"10.0.0.7","port_value":9002}}`},
		{"[::1]:9002", `STRICT_DNS {"socket_address":{"address":"::1","port_value":9002}}`},
		{"true:1", `STRICT_DNS {"socket_address":{"address":"true","port_value":1}}`},
		{"unix:/run/a b.sock", `STATIC {"pipe":{"path":"/run/a b.sock"}}`},
		{"unix:", ""},
		{"corsd", ""},
		{":9002", ""},
		{"corsd:0", ""},
		{"corsd:65536", ""},
		{"corsd:grpc", ""},
	} {
		var b bytes.Buffer
		err := envoypolicy.Write(&b, p, envoypolicy.Options{Cluster: tt.address})
		if tt.want == "" {
			if err == nil || b.Len() > 0 {
				t.Errorf("%q: %d bytes, error %v", tt.address, b.Len(), err)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if got := corsdCluster(t, b.Bytes()); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.address, got, tt.want)
		}
	}
}
