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

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/tools"
)

// TestSanitized calls the hooks with random exchanges in several threads, while the policies change. The sanitizers end
// the program at the first mistake in C: with addresses, with undefined behaviour, with memory that is never freed, or with
// memory that two threads of Envoy use at once. (They do not see what Go does in C's memory.)
func TestSanitized(t *testing.T) {
	for _, row := range []struct {
		name, sanitizers string
		build            []string // flags of go build
	}{
		{"addresses", "address,undefined", []string{"-asan"}},
		{"threads", "thread", nil},
	} {
		t.Run(row.name, func(t *testing.T) { testSanitized(t, "-fsanitize="+row.sanitizers, row.build) })
	}
}

func testSanitized(t *testing.T, sanitizers string, build []string) {
	root, err := mesh.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sanitize := []string{sanitizers, "-fno-sanitize-recover=all", "-g", "-O1"}
	needSanitizers(t, dir, sanitize)
	// With this flag, cgo also reports what Go does to the sanitizer of threads.
	t.Setenv("CGO_CFLAGS", sanitizers+" -g -O1")
	t.Setenv("CGO_LDFLAGS", sanitizers)
	archive := filepath.Join(dir, "corsd.a")
	args := append([]string{"build", "-buildmode=c-archive", "-o", archive}, build...)
	if out, err := run(t, root, "go", append(args, "./cmd/corsd-module")...); err != nil {
		t.Fatal(out)
	}
	program := filepath.Join(dir, "envoy")
	args = append(sanitize, "-Wall", "-I", filepath.Join(root, "cmd", "corsd-module"),
		filepath.Join(root, "test", "module", "testdata", "envoy.c"), archive, "-lpthread", "-o", program)
	if out, err := run(t, dir, "cc", args...); err != nil {
		t.Fatal(out)
	}
	policies, err := os.ReadFile(filepath.Join(root, "internal", "exchange", "exchangetest", "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	policy := servetest.Write(t, filepath.Join(dir, "policy.yaml"), string(policies))
	out, err := run(t, dir, program, policy, "4", "20000")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n") // the last one is the number of decisions
	if n, err := strconv.Atoi(lines[len(lines)-1]); err != nil || n < 2*4*20000/2 {
		t.Errorf("%d decisions, %v: %s", n, err, out)
	}
}

// needSanitizers skips a test if the C compiler lacks sanitizers.
func needSanitizers(t *testing.T, dir string, sanitize []string) {
	t.Helper()
	empty := servetest.Write(t, filepath.Join(dir, "empty.c"), "int main(void) { return 0; }\n")
	out, err := run(t, dir, "cc", append(sanitize, empty, "-o", filepath.Join(dir, "empty"))...)
	switch {
	case err == nil:
	case tools.Complete():
		t.Fatal(out)
	default:
		t.Skip("needs a C compiler with sanitizers: " + out)
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
