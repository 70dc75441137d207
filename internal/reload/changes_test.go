package reload

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/internal/telemetry"
)

// document is a policy document of any kind.
func document(kind, name, spec string) string {
	return fmt.Sprintf("---\napiVersion: corsd.dev/v1alpha1\nkind: %s\nmetadata: {name: %s}\nspec: %s\n", kind, name, spec)
}

// TestChangedDocuments: a reload logs which documents it adds, removes and changes. Only their
// content counts.
func TestChangedDocuments(t *testing.T) {
	t.Parallel()
	shop := document("CORSPolicy", "shop", `{hosts: [a.example], cors: {allowOriginSets: [partners]}}`)
	partners := document("OriginSet", "partners", `{origins: ["https://p.example"]}`)
	defaults := document("CORSDefaults", "all", "{enforcement: Shadow}")
	other := document("CORSPolicy", "other", `{hosts: [b.example], cors: {allowOrigins: ["https://p.example"]}}`)
	for _, row := range []struct {
		name                    string // a sentence
		before, after           string
		added, removed, changed string
	}{
		{"a comment, the layout and the order change nothing", shop + partners, "# new\n" + partners +
			document("CORSPolicy", "shop", "\n  cors:\n    allowOriginSets:\n    - partners\n  hosts:\n  - a.example"), "", "", ""},
		{"a policy is added", shop + partners, shop + partners + other, "CORSPolicy other", "", ""},
		{"a policy is removed", shop + partners + other, shop + partners, "", "CORSPolicy other", ""},
		{"a policy changes", shop + partners, strings.Replace(shop, "a.example", "c.example", 1) + partners, "", "", "CORSPolicy shop"},
		{"an origin set changes", shop + partners, shop + strings.Replace(partners, "//p", "//q", 1), "", "", "OriginSet partners"},
		{
			"a list that is empty is not one that is unset", shop + partners,
			strings.Replace(shop, "}}", "}, rules: []}", 1) + partners, "", "", "CORSPolicy shop",
		},
		{"defaults are added, and with them all policies stay as they are", other, other + defaults, "CORSDefaults all", "", ""},
		{"defaults change", other + defaults, other + strings.Replace(defaults, "Shadow", "Block", 1), "", "", "CORSDefaults all"},
		{"a policy has another name", other, strings.Replace(other, "name: other", "name: another", 1), "CORSPolicy another", "CORSPolicy other", ""},
		{
			"all at once", shop + partners, other + strings.Replace(partners, "//p", "//q", 1) + defaults,
			"CORSDefaults all, CORSPolicy other", "CORSPolicy shop", "OriginSet partners",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			file := servetest.Write(t, dir+"/policy.yaml", row.before)
			log := &servetest.Log{}
			r := reloaderOf(dir, telemetry.New(telemetry.Build{}), slog.NewJSONHandler(log, nil))
			if !r.Start() {
				t.Fatalf("refused: %s", log)
			}
			servetest.Write(t, file, row.after)
			if !r.readNow(source.Changed) {
				t.Fatalf("refused: %s", log)
			}
			lines := log.Entries(t, "policy is live")
			if len(lines) != 1 {
				t.Fatalf("logged %v", lines)
			}
			for key, want := range map[string]string{"added": row.added, "removed": row.removed, "changed": row.changed} {
				if got := joined(lines[0][key]); got != want {
					t.Errorf("%s: %q, want %q", key, got, want)
				}
				if _, logged := lines[0][key]; logged != (want != "") {
					t.Errorf("%s is logged: %t", key, logged)
				}
			}
		})
	}
}

// joined joins the names of a log line with commas.
func joined(names any) string {
	var all []string
	list, _ := names.([]any)
	for _, name := range list {
		all = append(all, fmt.Sprint(name))
	}
	return strings.Join(all, ", ")
}

// TestChangedNamesAreBounded: a log line has 20 names of a kind, and the number of the others.
func TestChangedNamesAreBounded(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{maxNames: "n19", maxNames + 1: "and 1 more"} {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("n%02d", i)
		}
		got := bounded(names)
		if got[len(got)-1] != want || got[maxNames-1] != "n19" {
			t.Errorf("of %d names: %q", n, got)
		}
		if names[len(names)-1] != fmt.Sprintf("n%02d", n-1) {
			t.Error("the names were changed")
		}
	}
}

// TestRecoveryChanges: after a refused policy, changes are those since the policy that is live.
func TestRecoveryChanges(t *testing.T) {
	t.Parallel()
	one := document("CORSPolicy", "one", `{hosts: [a.example], cors: {allowOrigins: ["https://p.example"]}}`)
	file := servetest.Write(t, t.TempDir()+"/policy.yaml", one)
	log := &servetest.Log{}
	r := reloaderOf(file, telemetry.New(telemetry.Build{}), slog.NewJSONHandler(log, nil))
	if !r.Start() {
		t.Fatal("the policy is refused")
	}
	for _, text := range []string{"kind: CORSPolicy\n", one, "kind: CORSPolicy\n", strings.ReplaceAll(one, "one", "two")} {
		servetest.Write(t, file, text)
		r.readNow(source.Changed)
	}
	var got []string
	for _, line := range log.Entries(t, "policy is live") {
		got = append(got, joined(line["added"])+"; "+joined(line["removed"])+"; "+joined(line["changed"]))
	}
	if diff := cmp.Diff([]string{"; ; ", "CORSPolicy two; CORSPolicy one; "}, got); diff != "" {
		t.Error(diff)
	}
}

// TestExpiredSetsAreNamed: a set that expires is logged once, by whatever reload that is noticed.
func TestExpiredSetsAreNamed(t *testing.T) {
	t.Parallel()
	for _, cause := range []source.Cause{causeExpiry, source.Changed} {
		dir := t.TempDir()
		file := servetest.Write(t, dir+"/policy.yaml", expiring("2000-01-02"))
		synctest.Test(t, func(t *testing.T) { // at midnight UTC, 2000-01-01
			log := &servetest.Log{}
			r := reloaderOf(file, telemetry.New(telemetry.Build{}), slog.NewJSONHandler(log, nil))
			if !r.Start() {
				t.Fatal("the policy is refused")
			}
			time.Sleep(24 * time.Hour)
			servetest.Write(t, file, expiring("2000-01-02")+"# another text\n")
			if !r.readNow(cause) || !r.readNow(causeExpiry) {
				t.Fatal("the policy is refused")
			}
			lines := log.Entries(t, "origin sets have expired and grant nothing any more")
			if len(lines) != 1 || joined(lines[0]["originSets"]) != "partners" || lines[0]["level"] != "WARN" {
				t.Errorf("%s: logged %v", cause, lines)
			}
		})
	}
}

// TestStartIsLoggedByRun: the first policy is reported as live when requests can be served, and
// not when it was read.
func TestStartIsLoggedByRun(t *testing.T) {
	t.Parallel()
	log := &servetest.Log{}
	r := reloaderOf(servetest.PolicyFile(t), telemetry.New(telemetry.Build{}), slog.NewJSONHandler(log, nil))
	if !r.Start() || len(log.Entries(t, "policy is live")) > 0 {
		t.Fatalf("logged %s", log)
	}
	r.run(t)
	eventually(t, "it is logged", func() bool { return len(log.Entries(t, "policy is live")) == 1 })
	if line := log.Entries(t, "policy is live")[0]; line["cause"] != "start" || line["added"] != nil {
		t.Errorf("logged %v", line)
	}
}
