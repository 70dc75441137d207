package main

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestCollect: each module that is in the binary has its licence, and so has Go.
func TestCollect(t *testing.T) {
	t.Chdir("../..")
	binary := filepath.Join(t.TempDir(), "corsd")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", binary, "./cmd/corsd")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if err := collect(to, []string{"-tags", "grpcnotrace", "./cmd/corsd"}); err != nil {
		t.Fatal(err)
	}
	modules := []string{"go", info.Main.Path}
	for _, m := range info.Deps {
		modules = append(modules, m.Path)
	}
	if len(modules) < 10 {
		t.Fatalf("the binary has %v", modules)
	}
	for _, m := range modules {
		found, err := filepath.Glob(filepath.Join(to, m, "LICENSE*"))
		if err != nil || len(found) == 0 {
			t.Errorf("%s: no licence, %v", m, err)
			continue
		}
		if text, err := os.ReadFile(found[0]); err != nil || !strings.Contains(strings.ToLower(string(text)), "copyright") {
			t.Errorf("%s: %q, %v", m, text, err)
		}
	}
	if _, err := os.Stat(filepath.Join(to, "github.com/prometheus/client_golang/NOTICE")); err != nil {
		t.Error(err)
	}
}

// TestCopyAll: code of others in a directory of its own, notices, and a module without a licence.
func TestCopyAll(t *testing.T) {
	root, to := t.TempDir(), t.TempDir()
	for _, name := range []string{
		"LICENSE", "license.go", "NOTICE.txt", "third/party/LICENCE.md", "third/party/deep/code.go", "unused/COPYING",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	deep := filepath.Join(root, "third/party/deep")
	if err := copyAll(to, source{module: "m.example/m", root: root, dirs: []string{root, deep}}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"LICENSE": true, "NOTICE.txt": true, "third/party/LICENCE.md": true, "license.go": false, "unused/COPYING": false,
	} {
		text, err := os.ReadFile(filepath.Join(to, "m.example/m", name))
		if (err == nil) != want || want && string(text) != name {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if err := copyAll(to, source{module: "m.example/none", root: filepath.Join(root, "third"), dirs: nil}); err == nil {
		t.Error("a module without a licence is let pass")
	}
}

// TestImageContext: the builder has every package of corsd that it compiles.
func TestImageContext(t *testing.T) {
	t.Chdir("../..")
	ignore, err := os.ReadFile(".dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	const own = `{{if .Module}}{{if .Module.Main}}{{.ImportPath}}{{end}}{{end}}`
	var packages []string
	for module, built := range map[string][]string{".": {"./cmd/corsd", "./deploy/licences"}, "test": {"./harness/app"}} {
		list := exec.Command("go", append([]string{"list", "-deps", "-f", own}, built...)...)
		list.Dir = module
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, strings.Fields(string(out))...)
	}
	if len(packages) < 5 {
		t.Fatalf("go list wrote %s", packages)
	}
	for _, path := range packages {
		_, dir, _ := strings.Cut(path, "/corsd/corsd/")
		included := false
		for line := range strings.Lines(string(ignore)) {
			part, found := strings.CutPrefix(strings.TrimSpace(line), "!")
			included = included || found && (dir == part || strings.HasPrefix(dir, part+"/"))
		}
		if !included {
			t.Errorf(".dockerignore leaves out %s", dir)
		}
	}
}

// TestImage: the image has them.
func TestImage(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	final := string(text)[strings.LastIndex(string(text), "\nFROM "):]
	if !strings.Contains(final, "COPY --from=build /out/licenses /licenses\n") {
		t.Errorf("no licences in %s", final)
	}
}
