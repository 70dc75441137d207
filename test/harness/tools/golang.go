package tools

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Go is a program that is built from its Go module.
type Go struct {
	Package string // its import path, whose last part is the program's name
	Version string // the variable of tools.mk with the version
}

// Install returns the program's path below root. It builds the program if it is missing, and reports that on log.
func (g Go) Install(ctx context.Context, root string, log io.Writer) (string, error) {
	version, err := Pinned(root, g.Version)
	if err != nil {
		return "", err
	}
	name := filepath.Base(g.Package)
	dir, err := Tool{
		Name:  name + "-" + version,
		Whole: func(dir string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil },
		Fill: func(ctx context.Context, dir string) error {
			build := exec.CommandContext(ctx, "go", "install", g.Package+"@"+version)
			build.Dir = dir // outside of every module
			build.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
			if out, err := build.CombinedOutput(); err != nil {
				return fmt.Errorf("go install %s@%s: %w\n%s", g.Package, version, err, out)
			}
			return nil
		},
		Filling: func(dir string) { fmt.Fprintf(log, "building %s %s in %s (once)\n", name, version, dir) },
	}.Install(ctx, root)
	return filepath.Join(dir, name), err
}
