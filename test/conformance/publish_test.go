package conformance_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/envoy"
)

// publish writes what a run has shown into docs/, with -update, and else compares
// it with what stands there.
func (o other) publish(t *testing.T, results []result) {
	t.Helper()
	if t.Failed() {
		return
	}
	version := fmt.Sprintf("Compared with %s.\n\n", o.version)
	publishPart(t, "docs/conformance.md", o.name, version+o.summary(results)+"\n"+o.differences(results, false))
	publishFile(t, "test/conformance/testdata/requests/"+o.name+".md", o.details(results))
}

// publishFile writes a file of docs/, or compares it.
func publishFile(t *testing.T, name, text string) {
	t.Helper()
	if parts.Envoy.Version != envoy.Pinned() {
		t.Logf("this is Envoy %v, and the pages are those of %v: not compared", parts.Envoy.Version, envoy.Pinned())
		return
	}
	path := filepath.Join(parts.Root, filepath.FromSlash(name))
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(old), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("%s is not what the run has shown (-page +run; go test -C test ./conformance -update writes it again)\n%s", name, diff)
	}
}

// publishPart writes what stands between two comments of a page, or compares it.
func publishPart(t *testing.T, name, part, text string) {
	t.Helper()
	old, err := os.ReadFile(filepath.Join(parts.Root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	begin := "<!-- made: " + part + " -->\n"
	before, rest, found := strings.Cut(string(old), begin)
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		t.Fatalf("%s has no part %s", name, part)
	}
	publishFile(t, name, before+begin+text+"<!-- end -->"+after)
}

// summary is a table of how many answers of each configuration are of which class.
func (o other) summary(results []result) string {
	var b strings.Builder
	b.WriteString("| configuration |")
	for _, c := range classes {
		fmt.Fprintf(&b, " %s |", c)
	}
	b.WriteString("\n|---" + strings.Repeat("|---", len(classes)) + "|\n")
	for _, c := range o.configs {
		fmt.Fprintf(&b, "| [%s](../test/conformance/testdata/requests/%s.md#%s) |", c.what, o.name, pageAnchor(c.what))
		for _, kind := range classes {
			fmt.Fprintf(&b, " %d |", count(results, func(r result) bool { return r.config.name == c.name && r.class == kind }))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func count(results []result, is func(result) bool) (n int) {
	for _, r := range results {
		if is(r) {
			n++
		}
	}
	return n
}

// differences returns a table of the reasons, with the class of each. The common reasons are in another
// table, unless whole is set.
func (o other) differences(results []result, whole bool) string {
	var b strings.Builder
	b.WriteString("| difference | answers that differ by it | why |\n|---|---|---|\n")
	for i, why := range o.reasons {
		var with []string
		for _, c := range classes {
			if n := count(results, func(r result) bool { return r.reasons[i] == c }); n > 0 {
				with = append(with, fmt.Sprintf("%d %s", n, c))
			}
		}
		text := why.why
		if why.common && !whole {
			text = "[above](#what-differs)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", why.name, strings.Join(with, ", "), text)
	}
	return b.String()
}

// The page has each common reason once.
func TestCommonReasons(t *testing.T) {
	if parts.Lacking != nil {
		t.Skip(parts.Lacking)
	}
	var b strings.Builder
	b.WriteString("| difference | why |\n|---|---|\n")
	for _, r := range common() {
		fmt.Fprintf(&b, "| %s | %s |\n", r.name, r.why)
	}
	publishPart(t, "docs/conformance.md", "common", b.String())
}

// details is a page of its own: every request to every configuration.
func (o other) details(results []result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- Made by `go test -C test ./conformance -update`. -->\n# %s and corsd, request by request\n\n", o.title)
	fmt.Fprintf(&b, "How to read this, and what the differences are about: [conformance](../../../../docs/conformance.md#%s).\n", pageAnchor(o.title))
	for _, c := range o.configs {
		fmt.Fprintf(&b, "\n## %s\n\n```%s\n%s```\n\n```yaml\n%s```\n\n", c.what, c.lang, c.said, c.spec)
		fmt.Fprintf(&b, "| request | %s | corsd | for a browser | because of |\n|---|---|---|---|---|\n", o.title)
		var of []result
		for _, r := range results {
			if r.config.name == c.name {
				of = append(of, r)
			}
		}
		b.WriteString(o.rows(of))
	}
	return b.String()
}

// rows puts requests that were answered alike into one row.
func (o other) rows(results []result) string {
	var order []string
	requests := map[string][]string{}
	for _, r := range results {
		var why []string
		for _, i := range slices.Sorted(maps.Keys(r.reasons)) {
			why = append(why, o.reasons[i].name)
		}
		cells := fmt.Sprintf("%s | %s | %s | %s", r.request.say(r.theirs), r.request.say(r.ours), r.class, strings.Join(why, "; "))
		if requests[cells] == nil {
			order = append(order, cells)
		}
		requests[cells] = append(requests[cells], r.request.name)
	}
	var b strings.Builder
	for _, cells := range order {
		fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(requests[cells], "<br>"), cells)
	}
	return b.String()
}

// pageAnchor returns GitHub's anchor of a heading.
func pageAnchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, strings.ToLower(heading))
}
