// Package cluster_test runs the resources and manifests of corsd on a real Kubernetes API server. `make test-cluster` runs it.
package cluster_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/cluster"
	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/tools"
)

var (
	root     string // the source tree
	corsd    string // path of the binary
	binaries cluster.Binaries

	// api has the definitions of corsd. Tests share it, each with namespaces of its own. A test that kills the API server, or
	// adds what concerns other namespaces, starts one of its own with startAPI.
	api *cluster.Cluster

	// lacking is the reason to skip the tests, nil if all programs are there.
	lacking error
)

func TestMain(m *testing.M) {
	flag.Parse()
	status := mesh.RunTests(m, prepare)
	if api != nil {
		if err := api.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

func prepare(dir string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 80*time.Minute)
	defer cancel()
	if root, err = mesh.Root(); err != nil {
		return err
	}
	if testing.Short() {
		lacking = errors.New("not with -short: needs a Kubernetes API server")
		return nil
	}
	if binaries, err = cluster.Find(ctx, root, os.Stderr); err != nil && !tools.Complete() {
		lacking = err
		return nil
	} else if err != nil {
		return err
	}
	if corsd, err = mesh.Build(ctx, root, dir, io.Discard); err != nil {
		return err
	}
	api, err = newAPI(ctx)
	return err
}

// newAPI starts an API server that has the definitions of corsd.
func newAPI(ctx context.Context) (*cluster.Cluster, error) {
	c, err := cluster.Start(ctx, binaries)
	if err != nil {
		return nil, err
	}
	if _, err = c.Kubectl(ctx, "", "apply", "--server-side", "-k", manifest("crds")); err == nil {
		_, err = c.Kubectl(ctx, "", "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
	}
	if err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// startAPI starts an API server for one test.
func startAPI(t *testing.T) *cluster.Cluster {
	t.Helper()
	if lacking != nil {
		t.Skip(lacking)
	}
	c, err := newAPI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// manifest returns the path of a file or folder of deploy/k8s.
func manifest(name string) string { return filepath.Join(root, "deploy/k8s", name) }

var namespaces atomic.Int32

// namespace makes a namespace on the shared API server, with annotations NAME=VALUE. It stays when the test ends, since there
// is no controller that would empty it.
func namespace(t *testing.T, annotations ...string) string {
	t.Helper()
	if lacking != nil {
		t.Skip(lacking)
	}
	name := fmt.Sprintf("test-%d", namespaces.Add(1))
	must(t, api.Client, "", "create", "namespace", name)
	for _, annotation := range annotations {
		must(t, api.Client, "", "annotate", "namespace", name, annotation)
	}
	return name
}

// must runs kubectl, which must succeed.
func must(t *testing.T, c *cluster.Client, stdin string, args ...string) string {
	t.Helper()
	out, err := c.Kubectl(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mustFail runs kubectl, which must fail with a message that has all parts.
func mustFail(t *testing.T, c *cluster.Client, stdin string, args []string, parts ...string) {
	t.Helper()
	out, err := c.Kubectl(t.Context(), stdin, args...)
	if err == nil {
		t.Errorf("kubectl %s succeeded:\n%s", strings.Join(args, " "), out)
		return
	}
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("kubectl %s:\n%s\nlacks %q", strings.Join(args, " "), out, part)
		}
	}
}

// policy returns a CORSPolicy with a spec in one line.
func policy(namespace, name, spec string) string {
	return fmt.Sprintf("apiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nmetadata: {namespace: %s, name: %s}\nspec: %s\n", namespace, name, spec)
}
