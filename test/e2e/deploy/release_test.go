package deploy_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/envoy"
)

// The Makefile, the Dockerfile and goreleaser build corsd with the same flags, except for the revision, which `make build`
// takes from the repository.
func TestBuildFlagsAgree(t *testing.T) {
	flags := regexp.MustCompile(`-tags,? grpcnotrace|-trimpath|-s -w|-X github\.com/corsd/corsd/internal/cli\.\w+`)
	of := func(file string, line *regexp.Regexp) []string {
		found := flags.FindAllString(line.FindString(read(t, file)), -1)
		for i := range found {
			found[i] = strings.ReplaceAll(found[i], ",", "")
		}
		slices.Sort(found)
		return found
	}
	dockerfile := of("Dockerfile", regexp.MustCompile(`go build .* -o /out/corsd `))
	if len(dockerfile) != 5 {
		t.Fatalf("the Dockerfile builds with %q", dockerfile)
	}
	if got := of(".goreleaser.yaml", regexp.MustCompile(`(?s)builds:.*archives:`)); !slices.Equal(got, dockerfile) {
		t.Errorf("goreleaser builds with %q, the Dockerfile with %q", got, dockerfile)
	}
	withRevision := append(of("Makefile", regexp.MustCompile(`go build .* -o bin/corsd `)), "-X github.com/corsd/corsd/internal/cli.revision")
	slices.Sort(withRevision)
	if !slices.Equal(withRevision, dockerfile) {
		t.Errorf("make build builds with %q, the Dockerfile with %q", withRevision, dockerfile)
	}
}

// Every target that the workflows call is in the Makefile, and every script exists.
func TestWorkflowsCallWhatExists(t *testing.T) {
	makefile := read(t, "Makefile")
	paths, err := filepath.Glob(root + ".github/workflows/*.yml")
	if err != nil || len(paths) < 2 {
		t.Fatalf("workflows %q, %v", paths, err)
	}
	called := 0
	for _, path := range paths {
		text := read(t, strings.TrimPrefix(filepath.ToSlash(path), root))
		for _, list := range regexp.MustCompile(`(?:make |target: \[)([a-z][a-z, -]+)`).FindAllStringSubmatch(text, -1) {
			for _, target := range strings.Split(list[1], ",") {
				called++
				target, _, _ = strings.Cut(strings.TrimSpace(target), " ")
				if !strings.Contains(makefile, "\n"+target+":") {
					t.Errorf("%s calls make %s, which the Makefile does not have", path, target)
				}
			}
		}
		for _, script := range regexp.MustCompile(`(?:^|\s)(deploy/release/[a-z-]+|\.ci/run)`).FindAllStringSubmatch(text, -1) {
			called++
			if _, err := exec.LookPath(root + script[1]); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if called < 4 {
		t.Errorf("the workflows call %d targets and scripts: the test does not find them", called)
	}
}

// The image of the lab has the Envoy of the tests, and compose publishes its port on this machine alone.
func TestLabImage(t *testing.T) {
	dockerfile := read(t, "Dockerfile")
	if from := "FROM envoyproxy/envoy:distroless-v" + envoy.Pinned().String() + " AS lab\n"; !strings.Contains(dockerfile, from) {
		t.Errorf("the Dockerfile has not %q", from)
	}
	listens := regexp.MustCompile(`"-listen", "0\.0\.0\.0:(\d+)"`).FindStringSubmatch(dockerfile)
	if listens == nil {
		t.Fatal("the lab has no fixed port")
	}
	for file, want := range map[string]string{
		"docker-compose.yml": "127.0.0.1:" + listens[1] + ":" + listens[1], "docs/lab.md": "localhost:" + listens[1],
		"README.md": "localhost:" + listens[1],
	} {
		if !strings.Contains(read(t, file), want) {
			t.Errorf("%s does not have %s", file, want)
		}
	}
}
