package manifest

import (
	"errors"
	"os"
	"path/filepath"
)

// Overlay writes a kustomization into a folder beside those of deploy/, as the comments there tell users to do, and
// returns the folder. Those of deploy/ are copied into dir.
func Overlay(root, dir, kustomization string) (folder string, err error) {
	folder = filepath.Join(dir, "mine")
	return folder, errors.Join(
		os.CopyFS(dir, os.DirFS(filepath.Join(root, "deploy"))),
		os.Mkdir(folder, 0o755),
		os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(kustomization), 0o644))
}
