package gateways

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/cluster"
	"github.com/corsd/corsd/test/harness/isolation"
	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/tools"
)

var update = flag.Bool("update", false, "write docs/gateways.md again")

// programs are what the tests run.
type programs struct {
	mesh.Parts
	kubernetes   cluster.Binaries
	envoyGateway string
	pilot        string

	// The Gateway API's tests of CORS, and the server that they expect.
	conformance, echo string

	// definitions have the CRDs of each project.
	gatewayCRDs, istioCRDs []string
}

var run programs

// certificates is where Envoy Gateway reads its certificates if its resources come from an API server; it is a constant
// of its code (1.9).
const certificates = "/certs"

func TestMain(m *testing.M) {
	flag.Parse()
	if isolation.Inside() {
		os.Exit(mesh.RunTests(m, func(dir string) error {
			if err := isolation.Enter(); err != nil {
				return err
			}
			return find(dir)
		}))
	}
	os.Exit(outside(m))
}

// outside builds the programs, which needs the network, and runs the tests inside. If it cannot, it runs them here,
// where they skip themselves.
func outside(m *testing.M) (status int) {
	return mesh.RunTests(runner(func() int {
		if run.Lacking != nil {
			return m.Run()
		}
		status, err := isolation.Start(certificates, "CORSD="+run.Corsd, "CORSD_MODULE="+run.Module, "ENVOY="+run.Envoy.Path)
		if err != nil {
			run.Lacking = fmt.Errorf("isolation: %w", err)
			return m.Run()
		}
		return status
	}), find)
}

type runner func() int

func (r runner) Run() int { return r() }

// find sets run. It builds programs that are missing.
func find(dir string) (err error) {
	if run.Parts, err = mesh.FindParts(dir, testing.Short()); err != nil || run.Lacking != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for _, step := range []func(context.Context) error{findKubernetes, findEnvoyGateway, findPilot, findConformance} {
		if err := step(ctx); err != nil {
			if tools.Complete() {
				return err
			}
			run.Lacking = err
			return nil
		}
	}
	return nil
}

func findKubernetes(ctx context.Context) (err error) {
	run.kubernetes, err = cluster.Find(ctx, run.Root, os.Stderr)
	return err
}

// need skips a test if a program is missing.
func need(t *testing.T) {
	t.Helper()
	if run.Lacking != nil && tools.Complete() {
		t.Fatal(run.Lacking)
	}
	if run.Lacking != nil {
		t.Skip(run.Lacking)
	}
}
