package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/corsd/corsd/internal/servetest"
)

// TestServeSnapshot: a process that was killed is started again beside a bad policy. It serves the
// last good one, and reports that.
func TestServeSnapshot(t *testing.T) {
	t.Parallel()
	file, snapshot := servetest.PolicyFile(t), filepath.Join(t.TempDir(), "snapshot.yaml")
	s := startProcess(t, "--policy", file, "--snapshot", snapshot)
	s.eventually("the snapshot is written", func() bool { return s.metric("corsd_policy_snapshot_timestamp_seconds") != "0" })
	servetest.Write(t, file, "hello\n")
	s.eventually("the edit is refused", func() bool { return s.metric("corsd_policy_last_reload_successful") == "0" })
	if _, page := s.get("/readyz"); page != "ok\n" {
		t.Errorf("the process that has read the good policy says %q", page)
	}
	s.signal(syscall.SIGKILL)
	<-s.ended

	s = start(t, "--policy", file, "--snapshot", snapshot)
	conn := s.conn()
	if s.verdict(conn, servetest.OldPage) != "allow" || s.verdict(conn, servetest.NewPage) != "deny" {
		t.Error("the last good policy is not served")
	}
	line := `the policy is that of the snapshot ` + regexp.QuoteMeta(snapshot) + `, written 20\S+Z \(\S+s ago\): those of the source are refused, or not read yet\n`
	for path, body := range map[string]string{
		"/readyz": `ok\n` + line, "/readyz?verbose": `ok\n` + line + `live policy: [0-9a-f]{64} since .*\nrefused policy: [0-9a-f]{64}\n.*/policy.yaml:1:1: .*\n`,
	} {
		if status, page := s.get(path); status != 200 || !regexp.MustCompile("^"+body+"$").MatchString(page) {
			t.Errorf("%s: %d %q, want %q", path, status, page, body)
		}
	}
	if got := s.metric("corsd_policy_from_snapshot"); got != "1" {
		t.Errorf("from the snapshot: %s", got)
	}
	put(t, file, servetest.Allowing(servetest.NewPage))
	s.becomes(conn, servetest.NewPage, "allow")
	if _, page := s.get("/readyz"); page != "ok\n" {
		t.Errorf("with a good policy it says %q", page)
	}
	if got := s.metric("corsd_policy_from_snapshot"); got != "0" {
		t.Errorf("from the snapshot: %s", got)
	}
}

// TestSnapshotPaths: which paths a snapshot may not have, whatever links lead there.
func TestSnapshotPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	servetest.ConfigMap(t, dir+"/mounted", "..2026_11_23", servetest.Allowing(servetest.OldPage))
	servetest.Write(t, dir+"/one/policy.yaml", servetest.Allowing(servetest.OldPage))
	servetest.Write(t, dir+"/other/linked.yaml", servetest.Allowing(servetest.OldPage))
	servetest.Link(t, dir+"/other/linked.yaml", dir+"/one/linked.yaml")
	servetest.Link(t, "one", dir+"/link")
	rows := []struct {
		name, snapshot string
		policies       []string
		err            string // a part of it, "" if there is none
	}{
		{"beside the directory", "snapshot.yaml", []string{"mounted"}, ""},
		{"in another directory", "other/snapshot.yaml", []string{"mounted", "one"}, ""},
		{"in a directory that does not exist", "no/such/snapshot.yaml", []string{"one"}, ""},
		{"beside a policy file", "one/snapshot.yaml", []string{"one/policy.yaml"}, ""},
		{"in a directory whose name is longer", "one.d/snapshot.yaml", []string{"one"}, ""},
		{"a name that begins with dots", "..snapshot.yaml", []string{"one"}, ""},
		{"in the directory", "one/snapshot.yaml", []string{"mounted", "one"}, "is in the policy directory"},
		{"of another extension", "one/snapshot", []string{"one"}, "is in the policy directory"},
		{"below the directory", "one/state/snapshot.yaml", []string{"one"}, "is in the policy directory"},
		{"below a directory that does not exist", "no/such/snapshot.yaml", []string{"no"}, "is in the policy directory"},
		{"by a link to the directory", "link/snapshot.yaml", []string{"one"}, "is in the policy directory"},
		{"the directory by a link", "one/snapshot.yaml", []string{"link"}, "is in the policy directory"},
		{"where the link of a ConfigMap leads", "mounted/..2026_11_23/snapshot.yaml", []string{"mounted"}, "is in the policy directory"},
		{"a policy file", "one/policy.yaml", []string{"one/policy.yaml"}, "is a file of --policy"},
		{"a policy file by another path", "link/policy.yaml", []string{"one/policy.yaml"}, "is a file of --policy"},
		{"a policy file of a directory", "one/policy.yaml", []string{"one"}, "is a file of --policy"},
		{"a file that a link of the directory leads to", "other/linked.yaml", []string{"one"}, "is a file of --policy"},
		{"JSON", "snapshot.json", []string{"one"}, "a snapshot is YAML"},
		{"a directory", "other", []string{"one"}, "is not a regular file"},
	}
	for _, r := range rows {
		var policies []string
		for _, p := range r.policies {
			policies = append(policies, filepath.Join(dir, p))
		}
		err := checkSnapshot(dir+"/"+r.snapshot, policies)
		if r.err == "" && err != nil || r.err != "" && (err == nil || !strings.Contains(err.Error(), r.err)) {
			t.Errorf("%s: %v, want %q", r.name, err, r.err)
		}
	}
	if err := checkSnapshot("", []string{dir}); err != nil {
		t.Errorf("no snapshot: %v", err)
	}
	if err := checkSnapshot(os.DevNull, []string{dir}); err == nil {
		t.Error("a device may be a snapshot")
	}
}
