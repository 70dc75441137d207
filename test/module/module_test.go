// Package module_test runs the dynamic module with sanitizers, in a stand-in for Envoy.
package module_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/tools"
)

// TestSanitized calls the hooks with random exchanges in several threads. The address sanitizer and that of undefined
// behaviour end the program at the first mistake in C, and for memory that is never freed.
func TestSanitized(t *testing.T) {
	root, err := mesh.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	skip := func(why string) {
		if tools.Complete() {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	sanitize := []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"}
	empty := filepath.Join(dir, "empty.c")
	if err := os.WriteFile(empty, []byte("int main(void) { return 0; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, dir, "cc", append(sanitize, empty, "-o", filepath.Join(dir, "empty"))...); err != nil {
		skip("needs a C compiler with sanitizers: " + out)
	}
	archive := filepath.Join(dir, "corsd.a")
	if out, err := run(t, root, "go", "build", "-asan", "-buildmode=c-archive", "-o", archive, "./cmd/corsd-module"); err != nil {
		t.Fatal(out)
	}
	program := filepath.Join(dir, "envoy")
	args := append(sanitize, "-Wall", "-I", filepath.Join(root, "cmd", "corsd-module"),
		filepath.Join(root, "test", "module", "testdata", "envoy.c"), archive, "-lpthread", "-o", program)
	if out, err := run(t, dir, "cc", args...); err != nil {
		t.Fatal(out)
	}
	policy := filepath.Join(root, "internal", "exchange", "exchangetest", "policy.yaml")
	out, err := run(t, dir, program, policy, "4", "20000")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n") // the last one is the number of decisions
	if n, err := strconv.Atoi(lines[len(lines)-1]); err != nil || n < 2*4*20000/2 {
		t.Errorf("%d decisions, %v: %s", n, err, out)
	}
}

func run(t *testing.T, dir, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
