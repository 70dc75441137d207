package conformance_test

import (
	"flag"
	"maps"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/mesh/meshtest"
)

var update = flag.Bool("update", false, "write docs/conformance.md and testdata/requests again")

// parts are the programs that all tests run.
var parts mesh.Parts

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(mesh.RunTests(m, func(dir string) (err error) {
		parts, err = mesh.FindParts(dir, testing.Short())
		return err
	}))
}

// start runs a configuration of deploy/ with additions for the length of a test,
// in front of the application. The files of policies are given by their names.
func start(t *testing.T, shipped, additions string, policies, addresses map[string]string) *mesh.Mesh {
	t.Helper()
	if parts.Lacking != nil {
		t.Skip(parts.Lacking)
	}
	app := httptest.NewServer(application())
	t.Cleanup(app.Close)
	servers := map[string]string{"app:8080": app.Listener.Addr().String()}
	maps.Copy(servers, addresses)
	return meshtest.Start(t, parts, shipped, additions, policies, servers)
}
