// Package deploy_test checks that the files of deploy/, docker-compose.yml and the Dockerfile agree with each other and
// with go.mod. It renders the Kubernetes manifests as kustomize does. It starts no server.
package deploy_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/test/harness/envoy"
)

// root is the source tree.
const root = "../../../"

type compose struct {
	Services map[string]struct {
		Image   string
		Volumes []string
	}
}

func TestComposeRunsTheEnvoyOfTheTests(t *testing.T) {
	const want = "envoyproxy/envoy:distroless-v"
	if got := loadCompose(t).Services["envoy"].Image; got != want+envoy.Pinned().String() {
		t.Errorf("docker-compose.yml runs %s; the tests run Envoy %v", got, envoy.Pinned())
	}
}

// Within compose the names of services are DNS names, which Envoy resolves.
func TestComposeHasTheServicesThatEnvoyCalls(t *testing.T) {
	services := loadCompose(t).Services
	addresses := regexp.MustCompile(`socket_address: \{ address: ([a-z]+),`).FindAllStringSubmatch(read(t, "deploy/envoy.yaml"), -1)
	if len(addresses) == 0 {
		t.Fatal("no address in envoy.yaml that is a name")
	}
	for _, address := range addresses {
		if _, ok := services[address[1]]; !ok {
			t.Errorf("envoy.yaml calls %s, which docker-compose.yml does not have", address[1])
		}
	}
}

func TestComposeMountsFilesThatExist(t *testing.T) {
	for name, service := range loadCompose(t).Services {
		for _, volume := range service.Volumes {
			path, _, _ := strings.Cut(volume, ":")
			if _, err := os.Stat(root + path); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !strings.HasSuffix(volume, ":ro") {
				t.Errorf("%s could write to %s", name, path)
			}
		}
	}
}

func TestDockerfileBuildsWithTheGoOfTheModule(t *testing.T) {
	module := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))
	image := regexp.MustCompile(`(?m)^FROM .*golang:(\S+) AS`).FindStringSubmatch(read(t, "Dockerfile"))
	if !slices.Equal(module[1:], image[1:]) {
		t.Errorf("go.mod says Go %v, the Dockerfile golang:%v", module[1:], image[1:])
	}
}

// What the images are built from is in the context that .dockerignore leaves.
func TestContextHasThePackages(t *testing.T) {
	var allowed []string
	for line := range strings.Lines(read(t, ".dockerignore")) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			allowed = append(allowed, path)
		}
	}
	for _, build := range []struct{ dir, pkg string }{
		{".", "./cmd/corsd"}, {".", "./deploy/licences"}, {"test", "./harness/app"}, {"test", "./demo"},
	} {
		list := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}", build.pkg)
		list.Dir = root + build.dir
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		for path := range strings.Lines(string(out)) {
			dir, own := strings.CutPrefix(strings.TrimSpace(path), "github.com/corsd/corsd/")
			in := func(folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") }
			if own && !slices.ContainsFunc(allowed, in) {
				t.Errorf("%s imports %s, which .dockerignore leaves out", build.pkg, dir)
			}
		}
	}
}

func loadCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	if err := yaml.Load([]byte(read(t, "docker-compose.yml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// read returns the text of a file of the source tree.
func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(root + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
