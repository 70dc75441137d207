package docs_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/mem"

	"github.com/corsd/corsd/internal/limits"
)

// size is a row of the table of sizes.
type size struct {
	memory                      string
	streams, conns, maxRequests int
}

func sizes(t *testing.T) (all []size) {
	t.Helper()
	for _, row := range rows(readPage(t, "docs/operations.md").section(t, "## Sizing")) {
		number := func(cell string) int {
			n, err := strconv.Atoi(strings.ReplaceAll(cell, ",", ""))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		memory, _, _ := strings.Cut(row[0], " ")
		all = append(all, size{memory, number(row[1]), number(row[2]), number(row[3])})
	}
	return all
}

// quantity reads a quantity of memory as Kubernetes writes it.
func quantity(t *testing.T, text string) int64 {
	t.Helper()
	shift := map[string]int{"Mi": 20, "Gi": 30}[text[len(text)-2:]]
	n, err := strconv.ParseInt(text[:len(text)-2], 10, 64)
	if err != nil || shift == 0 {
		t.Fatalf("%q is not a quantity of memory", text)
	}
	return n << shift
}

// docs/operations.md has the bounds that corsd derives. One connection may use the whole bound of all Envoys.
func TestSizes(t *testing.T) {
	for _, s := range sizes(t) {
		l := limits.New(limits.Config{
			Memory: quantity(t, s.memory), Buffers: mem.NopBufferPool{},
			Observe: func(limits.Event) {}, Logger: slog.New(slog.DiscardHandler),
		})
		if s.streams != int(l.MaxStreams()) || s.conns != l.MaxConns() {
			t.Errorf("the page has %+v, corsd %d streams and %d connections", s, l.MaxStreams(), l.MaxConns())
		}
		if one := s.streams * 8 / 9; s.maxRequests > one || s.maxRequests < one*9/10 {
			t.Errorf("%s: max_requests is %d, and one connection gets %d streams", s.memory, s.maxRequests, one)
		}
	}
}

// The Deployment's memory limit is one of those sizes, and Envoy's configurations agree with it.
func TestDeployIsSized(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, "deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	memory := regexp.MustCompile(`limits: \{ memory: (\w+) \}`).FindStringSubmatch(read("k8s/deployment.yaml"))
	if memory == nil {
		t.Fatal("the Deployment has no limit of memory")
	}
	var shipped size
	for _, s := range sizes(t) {
		if s.memory == memory[1] {
			shipped = s
		}
	}
	for _, name := range []string{"envoy.yaml", "envoy-lean.yaml", "envoy-ext-authz.yaml"} {
		breakers := regexp.MustCompile(`max_(?:pending_)?requests: (\d+)`).FindAllStringSubmatch(read(name), -1)
		if len(breakers) != 4 {
			t.Errorf("%s has %d breakers, want those of two priorities", name, len(breakers))
		}
		for _, b := range breakers {
			if b[1] != strconv.Itoa(shipped.maxRequests) {
				t.Errorf("%s: %s, and a corsd of %s serves %d", name, b[0], memory[1], shipped.maxRequests)
			}
		}
	}
	comment := regexp.MustCompile(`bounds from this: ([\d,]+) requests`).FindStringSubmatch(read("k8s/deployment.yaml"))
	if comment == nil || strings.ReplaceAll(comment[1], ",", "") != strconv.Itoa(shipped.streams) {
		t.Errorf("the Deployment's comment has %q, want %d requests", comment, shipped.streams)
	}
}
