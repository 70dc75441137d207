package corpus_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/conformance/corpus"
	"github.com/corsd/corsd/test/harness/mesh"
)

var record = flag.Bool("record", false, "write testdata/answers.txt again")

const (
	seeds    = 640 // some of their policies are refused
	cases    = 420
	answered = "testdata/answers.txt"
)

// TestAnswers compares corsd's decisions with recorded ones: a hash of the answers to the cases of
// each accepted policy.
func TestAnswers(t *testing.T) {
	root, err := mesh.Root()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := mesh.Build(t.Context(), root, t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if *record {
		var all strings.Builder
		for seed := range uint64(seeds) {
			if hash, err := answers(t, binary, seed); err == nil {
				fmt.Fprintf(&all, "%d %s\n", seed, hash)
			}
		}
		if err := os.WriteFile(answered, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(answered)
	if err != nil {
		t.Fatal(err)
	}
	recorded := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(recorded) < 500 {
		t.Fatalf("the answers to %d policies are recorded, want 500", len(recorded))
	}
	for _, line := range recorded {
		var seed uint64
		var want string
		if _, err := fmt.Sscan(line, &seed, &want); err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			if got, err := answers(t, binary, seed); err != nil || got != want {
				t.Errorf("the answers have changed: %s, want %s (%v)", got, want, err)
			}
		})
	}
}

// answers returns the hash of corsd's decisions of the cases of a seed.
func answers(t *testing.T, binary string, seed uint64) (string, error) {
	t.Helper()
	s := corpus.Make(seed, cases)
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(s.Policy), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "explain", "--policy", file, "--cases", "-")
	cmd.Stdin = strings.NewReader(s.Cases)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, stderr.String())
	}
	if n := bytes.Count(out, []byte("\n")); n != cases {
		t.Fatalf("seed %d: %d answers to %d cases", seed, n, cases)
	}
	sum := sha256.Sum256(out)
	return hex.EncodeToString(sum[:12]), nil
}
