package node_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/node"
)

// machine has a PATH with programs that are shell scripts, and a lock file.
func machine(t *testing.T, programs map[string]string) (manifests string) {
	t.Helper()
	bin, manifests := t.TempDir(), t.TempDir()
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":/bin:/usr/bin")
	if programs["node"] == "" { // which /usr/bin may have
		t.Setenv("PATH", bin)
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := os.WriteFile(filepath.Join(manifests, name), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return manifests
}

const npm = `echo "$@" >> "$0.calls"
[ -f package-lock.json ] && mkdir node_modules && touch node_modules/.package-lock.json
`

func TestFindInstallsOnce(t *testing.T) {
	manifests, root := machine(t, map[string]string{"node": "exit 0", "npm": npm}), t.TempDir()
	for range 2 {
		n, err := node.Find(t.Context(), root, manifests, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(n.Packages, "node_modules")); err != nil {
			t.Error(err)
		}
	}
	bin, _, _ := strings.Cut(os.Getenv("PATH"), ":")
	calls, err := os.ReadFile(filepath.Join(bin, "npm.calls"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(calls), "\n"); n != 1 || !strings.HasPrefix(string(calls), "ci --ignore-scripts ") {
		t.Errorf("npm was called so:\n%s", calls)
	}
}

func TestFindSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name     string
		programs map[string]string
		missing  bool
		want     string
	}{
		{"no Node.js", nil, true, "no Node.js"},
		{"npm fails", map[string]string{"node": "exit 0", "npm": "echo no such package; exit 1"}, false, "no such package"},
		{"npm installs nothing", map[string]string{"node": "exit 0", "npm": "exit 0"}, false, "lacks something"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			manifests, root := machine(t, tt.programs), t.TempDir()
			_, err := node.Find(t.Context(), root, manifests, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, node.ErrMissing) != tt.missing {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if left, _ := filepath.Glob(filepath.Join(root, ".tools", ".installing-*")); left != nil {
				t.Errorf("the failed installation left %s", left)
			}
		})
	}
}
