package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Root returns the project's directory: the next one up that has a go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not inside corsd's source tree: no go.mod here or above")
		}
		dir = parent
	}
}

// Build builds corsd from the source tree into dir, says so on log, and returns
// the binary's path. When the environment variable CORSD names a binary, that is
// it instead.
func Build(ctx context.Context, root, dir string, log io.Writer) (string, error) {
	if path := os.Getenv("CORSD"); path != "" {
		return path, nil
	}
	fmt.Fprintln(log, "building corsd")
	binary := filepath.Join(dir, "corsd")
	// As in the image.
	build := exec.CommandContext(ctx, "go", "build", "-tags", "grpcnotrace", "-o", binary, "./cmd/corsd")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/corsd: %w\n%s", err, out)
	}
	return binary, nil
}
