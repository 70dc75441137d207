package conformance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/node"
	"github.com/corsd/corsd/test/harness/process"
	"github.com/corsd/corsd/test/harness/tools"
)

// The npm package cors in Express, beside the policies of docs/from-express.md: the
// page is the table.
func TestExpress(t *testing.T) {
	if parts.Lacking != nil {
		t.Skip(parts.Lacking)
	}
	runtime, err := node.Find(t.Context(), parts.Root, "testdata/express", os.Stderr)
	if errors.Is(err, node.ErrMissing) && !tools.Complete() {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	o := other{name: "express", title: "expressjs/cors", configs: fromExpress(t), reasons: expressReasons()}
	o.version = packageVersions(t)
	o.cluster = startExpress(t, runtime, o.configs)
	o.hosts = o.plainHost
	results := o.run(t)
	o.publish(t, results)
	if !t.Failed() {
		publishPart(t, "docs/from-express.md", "differences", o.differences(results, true))
	}
}

// packageVersions reads what package.json pins.
func packageVersions(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/express/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Dependencies struct{ CORS, Express string }
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("the npm package cors %s in Express %s", manifest.Dependencies.CORS, manifest.Dependencies.Express)
}

// fromExpress reads the pairs of JavaScript and YAML below the headings of the page.
func fromExpress(t *testing.T) []config {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts.Root, "docs", "from-express.md"))
	if err != nil {
		t.Fatal(err)
	}
	var configs []config
	for _, section := range strings.Split(string(text), "\n#")[1:] {
		heading, body, _ := strings.Cut(section, "\n")
		heading = strings.TrimLeft(heading, "# ")
		c := config{
			name: pageAnchor(heading), what: heading, lang: "js",
			said: fenced(body, "js"), spec: fenced(body, "yaml"),
		}
		if (c.said == "") != (c.spec == "") {
			t.Fatalf("docs/from-express.md: %s has JavaScript or YAML, but not both", heading)
		}
		if c.said != "" {
			configs = append(configs, c)
		}
	}
	if len(configs) < 20 {
		t.Fatalf("docs/from-express.md has %d pairs: the test does not find them", len(configs))
	}
	return configs
}

// fenced returns the first fenced block of a language.
func fenced(text, lang string) string {
	_, rest, _ := strings.Cut(text, "\n```"+lang+"\n")
	block, _, _ := strings.Cut(rest, "```")
	return block
}

// startExpress runs the server for the length of a test and returns its address.
func startExpress(t *testing.T, runtime node.Node, configs []config) string {
	t.Helper()
	snippets := map[string]string{}
	for _, c := range configs {
		snippets[c.name] = c.said
	}
	text, err := json.Marshal(snippets)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "snippets.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	server, err := runtime.Start(context.WithoutCancel(t.Context()), "testdata/express/server.mjs", runtime.Packages, file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(5 * time.Second); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(server.Output())
		}
	})
	return "127.0.0.1:" + firstLine(t, server)
}

func firstLine(t *testing.T, p *process.Process) (line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := p.Await(ctx, func(context.Context) error {
		lines := p.Lines()
		if len(lines) == 0 {
			return errors.New("it has printed nothing")
		}
		line = lines[0]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func expressReasons() []reason {
	return slices.Concat([]reason{
		{
			name:    "without a beginning",
			why:     "The expression takes every origin that ends so: names that others can register, and pages without TLS. The policy takes the domain and what is below it.",
			aspects: both, in: []string{"a-regular-expression-without-a-beginning"},
			when: func(d difference) bool {
				return d.is("that ends as the domain does", "with another byte for a dot", "without TLS") && d.stricter()
			},
		},
		{
			name: "`null` with credentials",
			why: "Any site can make a frame whose origin is `null`. corsd grants it credentials only where both `allowNullOrigin` and " +
				"`NullOriginWithCredentials` say so.",
			aspects: both, in: []string{"true-with-credentials"},
			when: func(d difference) bool { return d.is("`null`") && d.stricter() },
		},
		{
			name:    "`Block`",
			why:     "The error of the function makes Express answer 500. corsd's `Block` says 403.",
			aspects: []aspect{status}, in: []string{"a-function-that-fails"},
			when: func(d difference) bool { return d.refused() && d.ours == "403" },
		},
	}, because(
		"only preflights", "the application's own headers", "no origin", "not looked at", "default port", "many headers", "malformed wishes",
		"gateway's answers", "preflights first", "`Vary` of a preflight", "`Vary` for everyone", "`Vary: Origin`",
		"status of a refusal", "credentials beside a star", "silence", "a star for everyone",
	))
}
