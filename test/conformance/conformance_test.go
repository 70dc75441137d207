package conformance_test

import (
	"flag"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
)

var update = flag.Bool("update", false, "write docs/conformance.md and testdata/requests again")

// The programs that all tests run.
var (
	root   string // the source tree
	binary envoy.Binary
	corsd  string

	// lacking is the reason to skip the tests, nil if all programs are there.
	lacking error
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(mesh.RunTests(m, func(dir string) error {
		parts, err := mesh.FindParts(dir, testing.Short())
		root, binary, corsd, lacking = parts.Root, parts.Envoy, parts.Corsd, parts.Lacking
		return err
	}))
}

// start runs a configuration of deploy/ with additions for the length of a test,
// in front of the application. The files of policies are given by their names.
func start(t *testing.T, shipped, additions string, policies, addresses map[string]string) *mesh.Mesh {
	t.Helper()
	if lacking != nil {
		t.Skip(lacking)
	}
	config, err := envoy.LoadConfig(filepath.Join(root, "deploy", shipped))
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Add([]byte(additions)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range policies {
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	app := httptest.NewServer(application())
	t.Cleanup(app.Close)
	servers := map[string]string{"app:8080": app.Listener.Addr().String()}
	maps.Copy(servers, addresses)
	m, err := mesh.Start(t.Context(), mesh.Options{Envoy: binary, Config: config, Corsd: corsd, Policy: dir, Addresses: servers})
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
