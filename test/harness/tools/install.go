// Package tools installs programs for tests under .tools/ of the source tree. `make clean` removes them.
package tools

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Tool is a directory of .tools/ that is filled once.
type Tool struct {
	Name string // of the directory; contains the version, so that each version has its own

	// Whole reports whether the directory is complete.
	Whole func(dir string) bool

	// Fill fills an empty directory.
	Fill func(ctx context.Context, dir string) error

	// Filling is called before Fill, to report the installation.
	Filling func(dir string)
}

// Install returns the tool's directory below root, and fills it if it is not complete. If several processes do so at
// once, one fills it and the others wait. The directory is always complete, because it is renamed into place.
func (t Tool) Install(ctx context.Context, root string) (string, error) {
	all := filepath.Join(root, ".tools")
	dir := filepath.Join(all, t.Name)
	if t.Whole(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(all, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, filepath.Join(all, ".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if t.Whole(dir) {
		return dir, nil
	}
	t.Filling(dir)
	return dir, t.fill(ctx, dir)
}

func (t Tool) fill(ctx context.Context, dir string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".installing-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := t.Fill(ctx, tmp); err != nil {
		return err
	}
	if !t.Whole(tmp) {
		return fmt.Errorf("%s lacks something after its installation", t.Name)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil { // it may exist but be incomplete
		return err
	}
	return os.Rename(tmp, dir)
}

// Complete reports whether the environment variable CORSD_TEST_COMPLETE is set. If it is, no test may
// be skipped because a program is missing on this machine.
func Complete() bool { return os.Getenv("CORSD_TEST_COMPLETE") != "" }
