package reload

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/internal/telemetry"
)

// TestRemovedPolicies: a reload that removes policies or hosts is logged with their names, whatever
// happened to the file.
func TestRemovedPolicies(t *testing.T) {
	t.Parallel()
	const message = "this reload removes policies or hosts"
	named := func(name, hosts string) string {
		names := strings.NewReplacer("name: shop", "name: "+name, "[api.shop.example]", "["+hosts+"]")
		return names.Replace(servetest.Allowing(servetest.OldPage))
	}
	for _, row := range []struct {
		name   string // a sentence
		before string
		after  string
		want   map[string]any // nil if nothing is removed
	}{
		{
			"a file is truncated", named("one", "one.example"), "",
			map[string]any{"policies": 1.0, "policyNames": []any{"one"}, "hosts": 1.0, "hostNames": []any{"one.example"}},
		},
		{
			"a file is cut between two documents",
			named("one", "one.example") + "---\n" + named("two", "'*.two.example'"), named("one", "one.example"),
			map[string]any{"policies": 1.0, "policyNames": []any{"two"}, "hosts": 1.0, "hostNames": []any{"*.two.example"}},
		},
		{
			"a policy loses a host", named("one", "one.example, two.example"), named("one", "one.example"),
			map[string]any{"policies": 0.0, "policyNames": nil, "hosts": 1.0, "hostNames": []any{"two.example"}},
		},
		{
			"a host moves to another policy", named("one", "one.example"), named("two", "one.example"),
			map[string]any{"policies": 1.0, "policyNames": []any{"one"}, "hosts": 0.0, "hostNames": nil},
		},
		{"a host is added", named("one", "one.example"), named("one", "one.example, two.example"), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			servetest.Write(t, dir+"/shop.yaml", servetest.Allowing(servetest.OldPage))
			servetest.Write(t, dir+"/more.yaml", row.before)
			log := &servetest.Log{}
			r := reloaderOf(dir, telemetry.New(telemetry.Build{}), slog.NewJSONHandler(log, nil))
			if !r.Start() || len(log.Entries(t, message)) > 0 {
				t.Fatalf("logged %s", log)
			}
			servetest.Write(t, dir+"/more.yaml", row.after)
			if !r.readNow(source.Changed) {
				t.Fatalf("refused: %s", log)
			}
			lines := log.Entries(t, message)
			if (len(lines) == 1) != (row.want != nil) || len(lines) > 1 {
				t.Fatalf("logged %v, want %v", lines, row.want)
			}
			for name, want := range row.want {
				if got := lines[0][name]; fmt.Sprint(got) != fmt.Sprint(want) || lines[0]["level"] != "WARN" {
					t.Errorf("%s is %v, want %v", name, got, want)
				}
			}
		})
	}
}

// TestRemovedNamesAreBounded: the log line has all the counts, but not all the names.
func TestRemovedNamesAreBounded(t *testing.T) {
	log := &servetest.Log{}
	removed := removal{policies: make([]string, maxNames+2), hosts: make([]string, maxNames)}
	removed.log(slog.New(slog.NewJSONHandler(log, nil)))
	line := log.Entries(t, "this reload removes policies or hosts")[0]
	policies, _ := line["policyNames"].([]any)
	hosts, _ := line["hostNames"].([]any)
	if line["policies"] != float64(maxNames+2) || len(policies) != maxNames+1 || len(hosts) != maxNames {
		t.Errorf("logged %v", line)
	}
	if last := policies[len(policies)-1]; last != "and 2 more" {
		t.Errorf("the last name is %v", last)
	}
}
