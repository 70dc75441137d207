package tools_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/tools"
)

func TestPinned(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "tools.mk"), []byte("# A_VERSION := v0\nA_VERSION := v1.2.3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := tools.Pinned(root, "A_VERSION"); got != "v1.2.3" || err != nil {
		t.Errorf("A_VERSION: %q, %v", got, err)
	}
	if _, err := tools.Pinned(root, "VERSION"); err == nil || !strings.Contains(err.Error(), "tools.mk does not set VERSION") {
		t.Errorf("VERSION: %v", err)
	}
	if _, err := tools.Pinned(filepath.Join(root, "none"), "A_VERSION"); err == nil {
		t.Error("without tools.mk: no error")
	}
}

// A program whose module cannot be downloaded is reported with what the go command says.
func TestBuildReports(t *testing.T) {
	program := tools.Program{Module: "corsd.invalid/none", Version: "v1.0.0", Package: "corsd.invalid/none"}
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOFLAGS", "-mod=mod")
	err := program.Build(t.Context(), filepath.Join(t.TempDir(), "none"))
	if err == nil || !strings.Contains(err.Error(), "module lookup disabled by GOPROXY=off") {
		t.Errorf("Build: %v", err)
	}
}
