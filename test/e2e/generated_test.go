package e2e_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// TestGenerated runs the configurations that corsd envoy writes for the policies, with the application in place of
// your-application. What Envoy then reports as its configuration passes the check.
func TestGenerated(t *testing.T) {
	for _, p := range []*profile{requestResponse, lean} {
		t.Run(p.name, func(t *testing.T) {
			b := startGenerated(t, p, copyPolicy(t))
			b.expect(t, "an allowed page", get("/cart").from(page), 200, readable)
			b.expect(t, "an unknown page", get("/cart").from(evil), 200, failOpen)
			b.expect(t, "a preflight", preflight("/cart", "PUT").from(page), 204, allGranted)
			b.expect(t, "Block", get("/blocked").from(evil), 403, []string{varyOrigin})
			b.expect(t, "Merge", get("/cart").at("search.shop.example").from(page), 200,
				[]string{acao, acac, "access-control-expose-headers: ETag, X-Cost", varyBoth})
			b.expect(t, "Shadow", get("/cart").at("legacy.shop.example").from(evil), 200, and(upstreams, vary("Accept-Encoding")))

			for _, eds := range []bool{false, true} {
				dump, err := b.Envoy.ConfigDump(t.Context(), eds)
				if err != nil {
					t.Fatal(err)
				}
				checkDump(t, dump)
			}

			if err := errors.Join(b.Corsd.Stop(5*time.Second), b.AwaitCorsd(t.Context(), 0)); err != nil {
				t.Fatal(err)
			}
			b.expect(t, "a host with Block fails closed", get("/blocked").from(evil), 500, []string{varyOrigin})
			b.expect(t, "others fail open, stripped", get("/cart").at("weather.third-party.example").from(evil), 200, failOpen)
			b.expect(t, "Shadow is as ever", get("/cart").at("legacy.shop.example").from(evil), 200, and(upstreams, vary("Accept-Encoding")))
		})
	}
}

// TestGeneratedHeaders runs them for policies that set headers beside those of CORS: the resource policy on each
// response, with an Origin or without, and the origin in Timing-Allow-Origin if it is allowed.
func TestGeneratedHeaders(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	err := os.WriteFile(policy, []byte(`
apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: {name: shop}
spec:
  hosts: [api.shop.example]
  cors: {allowOrigins: [`+page+`], timingAllowOrigin: true, crossOriginResourcePolicy: same-site}
`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*profile{requestResponse, lean} {
		t.Run(p.name, func(t *testing.T) {
			b := startGenerated(t, p, policy)
			for _, tt := range []struct {
				request request
				timing  []string
			}{{get("/cart").from(page), []string{page}}, {get("/cart").from(evil), nil}, {get("/cart"), nil}} {
				for _, protocol := range []rawhttp.Protocol{rawhttp.HTTP1, rawhttp.HTTP2} {
					got := b.patiently(t, protocol, tt.request)
					if diff := cmp.Diff([]string{"same-site"}, got.Get("cross-origin-resource-policy")); diff != "" {
						t.Errorf("%v: Cross-Origin-Resource-Policy (-want +got):\n%s", tt.request, diff)
					}
					if diff := cmp.Diff(tt.timing, got.Get("timing-allow-origin")); diff != "" {
						t.Errorf("%v: Timing-Allow-Origin (-want +got):\n%s", tt.request, diff)
					}
				}
			}
		})
	}
}

func startGenerated(t *testing.T, p *profile, policy string) *bench {
	t.Helper()
	if lacking != nil {
		t.Skip(lacking)
	}
	text, err := exec.CommandContext(t.Context(), corsd, "envoy", "--policy", policy,
		"--profile", strings.ReplaceAll(p.name, "_", "-")).Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	text = []byte(strings.ReplaceAll(string(text), "{ address: your-application, port_value: 8080 }", "{ address: app, port_value: 8080 }"))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	config, err := envoy.LoadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	return runMesh(t, p, mesh.Options{Config: config, Policy: policy})
}

// checkDump compares what Envoy runs with the policies, and with policies for which it is wrong.
func checkDump(t *testing.T, dump string) {
	t.Helper()
	dir := t.TempDir()
	file, other := filepath.Join(dir, "dump.json"), filepath.Join(dir, "other.yaml")
	policies, err := os.ReadFile("testdata/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shadow := strings.Replace(string(policies), "  hosts: [api.shop.example]", "  hosts: [api.shop.example]\n  enforcement: Shadow", 1)
	if err := errors.Join(os.WriteFile(file, []byte(dump), 0o644), os.WriteFile(other, []byte(shadow), 0o644)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), corsd, "check", "--envoy", file, "testdata/policy.yaml").CombinedOutput()
	if err != nil || strings.Contains(string(out), "(envoy_") {
		t.Errorf("what Envoy runs: %v\n%s", err, out)
	}
	out, err = exec.CommandContext(t.Context(), corsd, "check", "--envoy", file, other).CombinedOutput()
	if err == nil || strings.Count(string(out), "(envoy_strip_conflict)") != 1 || strings.Count(string(out), "(envoy_") != 1 {
		t.Errorf("a strip of a host in Shadow: %v\n%s", err, out)
	}
}
