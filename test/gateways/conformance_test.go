package gateways

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/mesh/meshtest"
	"github.com/corsd/corsd/test/harness/tools"
)

// conformancePolicy has a rule for each route of the Gateway API's tests of CORS.
const conformancePolicy = `apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: {name: gateway-conformance-infra}
spec:
  hosts: ["*"]
  dangerouslyAllow: [AnyOriginWithCredentials]
  rules:
  - match: {path: {value: /cors-1}}
    cors:
      allowOrigins: [https://www.foo.com, "https://*.bar.com"]
      allowMethods: [GET, OPTIONS]
      allowHeaders: [x-header-1, x-header-2]
      exposeHeaders: [x-header-3, x-header-4]
      allowCredentials: true
      maxAge: 3600
  - match: {path: {value: /cors-2}}
    cors: {allowOrigins: [https://www.foo.com], allowMethods: ["*"]}
  - match: {path: {value: /cors-wildcard-origin}}
    cors: {allowOrigins: ["*"], allowMethods: [PUT]}
  - match: {path: {value: /cors-wildcard-methods-headers}}
    cors: {allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], allowCredentials: true}
  - match: {path: {value: /cors-wildcard-methods-headers-unauth}}
    cors: {allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"]}
`

// conformanceHost is the shop's virtual host, for all hosts and paths.
const conformanceHost = `
virtual_hosts:
- name: conformance
  like: shop
  domains: ["*"]
  routes:
  - { match: { prefix: / }, route: { cluster: app } }
`

// TestConformance runs the Gateway API's own tests of CORS, unchanged, against Envoy with corsd.
func TestConformance(t *testing.T) {
	need(t)
	const echo = "127.0.0.1:3000"
	t.Setenv("NAMESPACE", "gateway-conformance-infra")
	t.Setenv("POD_NAME", "infra-backend-v1-0")
	start(t, run.echo)
	for _, profile := range []string{"envoy.yaml", "envoy-lean.yaml", "envoy-ext-authz.yaml"} {
		t.Run(profile, func(t *testing.T) {
			m := meshtest.Start(t, run.Parts, profile, conformanceHost,
				map[string]string{"policy": conformancePolicy}, map[string]string{"app:8080": echo})
			t.Setenv("ADDRESS", m.Envoy.Address)
			out, err := exec.CommandContext(t.Context(), run.conformance, "-test.v", "-test.timeout", "5m").CombinedOutput()
			if passed := strings.Count(string(out), "--- PASS"); err != nil || passed < 15 {
				t.Errorf("%v, %d cases passed\n%s", err, passed, out)
			}
		})
	}
}

// findConformance builds the Gateway API's tests and the server that they expect behind the gateway.
func findConformance(ctx context.Context) error {
	const module = "sigs.k8s.io/gateway-api/conformance"
	version, err := tools.Pinned(run.Root, "GATEWAY_API_VERSION")
	if err != nil {
		return err
	}
	source, err := os.ReadFile("testdata/conformance/cors_test.go")
	if err != nil {
		return err
	}
	dir, err := tools.Tool{
		Name: fmt.Sprintf("gateway-api-conformance-%s-%.6x", version, sha256.Sum256(source)),
		Whole: func(dir string) bool {
			return isFile(filepath.Join(dir, "echo")) && isFile(filepath.Join(dir, "cors.test"))
		},
		Fill: func(ctx context.Context, dir string) error {
			return buildConformance(ctx, module, version, dir)
		},
		Filling: func(dir string) {
			fmt.Fprintf(os.Stderr, "building the Gateway API's conformance tests %s into %s (once)\n", version, dir)
		},
	}.Install(ctx, run.Root)
	run.echo, run.conformance = filepath.Join(dir, "echo"), filepath.Join(dir, "cors.test")
	return err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// buildConformance builds in a module of its own. The go.mod of the tests replaces the Gateway API by a directory.
func buildConformance(ctx context.Context, module, version, dir string) error {
	scratch, err := os.MkdirTemp("", "corsd-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := os.CopyFS(scratch, os.DirFS("testdata/conformance")); err != nil {
		return err
	}
	text := fmt.Sprintf("module conformance\n\ngo 1.26.0\n\nrequire %s %s\nrequire sigs.k8s.io/gateway-api %[2]s\n", module, version)
	if err := os.WriteFile(filepath.Join(scratch, "go.mod"), []byte(text), 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"mod", "tidy"},
		{"test", "-c", "-o", filepath.Join(dir, "cors.test"), "."},
		{"build", "-mod=mod", "-o", filepath.Join(dir, "echo"), module + "/echo-basic"},
	} {
		cmd := exec.CommandContext(ctx, "nice", append([]string{"-n", "15", "go"}, args...)...)
		cmd.Dir = scratch
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}
