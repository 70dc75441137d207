// Package e2e_test sends requests to corsd through a real Envoy with the configurations of deploy/, over HTTP/1.1 and HTTP/2,
// and checks every CORS header of the responses.
package e2e_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
)

// profile is one of the ways to put corsd into Envoy.
type profile struct {
	name   string
	config string        // in deploy/
	since  envoy.Version // the first Envoy that it works on

	// filter is the HTTP filter that calls corsd in place of the configuration's; in testdata/.
	filter string

	// selectors has the routes that name a policy, which each protocol does in its
	// own way; in testdata/.
	selectors string

	// cannot lists the settings of testdata/policy.yaml that the profile cannot carry out, as corsd
	// logs them.
	cannot []string
	logged string

	inEnvoy bool // the dynamic module
}

var (
	requestResponse = &profile{
		name: "request_response", config: "envoy.yaml", since: envoy.Version{Major: 1, Minor: 37},
		selectors: "selectors-ext-proc.yaml",
	}
	lean = &profile{
		name: "lean", config: "envoy-lean.yaml", since: envoy.Version{Major: 1, Minor: 37},
		selectors: "selectors-ext-proc.yaml",
	}
	extAuthz = &profile{
		name: "ext_authz", config: "envoy-ext-authz.yaml", since: envoy.Version{Major: 1, Minor: 37},
		selectors: "selectors-ext-authz.yaml",
		cannot:    []string{"upstreamHeaders: Preserve", "upstreamHeaders: Merge", "preflight.mode: Forward"},
		logged:    "ext_authz",
	}
	// Streams that begin with the response. No configuration of deploy/ has them.
	responseOnly = &profile{
		name: "response_only", config: "envoy.yaml", since: envoy.Version{Major: 1, Minor: 39},
		filter:    "filter-response-only.yaml",
		selectors: "selectors-ext-proc.yaml",
		cannot:    []string{"enforcement: Block", "webSocket.originCheck: Enforce"},
		logged:    "response_only",
	}

	// corsd in Envoy. There is no instance of corsd, so nothing is tested that needs one.
	module = &profile{
		name: "module", config: "envoy-module.yaml", since: envoy.Version{Major: 1, Minor: 39},
		selectors: "selectors-module.yaml", logged: "module", inEnvoy: true,
	}

	shipped  = []*profile{requestResponse, lean, extAuthz} // and module
	profiles = []*profile{requestResponse, lean, extAuthz, responseOnly}
)

// The programs that all tests run.
var (
	root   string // the source tree
	binary envoy.Binary
	corsd  string

	// library is the dynamic module, and noLibrary the reason why there is none.
	library   string
	noLibrary error

	// lacking is the reason to skip the tests, nil if all programs are there.
	lacking error
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(mesh.RunTests(m, func(dir string) error {
		parts, err := mesh.FindParts(dir, testing.Short())
		root, binary, corsd, lacking = parts.Root, parts.Envoy, parts.Corsd, parts.Lacking
		library, noLibrary = parts.Module, parts.NoModule
		return err
	}))
}

// bench is a mesh under test.
type bench struct {
	*mesh.Mesh
	profile *profile
	policy  string // a copy of testdata/policy.yaml that a test may change
}

// start runs a profile for the length of a test.
func start(t *testing.T, p *profile) *bench {
	t.Helper()
	return startInstances(t, p, 1, func(*envoy.Config) error { return nil })
}

// startInstances runs a profile with that many corsd, and with its configuration changed.
func startInstances(t *testing.T, p *profile, instances int, change func(*envoy.Config) error) *bench {
	t.Helper()
	return startMesh(t, p, mesh.Options{Instances: instances}, change)
}

// startPolicy runs it with other policies.
func startPolicy(t *testing.T, p *profile, policy string, instances int, change func(*envoy.Config) error) *bench {
	t.Helper()
	return startMesh(t, p, mesh.Options{Policy: policy, Instances: instances}, change)
}

// startMesh runs a profile with the options, and with its configuration changed. Without a policy in the options it is a
// copy of testdata/policy.yaml.
func startMesh(t *testing.T, p *profile, o mesh.Options, change func(*envoy.Config) error) *bench {
	t.Helper()
	if lacking != nil {
		t.Skip(lacking)
	}
	if p.inEnvoy && noLibrary != nil {
		t.Skip(noLibrary)
	}
	if binary.Version.Before(p.since) {
		t.Skipf("%s needs Envoy %v or later; this is %v", p.config, p.since, binary.Version)
	}
	config, err := configure(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := change(config); err != nil {
		t.Fatal(err)
	}
	if o.Policy == "" {
		o.Policy = copyPolicy(t)
	}
	o.Config = config
	return runMesh(t, p, o)
}

// runMesh starts a mesh with the options, and stops it at the end of the test.
func runMesh(t *testing.T, p *profile, o mesh.Options) *bench {
	t.Helper()
	b := &bench{profile: p, policy: o.Policy}
	if o.Envoy, o.Corsd = binary, corsd; p.inEnvoy {
		o.Module = library
	}
	var err error
	b.Mesh, err = mesh.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(b.Logs())
		}
	})
	return b
}

// configure returns a configuration as it is, with the additions, behind
// a proxy that terminates TLS, and with WebSockets over HTTP/2.
func configure(p *profile) (*envoy.Config, error) {
	config, err := envoy.LoadConfig(filepath.Join(root, "deploy", p.config))
	if err != nil {
		return nil, err
	}
	if p.filter != "" {
		text, err := os.ReadFile(filepath.Join("testdata", p.filter))
		if err != nil {
			return nil, err
		}
		if err := config.SetFilter("corsd", string(text)); err != nil {
			return nil, err
		}
	}
	for _, file := range []string{"additions.yaml", p.selectors} {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			return nil, err
		}
		if err := config.Add(text); err != nil {
			return nil, err
		}
	}
	return config, errors.Join(
		config.SetManager("xff_num_trusted_hops", "1"),
		config.SetManager("http2_protocol_options", "{ allow_connect: true }"))
}

func copyPolicy(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
