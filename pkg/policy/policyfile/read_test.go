package policyfile_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/corsd/corsd/internal/reload"
)

// files maps names to contents. A content that begins with "-> " is a link, one
// that is "fifo" or "dir" is that.
type files map[string]string

func (f files) write(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range f {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err != nil {
			t.Fatal(err)
		}
		switch target, link := strings.CutPrefix(content, "-> "); {
		case link:
			err = os.Symlink(target, path)
		case content == "fifo":
			err = syscall.Mkfifo(path, 0o600)
		case content == "dir":
			err = os.MkdirAll(path, 0o700)
		default:
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestFiles checks which files are read. The files here are not policies, so that the report has one
// line for each file that was read.
func TestFiles(t *testing.T) {
	const wrong = "[]"
	tests := []struct {
		name  string
		files files
		paths []string
		want  []string // names of read files, or the line of the report
	}{
		{"a directory has its YAML and JSON files, sorted", files{"b.yaml": wrong, "a.yml": wrong, "c.json": wrong, "d.txt": wrong, "e.yaml.bak": wrong}, []string{"."}, []string{"a.yml", "b.yaml", "c.json"}},
		{"directories within it are not read", files{"a.yaml": wrong, "sub/b.yaml": wrong, "c.yaml": "dir", "d.yaml": "-> sub"}, []string{"."}, []string{"a.yaml"}},
		{"hidden files are not read", files{".a.yaml": wrong, "b.yaml": wrong}, []string{"."}, []string{"b.yaml"}},
		{"unless they are named", files{".a.yaml": wrong, "policy": wrong}, []string{".a.yaml", "policy"}, []string{".a.yaml", "policy"}},
		{"the links of a mounted ConfigMap are read once", files{"..2026_11_23/p.yaml": wrong, "..data": "-> ..2026_11_23", "p.yaml": "-> ..data/p.yaml"}, []string{"."}, []string{"p.yaml"}},
		{"a file is read once", files{"a.yaml": wrong, "b.yaml": "-> a.yaml"}, []string{"b.yaml", ".", "a.yaml", "./a.yaml"}, []string{"a.yaml"}},
		{"files are sorted whatever the order of paths", files{"a/x.yaml": wrong, "b/x.yaml": wrong}, []string{"b", "a"}, []string{"a/x.yaml", "b/x.yaml"}},
		{"a file that is missing is reported", files{"a.yaml": wrong}, []string{"b.yaml", "a.yaml"}, []string{"a.yaml", "b.yaml: cannot be read: no such file or directory (source_unreadable); hint: a file or directory that is there"}},
		{"a link that leads nowhere is reported", files{"a.yaml": "-> b.yaml"}, []string{"."}, []string{"a.yaml: cannot be read: no such file or directory (source_unreadable); hint: a file or directory that is there"}},
		{"a FIFO is not waited for", files{"a.yaml": "fifo"}, []string{".", "a.yaml"}, []string{"a.yaml: cannot be read: not a regular file (source_unreadable); hint: a regular file, or a directory of them"}},
		{"an empty directory has no policy", files{}, []string{"."}, []string{".: there is no CORSPolicy (no_policies); hint: a document of kind CORSPolicy"}},
		{"empty files neither", files{"a.yaml": "", "b.json": ""}, []string{"a.yaml", "b.json"}, []string{"there is no CORSPolicy (no_policies); hint: a document of kind CORSPolicy"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := test.files.write(t)
			var paths []string
			for _, p := range test.paths {
				paths = append(paths, dir+"/"+p)
			}
			report := loadInTime(t, paths)
			var got []string
			for _, d := range report.Faults {
				line := strings.TrimPrefix(d.String(), dir+"/")
				if name, _, found := strings.Cut(line, ":1:1: is a list"); found {
					line = name
				}
				got = append(got, line)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("read %q, want %q", got, test.want)
			}
			if report.Hash == "" {
				t.Error("there is no hash")
			}
		})
	}
}

func loadInTime(t *testing.T, paths []string) *reload.Report {
	t.Helper()
	done := make(chan *reload.Report, 1)
	go func() { done <- reload.Load(paths) }()
	select {
	case report := <-done:
		return report
	case <-time.After(30 * time.Second):
		t.Fatal("Load does not return")
		return nil
	}
}

// TestHash checks that the hash depends on names and contents, and not on their order.
func TestHash(t *testing.T) {
	dir := files{"a.yaml": "x", "b.yaml": "y", "c/a.yaml": "x"}.write(t)
	hash := func(names ...string) string {
		for i, name := range names {
			names[i] = filepath.Join(dir, name)
		}
		return reload.Load(names).Hash
	}
	both := hash("a.yaml", "b.yaml")
	if len(both) != 64 {
		t.Errorf("hash = %q, want 64 digits", both)
	}
	for name, other := range map[string]string{
		"the other order": hash("b.yaml", "a.yaml"), "the directory": hash("."), "a file twice": hash("a.yaml", "b.yaml", "a.yaml"),
	} {
		if other != both {
			t.Errorf("%s has another hash", name)
		}
	}
	before := hash("a.yaml")
	for name, other := range map[string]string{"another name": hash("c/a.yaml"), "fewer files": hash("b.yaml"), "no file": hash("none.yaml")} {
		if other == both || other == before {
			t.Errorf("%s has the same hash", name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("z"), 0o600); err != nil {
		t.Fatal(err)
	}
	if hash("a.yaml") == before {
		t.Error("another content has the same hash")
	}
}

// TestGoodFiles loads files that have nothing wrong, one by one and all together.
func TestGoodFiles(t *testing.T) {
	paths, err := filepath.Glob("testdata/good/*")
	if err != nil || len(paths) < 5 {
		t.Fatalf("files %v, error %v", paths, err)
	}
	for _, path := range append(paths, "testdata/good") {
		report := reload.Load([]string{path}, today)
		if len(report.Faults)+len(report.Warnings) > 0 || report.Engine == nil {
			t.Errorf("%s:\n%s", path, text(t, report))
		}
	}
}
