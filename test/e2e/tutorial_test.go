package e2e_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/test/harness/tools"
)

var update = flag.Bool("update", false, "write the output of the commands in docs/tutorial.md and docs/adopting.md again")

// TestTutorial runs the commands of each page that shows an Envoy. Both pages use the files of docs/examples/tutorial.
func TestTutorial(t *testing.T) {
	if lacking != nil {
		t.Skip(lacking)
	}
	if _, err := exec.LookPath("curl"); err != nil && !tools.Complete() {
		t.Skip(err)
	}
	for _, page := range []string{"docs/tutorial.md", "docs/adopting.md"} {
		t.Run(strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) { runPage(t, page) })
	}
}

// runPage runs the commands of a page in one shell, in order, and compares their output with the page. Its programs are
// corsd, the application and Envoy. The ports that the page names are replaced by free ones.
func runPage(t *testing.T, name string) {
	path := filepath.Join(root, name)
	sh := startShell(t)
	page := strings.Split(readFile(t, path), "\n")
	var now []string // the page, with the output of this run
	inBlock := false
	for len(page) > 0 {
		line := page[0]
		if !inBlock || line == "```" {
			inBlock = line == "```console"
			now, page = append(now, line), page[1:]
			continue
		}
		var c step
		c, page = cutStep(t, page)
		output := sh.run(t, c.text())
		if diff := cmp.Diff(c.output, output); diff != "" && !*update {
			t.Fatalf("%s: %s\n(-page +now; with -update this test writes it)\n%s", name, c.text(), diff)
		}
		now = append(append(now, c.lines...), output...)
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(now, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// step is a command of the page, which may have several lines, and the output that the page shows.
type step struct{ lines, output []string }

func (s step) text() string { return strings.TrimPrefix(strings.Join(s.lines, "\n"), "$ ") }

// cutStep returns the step at the start of a console block, and the lines after it. Indented lines continue a command.
func cutStep(t *testing.T, page []string) (s step, rest []string) {
	t.Helper()
	if !strings.HasPrefix(page[0], "$ ") {
		t.Fatalf("%q is not below a command", page[0])
	}
	n := 1
	for strings.HasPrefix(page[n], "    ") {
		n++
	}
	s.lines, rest = page[:n], page[n:]
	for rest[0] != "```" && !strings.HasPrefix(rest[0], "$ ") {
		s.output, rest = append(s.output, rest[0]), rest[1:]
	}
	return s, rest
}

// shell is a bash with the working directory, the programs and the variables of the tutorial.
type shell struct {
	stdin  io.Writer
	output chan string // lines
}

// endOfCommand is a line that the shell prints after each command.
const endOfCommand = "-- end of command --"

func startShell(t *testing.T) *shell {
	t.Helper()
	dir, programs := t.TempDir(), tutorialPrograms(t)
	gateway, admin, app, metrics := freePort(t), freePort(t), freePort(t), freePort(t)
	copyTutorial(t, dir, strings.NewReplacer("10000", gateway, "9901", admin, "8080", app))
	cmd := exec.CommandContext(t.Context(), "bash", "-s")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"), "NO_COLOR=1",
		"GATEWAY=127.0.0.1:"+gateway, "ADMIN=127.0.0.1:"+admin, "APP=127.0.0.1:"+app, "METRICS=127.0.0.1:"+metrics)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the cleanup ends the whole group
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := errors.Join(cmd.Start(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		reader.Close()
		if t.Failed() {
			t.Logf("Envoy:\n%s\ncorsd:\n%s", readFile(t, filepath.Join(dir, "envoy.log")), readFile(t, filepath.Join(dir, "corsd.log")))
		}
	})
	s := &shell{stdin: stdin, output: make(chan string)}
	go func() {
		defer close(s.output)
		for scanner := bufio.NewScanner(reader); scanner.Scan(); {
			select {
			case s.output <- scanner.Text():
			case <-t.Context().Done():
				return
			}
		}
	}()
	return s
}

// tutorialPrograms returns a directory with the programs envoy, corsd and app.
func tutorialPrograms(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "app"), "./harness/app")
	build.Dir = filepath.Join(root, "test")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, path := range map[string]string{"envoy": binary.Path, "corsd": corsd} {
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// copyTutorial copies the files of the tutorial into dir, with other ports.
func copyTutorial(t *testing.T, dir string, ports *strings.Replacer) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs", "examples", "tutorial", "*.yaml"))
	if err != nil || len(files) != 4 {
		t.Fatalf("the files of the tutorial: %q, %v", files, err)
	}
	for _, file := range files {
		text := ports.Replace(readFile(t, file))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// run returns the lines that a command prints, on both outputs.
func (s *shell) run(t *testing.T, command string) (lines []string) {
	t.Helper()
	if _, err := fmt.Fprintf(s.stdin, "%s\necho '%s'\n", command, endOfCommand); err != nil {
		t.Fatal(err)
	}
	timeout := time.After(30 * time.Second)
	for {
		select {
		case line, ok := <-s.output:
			if !ok {
				t.Fatalf("the shell ended at %s\n%s", command, strings.Join(lines, "\n"))
			}
			if line == endOfCommand {
				return lines
			}
			lines = append(lines, line)
		case <-timeout:
			t.Fatalf("%s does not end\n%s", command, strings.Join(lines, "\n"))
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// The tutorial's filter, cluster and virtual host are those of deploy/envoy.yaml, but for corsd's address.
func TestTutorialHasTheShippedConfiguration(t *testing.T) {
	load := func(path ...string) any {
		var tree any
		if err := yaml.Load([]byte(readFile(t, filepath.Join(append([]string{"..", ".."}, path...)...))), &tree); err != nil {
			t.Fatal(err)
		}
		return tree
	}
	shipped := load("deploy", "envoy.yaml")
	for _, file := range []string{"gateway-corsd.yaml", "gateway-strip.yaml"} {
		have := load("docs", "examples", "tutorial", file)
		for _, name := range []string{"corsd", "envoy.filters.http.jwt_authn"} {
			want, got := named(shipped, "typed_config", name), named(have, "typed_config", name)
			if diff := cmp.Diff(want, got); diff != "" || want == nil {
				t.Errorf("%s: the filter %s (-deploy +tutorial):\n%s", file, name, diff)
			}
		}
		want, got := named(shipped, "health_checks", "corsd"), named(have, "health_checks", "corsd")
		for _, field := range []string{"type", "load_assignment"} {
			delete(want, field)
			delete(got, field)
		}
		if diff := cmp.Diff(want, got); diff != "" || want == nil {
			t.Errorf("%s: the cluster (-deploy +tutorial):\n%s", file, diff)
		}
	}
	want, got := named(shipped, "domains", "shop"), named(load("docs", "examples", "tutorial", "gateway-strip.yaml"), "domains", "shop")
	for _, field := range []string{"response_headers_to_remove", "response_headers_to_add", "typed_per_filter_config"} {
		if want[field] == nil || !reflect.DeepEqual(want[field], got[field]) {
			t.Errorf("%s of the virtual host: %v, want %v", field, got[field], want[field])
		}
	}
}

// named returns the first mapping below node with this name and a field of this kind, nil if there is none.
func named(node any, field, name string) map[string]any {
	var below []any
	switch n := node.(type) {
	case map[string]any:
		if _, ok := n[field]; ok && n["name"] == name {
			return n
		}
		for _, value := range n {
			below = append(below, value)
		}
	case []any:
		below = slices.Clone(n)
	}
	for _, value := range below {
		if found := named(value, field, name); found != nil {
			return found
		}
	}
	return nil
}
