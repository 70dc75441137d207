// Package node finds Node.js and installs the npm packages that a test names, at
// the versions and with the hashes of its lock file.
package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/corsd/corsd/test/harness/process"
	"github.com/corsd/corsd/test/harness/tools"
)

// ErrMissing is the error if the machine has no Node.js.
var ErrMissing = errors.New("no Node.js with npm on PATH")

// Node is a Node.js with packages.
type Node struct {
	path string

	// Packages is the directory that has node_modules.
	Packages string
}

// Find returns the Node.js on PATH, with the packages of the package-lock.json in dir. If the packages are missing,
// Find installs them below root/.tools, and reports that on log.
func Find(ctx context.Context, root, dir string, log io.Writer) (Node, error) {
	path, missing := exec.LookPath("node")
	npm, missingToo := exec.LookPath("npm")
	if missing != nil || missingToo != nil {
		return Node{}, ErrMissing
	}
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return Node{}, err
	}
	packages, err := tools.Tool{
		Name:    fmt.Sprintf("npm-%.6x", sha256.Sum256(lock)),
		Whole:   installed,
		Fill:    func(ctx context.Context, into string) error { return install(ctx, npm, dir, into) },
		Filling: func(into string) { fmt.Fprintf(log, "installing npm packages into %s (once)\n", into) },
	}.Install(ctx, root)
	return Node{path, packages}, err
}

// Start runs a script.
func (n Node) Start(ctx context.Context, script string, args ...string) (*process.Process, error) {
	return process.Start(ctx, n.path, append([]string{script}, args...)...)
}

// installed reports whether npm has completed the installation: it then writes this file.
func installed(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	return err == nil
}

// install accepts only packages whose hashes are in the lock file, and runs no scripts of packages.
func install(ctx context.Context, npm, from, into string) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(into, name), text, 0o644); err != nil {
			return err
		}
	}
	ci := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
	ci.Dir = into
	if out, err := ci.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
}
