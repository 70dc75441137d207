package gateways

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/corsd/corsd/test/harness/tools"
)

// findEnvoyGateway builds Envoy Gateway, and finds its definitions and those of the Gateway API that it ships.
func findEnvoyGateway(ctx context.Context) error {
	const module = "github.com/envoyproxy/gateway"
	version, err := tools.Pinned(run.Root, "ENVOY_GATEWAY_VERSION")
	if err != nil {
		return err
	}
	run.envoyGateway, err = build(ctx, "envoy-gateway", tools.Program{
		Module: module, Version: version, Package: module + "/cmd/envoy-gateway", LDFlags: "-s -w",
	})
	if err != nil {
		return err
	}
	dir, err := tools.Module(ctx, module, version)
	crds := filepath.Join(dir, "charts/gateway-helm/charts/crds/crds")
	run.gatewayCRDs = []string{filepath.Join(crds, "gatewayapi-crds.yaml"), filepath.Join(crds, "generated")}
	return err
}

// findPilot builds Istio's control plane. Its module requires versions that were never published, and others instead.
func findPilot(ctx context.Context) error {
	const module = "istio.io/istio"
	version, err := tools.Pinned(run.Root, "ISTIO_VERSION")
	if err != nil {
		return err
	}
	api, err := tools.Pinned(run.Root, "ISTIO_API_VERSION")
	if err != nil {
		return err
	}
	run.pilot, err = build(ctx, "pilot-discovery", tools.Program{
		Module: module, Version: version, Package: module + "/pilot/cmd/pilot-discovery", LDFlags: "-s -w",
		Require: []string{
			"istio.io/api " + api,
			"istio.io/client-go " + api,
			"github.com/envoyproxy/go-control-plane v0.14.1-0.20260729145720-a2d8c7492908",
			"github.com/envoyproxy/go-control-plane/contrib v1.36.1-0.20260729145720-a2d8c7492908",
			"github.com/envoyproxy/go-control-plane/envoy v1.37.1-0.20260729145720-a2d8c7492908",
		},
	})
	if err != nil {
		return err
	}
	dir, err := tools.Module(ctx, module, version)
	run.istioCRDs = []string{filepath.Join(dir, "manifests/charts/base/files/crd-all.gen.yaml")}
	return err
}

// build returns the path of a program below .tools, and builds it if it is missing.
func build(ctx context.Context, name string, p tools.Program) (string, error) {
	file := func(dir string) string { return filepath.Join(dir, name) }
	dir, err := tools.Tool{
		Name:  name + "-" + p.Version,
		Whole: func(dir string) bool { _, err := os.Stat(file(dir)); return err == nil },
		Fill:  func(ctx context.Context, dir string) error { return p.Build(ctx, file(dir)) },
		Filling: func(dir string) {
			fmt.Fprintf(os.Stderr, "building %s %s into %s (once)\n", name, p.Version, dir)
		},
	}.Install(ctx, run.Root)
	return file(dir), err
}
