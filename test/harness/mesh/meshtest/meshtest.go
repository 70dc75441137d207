// Package meshtest runs a mesh for the length of a test.
package meshtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
)

// Start starts a mesh with a configuration of deploy/ and more virtual hosts. The files of policies are given by their
// names, and further servers by the addresses that they have in the configuration.
func Start(t *testing.T, p mesh.Parts, config, hosts string, policies, addresses map[string]string) *mesh.Mesh {
	t.Helper()
	c, err := envoy.LoadConfig(filepath.Join(p.Root, "deploy", config))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add([]byte(hosts)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range policies {
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := mesh.Start(t.Context(), mesh.Options{
		Envoy: p.Envoy, Config: c, Corsd: p.Corsd, Policy: dir, Addresses: addresses,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() && testing.Verbose() {
			t.Log(m.Logs())
		}
	})
	return m
}
