package reload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/policyfile"
)

var monday = time.Date(2026, time.November, 30, 12, 0, 0, 0, time.UTC)

// snapshotAt returns a snapshot in a directory that exists.
func snapshotAt(t *testing.T) Snapshot {
	t.Helper()
	return Snapshot{Path: filepath.Join(t.TempDir(), "snapshot.yaml"), Version: "v1.2.3", From: []string{"/etc/corsd"}}
}

// documentsOfText returns what a snapshot has of a policy file.
func documentsOfText(t *testing.T, text string) []byte {
	t.Helper()
	documents, err := documentsFor(&policyfile.Parse("p.yaml", []byte(text)).Config)
	if err != nil {
		t.Fatal(err)
	}
	return documents
}

// saved saves a policy in a snapshot.
func (s *Snapshot) saved(t *testing.T, text string, at time.Time) {
	t.Helper()
	if _, err := s.save(documentsOfText(t, text), at); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// gauge returns the value of a metric without labels.
func gauge(t *testing.T, m *telemetry.Metrics, name string) float64 {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue() + f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// TestSnapshotServes: whatever is wrong with the source at the start, the snapshot is served, and
// reported in the log, the state and the metrics, until the source is good.
func TestSnapshotServes(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name  string
		put   func(t *testing.T, dir string) // makes what the source reads
		fault string
	}{
		{"a file has faults", func(t *testing.T, dir string) { servetest.Write(t, dir+"/p.yaml", "hello\n") }, "(wrong_type)"},
		{"the policy is dangerous", func(t *testing.T, dir string) { servetest.Write(t, dir+"/p.yaml", servetest.Allowing("null")) }, "(origin_invalid)"},
		{"a file cannot be read", func(t *testing.T, dir string) { servetest.Link(t, "nowhere", dir+"/p.yaml") }, "(source_unreadable)"},
		{"the directory is empty", func(*testing.T, string) {}, "(no_policies)"},
		{"the directory is missing", func(t *testing.T, dir string) { servetest.Rename(t, dir, dir+".off") }, "(source_unreadable)"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir, s, log, m := t.TempDir(), snapshotAt(t), &servetest.Log{}, telemetry.New(telemetry.Build{})
			s.saved(t, servetest.Allowing(servetest.OldPage), monday)
			row.put(t, dir)
			r := reloaderOf(dir, m, slog.NewJSONHandler(log, nil))
			r.UseSnapshot(s)
			if !r.Start() || r.verdict() != "allow" {
				t.Fatalf("the snapshot is not served:\n%s", log)
			}
			line := log.Entries(t, "policy refused; the policy of the snapshot is live")
			if len(line) != 1 || line[0]["level"] != "ERROR" || line[0]["snapshot"] != s.Path || line[0]["written"] != "2026-11-30T12:00:00Z" || line[0]["age"] == "" {
				t.Errorf("logged %v", line)
			}
			if faults := log.Entries(t, "policy fault"); len(faults) != 1 || !strings.Contains(fmt.Sprint(faults[0]["diagnostic"]), row.fault) {
				t.Errorf("logged faults %v, want %s", faults, row.fault)
			}
			var page strings.Builder
			r.State().WriteSnapshot(&page)
			if want := regexp.MustCompile(`^the policy is that of the snapshot ` + regexp.QuoteMeta(s.Path) + `, written 2026-11-30T12:00:00Z \(\d\S*s ago\): those of the source are refused, or not read yet\n$`); !want.MatchString(page.String()) {
				t.Errorf("/readyz says %q", page.String())
			}
			for name, want := range map[string]float64{
				"corsd_policy_from_snapshot": 1, "corsd_policy_snapshot_timestamp_seconds": float64(monday.Unix()), "corsd_policies": 1,
				"corsd_policy_last_reload_successful": 0, "corsd_policy_last_reload_success_timestamp_seconds": 0, "corsd_policy_snapshot_write_failures_total": 0,
			} {
				if got := gauge(t, m, name); got != want {
					t.Errorf("%s is %v, want %v", name, got, want)
				}
			}
			before := read(t, s.Path)
			r.run(t)
			eventually(t, "logged as live", func() bool { return len(log.Entries(t, "policy is live")) == 1 })
			if cause := log.Entries(t, "policy is live")[0]["cause"]; cause != "start from the snapshot" {
				t.Errorf("the cause is %v", cause)
			}
			if read(t, s.Path) != before {
				t.Error("the snapshot was written although no policy was good")
			}
			_ = os.Remove(dir + "/p.yaml") // it may be a link
			servetest.Write(t, dir+"/p.yaml", servetest.Allowing(servetest.NewPage))
			eventually(t, "the good policy is live", func() bool { return r.verdict() == "deny" && r.State().Snapshot == "" })
			eventually(t, "the snapshot has it", func() bool { return strings.Contains(read(t, s.Path), servetest.NewPage) })
			if got := gauge(t, m, "corsd_policy_from_snapshot"); got != 0 {
				t.Errorf("from the snapshot: %v", got)
			}
		})
	}
}

// TestSnapshotRefused: with a snapshot that cannot be served, a start fails as without one, and a line
// reports why.
func TestSnapshotRefused(t *testing.T) {
	t.Parallel()
	good := servetest.Allowing(servetest.OldPage)
	// of returns a snapshot with other documents, and their checksum.
	of := func(text string) func(t *testing.T, s Snapshot) {
		return func(t *testing.T, s Snapshot) { servetest.Write(t, s.Path, string(s.encode([]byte(text), monday))) }
	}
	edited := func(change func(string) string) func(t *testing.T, s Snapshot) {
		return func(t *testing.T, s Snapshot) {
			s.saved(t, good+"---\n"+strings.NewReplacer("shop}", "more}", "api.", "more.").Replace(good), monday)
			servetest.Write(t, s.Path, change(read(t, s.Path)))
		}
	}
	rows := []struct {
		name string
		put  func(t *testing.T, s Snapshot)
		err  string // a regular expression
	}{
		{"it is missing", func(*testing.T, Snapshot) {}, "no such file or directory$"},
		{"it is empty", edited(func(string) string { return "" }), "^it has no header of corsd"},
		{"it is an ordinary policy", edited(func(string) string { return good }), "^it has no header of corsd"},
		{"its header is cut off", edited(func(s string) string { return s[:strings.Index(s, "# sha256")] }), "^it has no header of corsd"},
		{"it is cut off between documents", edited(func(s string) string { return s[:strings.Index(s, "---")] }), "^it does not have the SHA-256 of its header"},
		{"it is cut off in a document", edited(func(s string) string { return s[:len(s)-20] }), "^it does not have the SHA-256 of its header"},
		{"a byte is changed", edited(func(s string) string { return strings.Replace(s, "old.shop", "odd.shop", 1) }), "^it does not have the SHA-256 of its header"},
		{"a newer version wrote it: a field", of(strings.Replace(good, "spec:", "spec:\n  newField: 1", 1)), `^faults: 1, the first is \S*snapshot.yaml:\d+:3: spec.newField: is not a field here \(unknown_field\)`},
		{"a newer version wrote it: a kind", of(good + "---\n" + strings.Replace(good, "CORSPolicy", "CORSRoute", 1)), `\(unknown_kind\)`},
		{"a newer version wrote it: a version", of(strings.Replace(good, "v1alpha1", "v1", 1)), `\(unknown_version\)`},
		{"its policy is refused", of(servetest.Allowing("null")), `\(origin_invalid\)`},
		{"it has no policy", of(""), `\(no_policies\)`},
		{"it is a directory", func(t *testing.T, s Snapshot) { servetest.Write(t, s.Path+"/x", "") }, "^it is not a regular file$"},
		{"it is larger than a policy file", func(t *testing.T, s Snapshot) {
			servetest.Write(t, s.Path, "")
			if err := os.Truncate(s.Path, policyfile.MaxFileBytes+1); err != nil {
				t.Fatal(err)
			}
		}, "^more than 16777216 bytes in one file$"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s, log, m := snapshotAt(t), &servetest.Log{}, telemetry.New(telemetry.Build{})
			row.put(t, s)
			r := reloaderOf(servetest.Write(t, t.TempDir()+"/p.yaml", "hello\n"), m, slog.NewJSONHandler(log, nil))
			r.UseSnapshot(s)
			if r.Start() || r.Engine() != nil || r.State().Snapshot != "" {
				t.Fatalf("a policy is live:\n%s", log)
			}
			if len(log.Entries(t, "policy refused; no policy is live")) != 1 || len(log.Entries(t, "policy fault")) != 1 {
				t.Errorf("not the error of a start without a snapshot:\n%s", log)
			}
			line := log.Entries(t, "the snapshot cannot be served either")
			if len(line) != 1 || line[0]["snapshot"] != s.Path || !regexp.MustCompile(row.err).MatchString(fmt.Sprint(line[0]["error"])) {
				t.Errorf("logged %v, want %s", line, row.err)
			}
			if got := gauge(t, m, "corsd_policy_from_snapshot"); got != 0 {
				t.Errorf("from the snapshot: %v", got)
			}
		})
	}
}

// TestSnapshotExpiry: a set that has expired since the snapshot was written grants nothing, and one
// that expires later does so on its date.
func TestSnapshotExpiry(t *testing.T) {
	t.Parallel()
	s, bad := snapshotAt(t), servetest.Write(t, t.TempDir()+"/p.yaml", "hello\n")
	synctest.Test(t, func(t *testing.T) { // at midnight UTC, 2000-01-01
		s.saved(t, expiring("2000-01-03"), time.Now())
		for _, want := range []string{"allow", "allow", "deny", "deny"} {
			r := reloaderOf(bad, telemetry.New(telemetry.Build{}), slog.DiscardHandler)
			r.UseSnapshot(s)
			if !r.Start() || r.verdict() != want {
				t.Errorf("started at %s: %s, want %s", time.Now().UTC(), r.verdict(), want)
			}
			time.Sleep(24 * time.Hour)
			if r.readNow(causeExpiry); !time.Now().Before(time.Date(2000, 1, 3, 0, 0, 0, 0, time.UTC)) && r.verdict() != "deny" {
				t.Errorf("a day later the set has not expired: %s", time.Now().UTC())
			}
		}
	})
}

// TestSnapshotWritten: a good policy is written once, with mode 0600 and a header, and a refused one
// never.
func TestSnapshotWritten(t *testing.T) {
	t.Parallel()
	s, log, m := snapshotAt(t), &servetest.Log{}, telemetry.New(telemetry.Build{})
	s.From = append(s.From, "/etc/a\nb")
	file := servetest.PolicyFile(t)
	hangup := make(chan os.Signal, 1)
	logger := slog.New(slog.NewJSONHandler(log, nil))
	r := New(FromFiles(source.NewFiles([]string{file}, logger)), hangup, m, logger)
	r.UseSnapshot(s)
	if !r.Start() {
		t.Fatalf("the policy is refused:\n%s", log)
	}
	r.run(t)
	has := func(page string) func() bool {
		return func() bool {
			text, err := os.ReadFile(s.Path)
			return err == nil && strings.Contains(string(text), page)
		}
	}
	eventually(t, "the first policy is written", has(servetest.OldPage))
	header := `^# corsd serve wrote this file.*\n# .*\n# written: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n# version: v1.2.3\n# from: "/etc/corsd"\n# from: "/etc/a\\nb"\n# sha256: [0-9a-f]{64}\n\{"apiVersion".*\n$`
	if text := read(t, s.Path); !regexp.MustCompile(header).MatchString(text) {
		t.Errorf("the file is:\n%s", text)
	}
	if info, err := os.Stat(s.Path); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if report := Load([]string{s.Path}); report.Err() != nil || len(report.Warnings) > 0 {
		t.Errorf("it is read as %v, %v", report.Err(), report.Warnings)
	}
	eventually(t, "its time is a metric", func() bool { return gauge(t, m, "corsd_policy_snapshot_timestamp_seconds") > 0 })

	servetest.Write(t, file, "hello\n")
	eventually(t, "the next policy is refused", func() bool { return r.State().Refused != "" })
	before := read(t, s.Path)
	servetest.Write(t, file, servetest.Allowing(servetest.NewPage))
	eventually(t, "the third is written", has(servetest.NewPage))
	if !strings.Contains(before, servetest.OldPage) {
		t.Errorf("the refused one was written:\n%s", before)
	}
	if err := os.Remove(s.Path); err != nil {
		t.Fatal(err)
	}
	hangup <- os.Interrupt
	eventually(t, "a file that was removed is written again on SIGHUP", has(servetest.NewPage))
	if got := gauge(t, m, "corsd_policy_snapshot_write_failures_total"); got != 0 {
		t.Errorf("%v failures", got)
	}
}

// TestSnapshotUnchanged: a file that has the documents already is not written, whoever wrote it.
func TestSnapshotUnchanged(t *testing.T) {
	t.Parallel()
	s := snapshotAt(t)
	s.saved(t, servetest.Allowing(servetest.OldPage), monday)
	before := read(t, s.Path)
	later := s
	later.Version = "v2"
	same := documentsOfText(t, "# a comment\n"+servetest.Allowing(servetest.OldPage))
	if written, err := later.save(same, monday.Add(time.Hour)); err != nil || !written.Equal(monday) || read(t, s.Path) != before {
		t.Errorf("written %s, %v:\n%s", written, err, read(t, s.Path))
	}
	later.saved(t, servetest.Allowing(servetest.NewPage), monday.Add(time.Hour))
	if text := read(t, s.Path); !strings.Contains(text, servetest.NewPage) || !strings.Contains(text, "# version: v2\n") {
		t.Errorf("not written:\n%s", text)
	}
}

// TestSnapshotKilled: a process that is killed between writing and renaming leaves the old snapshot,
// and a file that a later process removes.
func TestSnapshotKilled(t *testing.T) {
	t.Parallel()
	s := snapshotAt(t)
	s.saved(t, servetest.Allowing(servetest.OldPage), monday)
	dir := filepath.Dir(s.Path)
	whole := string(s.encode(documentsOfText(t, servetest.Allowing(servetest.NewPage)), monday))
	left := []string{ // as [os.CreateTemp] names them
		servetest.Write(t, dir+"/.snapshot.yaml.1.tmp", whole), servetest.Write(t, dir+"/.snapshot.yaml.22.tmp", whole[:len(whole)/2]),
	}
	young := servetest.Write(t, dir+"/.snapshot.yaml.3.tmp", "")
	other := servetest.Write(t, dir+"/.other.yaml.4.tmp", "")
	for _, path := range append(left, other) {
		if err := os.Chtimes(path, monday, monday); err != nil {
			t.Fatal(err)
		}
	}
	r := reloaderOf(servetest.Write(t, t.TempDir()+"/p.yaml", "hello\n"), telemetry.New(telemetry.Build{}), slog.DiscardHandler)
	r.UseSnapshot(s)
	if !r.Start() || r.verdict() != "allow" {
		t.Error("the old snapshot is not served")
	}
	s.saved(t, servetest.Allowing(servetest.NewPage), time.Now())
	for _, path := range left {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	for _, path := range []string{young, other} {
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("a file that is young, or of others, is gone: %v", err)
		}
	}
}

// TestSnapshotShared: two processes write one file, and whoever reads it sees one of the two.
func TestSnapshotShared(t *testing.T) {
	t.Parallel()
	s := snapshotAt(t)
	s.saved(t, servetest.Allowing(servetest.OldPage), monday)
	done := make(chan error, 2)
	for _, page := range []string{servetest.OldPage, servetest.NewPage} {
		documents := append(documentsOfText(t, servetest.Allowing(page)), "# "+strings.Repeat("x", 1<<16)...)
		go func() {
			var failed error
			for range 100 {
				_, err := s.save(documents, monday)
				failed = errors.Join(failed, err)
			}
			done <- failed
		}()
	}
	for ended := 0; ended < 2; {
		select {
		case err := <-done:
			if ended++; err != nil {
				t.Error(err)
			}
		default:
			if _, _, err := s.load(monday); err != nil {
				t.Fatalf("a torn file: %v", err)
			}
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(s.Path)); err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// TestSnapshotFails: a snapshot that cannot be written is reported, and written a minute later. The
// policy is live meanwhile.
func TestSnapshotFails(t *testing.T) {
	t.Parallel()
	s := snapshotAt(t)
	s.Path = filepath.Join(filepath.Dir(s.Path), "missing", "snapshot.yaml")
	file := servetest.PolicyFile(t)
	synctest.Test(t, func(t *testing.T) {
		log, m := &servetest.Log{}, telemetry.New(telemetry.Build{})
		r := reloaderOf(file, m, slog.NewJSONHandler(log, nil))
		r.UseSnapshot(s)
		if !r.Start() {
			t.Fatal("the policy is refused")
		}
		ctx, stop := context.WithCancel(t.Context())
		wait := r.snapshot.start(ctx)
		time.Sleep(snapshotRetry + snapshotRetry/2)
		line := log.Entries(t, "the snapshot could not be written; a start beside a refused policy would not serve this one")
		if len(line) != 2 || line[0]["level"] != "WARN" || !strings.Contains(fmt.Sprint(line[0]["error"]), "no such file") {
			t.Errorf("logged %v", line)
		}
		if got := gauge(t, m, "corsd_policy_snapshot_write_failures_total"); got != 2 || r.verdict() != "allow" {
			t.Errorf("%v failures, %s", got, r.verdict())
		}
		if err := os.Mkdir(filepath.Dir(s.Path), 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(snapshotRetry)
		if !strings.Contains(read(t, s.Path), servetest.OldPage) {
			t.Error("it was not written again")
		}
		stop()
		wait()
	})
}

// TestSnapshotNotWritten: what cannot be a snapshot, or would replace something that corsd did not
// write there, is an error.
func TestSnapshotNotWritten(t *testing.T) {
	t.Parallel()
	s := snapshotAt(t)
	if err := os.Mkdir(s.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.save(nil, monday); !errors.Is(err, errRegular) {
		t.Errorf("a directory: %v", err)
	}
	s = snapshotAt(t)
	room := policyfile.MaxFileBytes - len(s.encode(nil, monday))
	if _, err := s.save(make([]byte, room+1), monday); !errors.Is(err, errTooLarge) {
		t.Errorf("a file that is too large: %v", err)
	}
	if _, err := s.save(make([]byte, room), monday); err != nil {
		t.Errorf("the largest file: %v", err)
	}
}

// hanging is metrics of a disk that hangs, which the writer of snapshots waits for.
type hanging struct {
	*telemetry.Metrics
	until chan struct{}
	live  func()
}

func (h hanging) SnapshotWritten(time.Time) { <-h.until }

func (h hanging) Live(e *policy.Engine, removed []string) {
	h.live()
	h.Metrics.Live(e, removed)
}

// TestSnapshotHangs: a policy goes live before its snapshot is written. While writing hangs, others go
// live, of which the last is written, and the end waits for some seconds at most.
func TestSnapshotHangs(t *testing.T) {
	t.Parallel()
	s, file := snapshotAt(t), servetest.PolicyFile(t)
	synctest.Test(t, func(t *testing.T) {
		m := hanging{Metrics: telemetry.New(telemetry.Build{}), until: make(chan struct{})}
		var r *Reloader
		waiting := 0 // snapshots that wait to be written, when a policy goes live
		m.live = func() { waiting = len(r.snapshot.next) }
		r = reloaderOf(file, m, slog.DiscardHandler)
		r.UseSnapshot(s)
		if !r.Start() || waiting != 0 || len(r.snapshot.next) != 1 {
			t.Fatalf("%d snapshots wait when the policy goes live", waiting)
		}
		ctx, stop := context.WithCancel(t.Context())
		wait := r.snapshot.start(ctx)
		for _, page := range []string{"https://one.shop.example", "https://two.shop.example", servetest.NewPage} {
			servetest.Write(t, file, servetest.Allowing(page))
			r.reload(ctx, source.Changed)
		}
		if r.verdict() != "deny" {
			t.Error("the last policy is not live")
		}
		stop()
		before := time.Now()
		if wait(); time.Since(before) != snapshotWait {
			t.Errorf("waited %s", time.Since(before))
		}
		close(m.until)
		synctest.Wait()
		if text := read(t, s.Path); !strings.Contains(text, servetest.NewPage) {
			t.Errorf("the last policy is not written:\n%s", text)
		}
	})
}
