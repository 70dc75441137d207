// Package page_test checks which responses a page can read, in real browsers, with the configurations of
// deploy/ and the built corsd.
package page_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/browser"
	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
)

// profile is one of the ways to put corsd into Envoy.
type profile struct {
	name   string
	config string        // in deploy/
	since  envoy.Version // the first Envoy that it works on

	inEnvoy bool // the dynamic module
}

var (
	requestResponse = &profile{"request_response", "envoy.yaml", envoy.Version{Major: 1, Minor: 37}, false}
	lean            = &profile{"lean", "envoy-lean.yaml", envoy.Version{Major: 1, Minor: 37}, false}
	extAuthz        = &profile{"ext_authz", "envoy-ext-authz.yaml", envoy.Version{Major: 1, Minor: 37}, false}
	module          = &profile{"module", "envoy-module.yaml", envoy.Version{Major: 1, Minor: 39}, true}

	profiles = []*profile{requestResponse, lean, extAuthz, module}
)

// transport is how browsers talk to Envoy.
type transport struct {
	name   string
	scheme string
	alpn   []string // nil without TLS
}

var (
	http1    = transport{"HTTP/1.1", "http", nil}
	http2    = transport{"HTTP/2 over TLS", "https", []string{"h2", "http/1.1"}}
	http1TLS = transport{"HTTP/1.1 over TLS", "https", []string{"http/1.1"}}

	transports = []transport{http1, http2, http1TLS}
)

// url makes a URL of host and path.
func (tr transport) url(hostAndPath string) string { return tr.scheme + "://" + hostAndPath }

// What all tests run.
var (
	root        string // the source tree
	binary      envoy.Binary
	corsd       string
	library     string // the dynamic module
	noLibrary   error  // the reason why there is none
	names       *browser.Names
	certificate *browser.Certificate
	browsers    = map[browser.Kind]browser.Browser{}

	// lacking has the reasons to skip tests, for browsers that are missing and may be.
	lacking = map[browser.Kind]error{}
)

func TestMain(m *testing.M) {
	flag.Parse()
	status := mesh.RunTests(m, prepare)
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func prepare(dir string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if root, err = mesh.Root(); err != nil {
		return err
	}
	if testing.Short() {
		return lackAll(errors.New("not with -short: needs real browsers and a real Envoy"))
	}
	if names, err = browser.NewNames(); err != nil {
		return err
	}
	certificate, err = browser.NewCertificate(dir, "*.shop.example", "*.third-party.example", "*.evil.example")
	if err != nil {
		return err
	}
	if err := startBrowsers(ctx); err != nil || len(browsers) == 0 {
		return err
	}
	parts, err := mesh.FindParts(dir, false)
	if err != nil {
		return err
	}
	if parts.Lacking != nil {
		return lackAll(parts.Lacking)
	}
	binary, corsd, library, noLibrary = parts.Envoy, parts.Corsd, parts.Module, parts.NoModule
	return servePages()
}

func lackAll(reason error) error {
	for _, k := range browser.Kinds() {
		lacking[k] = reason
	}
	return nil
}

// startBrowsers starts the browsers of this machine. Tests that need another one are skipped.
func startBrowsers(ctx context.Context) error {
	for _, k := range browser.Kinds() {
		b, err := k.Start(ctx, browser.Options{Names: names, Certificate: certificate})
		switch {
		case errors.Is(err, browser.ErrMissing):
			lacking[k] = err
			fmt.Fprintf(os.Stderr, "Without %s, whose tests are skipped: %v.\n", k, err)
		case err != nil:
			return err
		default:
			browsers[k] = b
		}
	}
	return nil
}

// end ends what prepare has started.
func end() error {
	var errs []error
	for _, b := range browsers {
		errs = append(errs, b.Close())
	}
	if names != nil {
		errs = append(errs, names.Close())
	}
	return errors.Join(errs...)
}

// inEach runs a test in each browser.
func inEach(t *testing.T, test func(t *testing.T, b browser.Browser)) {
	t.Helper()
	for _, k := range browser.Kinds() {
		t.Run(string(k), func(t *testing.T) {
			if lacking[k] != nil {
				t.Skip(lacking[k])
			}
			test(t, browsers[k])
		})
	}
}

// gateway is a mesh to which the names of URLs lead.
type gateway struct {
	*mesh.Mesh
	profile   *profile
	transport transport
	mirror    *mirror
}

// library returns the path of the dynamic module, "" for a profile without it. It skips the test if there is none.
func (p *profile) library(t *testing.T) string {
	t.Helper()
	switch {
	case !p.inEnvoy:
		return ""
	case noLibrary != nil:
		t.Skip(noLibrary)
	}
	return library
}

// through starts a profile for the length of a test.
func through(t *testing.T, p *profile, tr transport) *gateway {
	t.Helper()
	if len(browsers) == 0 {
		t.Skip(lacking[browser.Chromium])
	}
	if binary.Version.Before(p.since) {
		t.Skipf("%s needs Envoy %v or later; this is %v", p.config, p.since, binary.Version)
	}
	g := &gateway{profile: p, transport: tr, mirror: &mirror{}}
	config := shipped(t, p, tr, filepath.Join("..", "e2e", "testdata", "additions.yaml"), filepath.Join("testdata", "additions.yaml"))
	var err error
	g.Mesh, err = mesh.Start(t.Context(), mesh.Options{
		Envoy: binary, Config: config, Corsd: corsd, Module: p.library(t), Policy: filepath.Join("testdata", "policy.yaml"),
		Addresses: map[string]string{"127.0.0.1:8082": serve(t, g.mirror)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(g.Logs())
		}
	})
	lead(tr, g.Envoy.Address)
	return g
}

// shipped is a configuration of deploy/ with additions and, where the transport has
// it, TLS.
func shipped(t *testing.T, p *profile, tr transport, additions ...string) *envoy.Config {
	t.Helper()
	config, err := envoy.LoadConfig(filepath.Join(root, "deploy", p.config))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range additions {
		if err := config.Add([]byte(read(t, file))); err != nil {
			t.Fatal(err)
		}
	}
	withTLS(t, config, tr)
	return config
}

func withTLS(t *testing.T, config *envoy.Config, tr transport) {
	t.Helper()
	if tr.alpn == nil {
		return
	}
	if err := config.SetTLS(read(t, certificate.CertFile), read(t, certificate.KeyFile), tr.alpn...); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
