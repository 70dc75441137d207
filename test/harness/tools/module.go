package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
)

// Module returns the directory of a Go module's files in the module cache, and downloads them if they are missing.
func Module(ctx context.Context, path, version string) (dir string, err error) {
	var errors bytes.Buffer
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", path+"@"+version)
	download.Stderr = &errors
	out, err := download.Output() // with an error, too, the output is JSON
	var module struct{ Dir, Error string }
	if len(out) > 0 {
		if err := json.Unmarshal(out, &module); err != nil {
			return "", fmt.Errorf("go mod download -json %s@%s: %w", path, version, err)
		}
	}
	if err != nil || module.Error != "" {
		return "", fmt.Errorf("download %s@%s: %s%s", path, version, module.Error, errors.String())
	}
	return module.Dir, nil
}
