// Package servetest is shared by the tests of serving: policies, logs, and peers that behave like
// Envoy or attack.
package servetest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The origins of two pages. A policy of [Allowing] allows one of them.
const (
	OldPage = "https://old.shop.example"
	NewPage = "https://new.shop.example"
)

// Allowing returns a policy that allows one origin.
func Allowing(origin string) string {
	return fmt.Sprintf(`apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: {name: shop}
spec:
  hosts: [api.shop.example]
  cors: {allowOrigins: ["%s"]}
`, origin)
}

// Write writes a file, and creates the directories above. It returns the path.
func Write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// PolicyFile returns the path of a file that allows OldPage.
func PolicyFile(t testing.TB) string {
	t.Helper()
	return Write(t, filepath.Join(t.TempDir(), "policy.yaml"), Allowing(OldPage))
}

// Rename moves a file.
func Rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// Link points a symbolic link to a target in one step.
func Link(t testing.TB, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path+".new"); err != nil {
		t.Fatal(err)
	}
	Rename(t, path+".new", path)
}

// ConfigMap writes a volume as the kubelet does: the files are links into ..data, which is a link
// to a directory with the content of a moment.
func ConfigMap(t testing.TB, dir, moment, policy string) {
	t.Helper()
	Write(t, filepath.Join(dir, moment, "policy.yaml"), policy)
	Link(t, moment, filepath.Join(dir, "..data"))
	if _, err := os.Lstat(filepath.Join(dir, "policy.yaml")); err != nil {
		Link(t, "..data/policy.yaml", filepath.Join(dir, "policy.yaml"))
	}
}
