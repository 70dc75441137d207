package envoypolicy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/corsd/corsd/internal/envoyconfig"
	"github.com/corsd/corsd/internal/envoypolicy"
)

// FuzzCheck compares any bytes with policies, as YAML and as JSON: nothing panics, and each finding has a code, a message
// and a hint.
func FuzzCheck(f *testing.F) {
	// Small ones: after each input that reaches more code, the fuzzer tries for a minute to shorten it.
	dump, err := os.ReadFile("../envoyconfig/testdata/config_dump.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(dump)
	f.Add([]byte(`{virtual_hosts: [{name: a, domains: ["*.api.example", "a*", "*b", "[::1]:80"], response_headers_to_remove: [&a access-control-allow-origin, *a],
  typed_per_filter_config: {corsd: {overrides: {failure_mode_allow: true, grpc_initial_metadata: [{key: corsd-static, value: strip}, {key: corsd-policy, value: wide}]}}}}]}`))
	f.Add([]byte(`{http_filters: [{name: corsd, typed_config: {"@type": a.ExternalProcessor}}, {name: b, typed_config: {"@type": a.ExtAuthz}}], route_config: {virtual_hosts: [{domains: ["*"], cors: {}, routes: [{redirect: {}}]}]}}`))
	text, err := os.ReadFile("testdata/write/patterns.yaml")
	if err != nil {
		f.Fatal(err)
	}
	p := planOf(f, documents(f, string(text)))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, name := range []string{"envoy.yaml", "dump.json"} {
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			c, fault := envoyconfig.Read(file)
			if fault != nil {
				continue
			}
			faults, warnings := envoypolicy.Check(p, c)
			for _, d := range append(faults, warnings...) {
				if d.Code == "" || d.Message == "" || d.Hint == "" {
					t.Errorf("%+v", d)
				}
			}
		}
	})
}
