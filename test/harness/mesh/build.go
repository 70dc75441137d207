package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// product is a line of go.mod in the root of the source tree. The modules of the tests are below it.
const product = "module github.com/corsd/corsd\n"

// Root returns the root of the source tree: the nearest directory above the working directory with the go.mod of corsd.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.Contains(string(text), product) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the working directory is not in corsd's source tree: " +
				"there is no go.mod of corsd in it or above it")
		}
		dir = parent
	}
}

// ErrNoCompiler means that the dynamic module cannot be built here.
var ErrNoCompiler = errors.New("the dynamic module needs a C compiler (CGO_ENABLED=1) and Linux")

// BuildModule builds the dynamic module from the source tree at root into dir, as [Build] builds corsd. The
// environment variable CORSD_MODULE names one that exists.
func BuildModule(ctx context.Context, root, dir string) (string, error) {
	if path := os.Getenv("CORSD_MODULE"); path != "" {
		return path, nil
	}
	out, err := exec.CommandContext(ctx, "go", "env", "CGO_ENABLED", "GOOS").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	if strings.Join(strings.Fields(string(out)), " ") != "1 linux" {
		return "", ErrNoCompiler
	}
	library := filepath.Join(dir, "libcorsd.so")
	build := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-o", library, "./cmd/corsd-module")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/corsd-module: %w\n%s", err, out)
	}
	return library, nil
}

// Build builds corsd from the source tree at root into dir, with the dependencies of its own module. It reports that on
// log and returns the path of the binary. If the environment variable CORSD names a binary, it returns that path
// and builds nothing.
func Build(ctx context.Context, root, dir string, log io.Writer) (string, error) {
	if path := os.Getenv("CORSD"); path != "" {
		return path, nil
	}
	fmt.Fprintln(log, "building corsd")
	binary := filepath.Join(dir, "corsd")
	// The same flags as for the image.
	build := exec.CommandContext(ctx, "go", "build", "-tags", "grpcnotrace", "-o", binary, "./cmd/corsd")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/corsd: %w\n%s", err, out)
	}
	return binary, nil
}
