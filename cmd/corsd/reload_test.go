package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/pkg/policy"
)

// link points a symbolic link somewhere else in one step.
func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path+".new"); err != nil {
		t.Fatal(err)
	}
	rename(t, path+".new", path)
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// put replaces a file in one step, of which nothing else is seen in its directory.
func put(t *testing.T, path, text string) {
	t.Helper()
	rename(t, write(t, filepath.Join(t.TempDir(), "new"), text), path)
}

// configMap is a volume as the kubelet makes it: the files are links into ..data,
// which is a link to a directory with the content of the moment.
func configMap(t *testing.T, dir, moment, policy string) {
	t.Helper()
	write(t, filepath.Join(dir, moment, "policy.yaml"), policy)
	link(t, moment, filepath.Join(dir, "..data"))
	if _, err := os.Lstat(filepath.Join(dir, "policy.yaml")); err != nil {
		link(t, "..data/policy.yaml", filepath.Join(dir, "policy.yaml"))
	}
}

// TestReload is every way in which a policy changes while it is served.
func TestReload(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string // a sentence
		path   string // what --policy names, in a directory of its own
		before func(t *testing.T, dir string)
		change func(t *testing.T, dir string)
	}{
		{
			"a file is written", "policy.yaml",
			func(t *testing.T, dir string) { write(t, dir+"/policy.yaml", allowing(oldPage)) },
			func(t *testing.T, dir string) { write(t, dir+"/policy.yaml", allowing(newPage)) },
		},
		{
			"a file is written in two steps", "policy.yaml",
			func(t *testing.T, dir string) { write(t, dir+"/policy.yaml", allowing(oldPage)) },
			func(t *testing.T, dir string) {
				write(t, dir+"/policy.yaml", allowing(newPage)[:50])
				write(t, dir+"/policy.yaml", allowing(newPage))
			},
		},
		{
			"its directory is removed and made again", "in/policy.yaml",
			func(t *testing.T, dir string) { write(t, dir+"/in/policy.yaml", allowing(oldPage)) },
			func(t *testing.T, dir string) {
				if err := os.RemoveAll(dir + "/in"); err != nil {
					t.Fatal(err)
				}
				write(t, dir+"/in/policy.yaml", allowing(newPage))
			},
		},
		{
			"a directory above is renamed away, and another put in its place", "a/b/in",
			func(t *testing.T, dir string) {
				write(t, dir+"/a/b/in/policy.yaml", allowing(oldPage))
				write(t, dir+"/c/b/in/policy.yaml", allowing(newPage))
			},
			func(t *testing.T, dir string) {
				rename(t, dir+"/a", dir+"/old")
				rename(t, dir+"/c", dir+"/a")
			},
		},
		{
			"a file is renamed over it", "policy.yaml",
			func(t *testing.T, dir string) { write(t, dir+"/policy.yaml", allowing(oldPage)) },
			func(t *testing.T, dir string) {
				rename(t, write(t, dir+"/policy.yaml~", allowing(newPage)), dir+"/policy.yaml")
			},
		},
		{
			"a file is removed, and made again", "policy.yaml",
			func(t *testing.T, dir string) { write(t, dir+"/policy.yaml", allowing(oldPage)) },
			func(t *testing.T, dir string) {
				if err := os.Remove(dir + "/policy.yaml"); err != nil {
					t.Fatal(err)
				}
				write(t, dir+"/policy.yaml", allowing(newPage))
			},
		},
		{
			"a file of a directory is written", ".",
			func(t *testing.T, dir string) { write(t, dir+"/policy.yaml", allowing(oldPage)) },
			func(t *testing.T, dir string) { write(t, dir+"/policy.yaml", allowing(newPage)) },
		},
		{
			"a directory has another file", ".",
			func(t *testing.T, dir string) { write(t, dir+"/a.yaml", allowing(oldPage)) },
			func(t *testing.T, dir string) {
				rename(t, dir+"/a.yaml", dir+"/a.yaml.off")
				write(t, dir+"/b.yml", allowing(newPage))
			},
		},
		{
			"a ConfigMap changes, of which the directory is named", ".",
			func(t *testing.T, dir string) { configMap(t, dir, "..2026_11_23", allowing(oldPage)) },
			func(t *testing.T, dir string) { configMap(t, dir, "..2026_11_24", allowing(newPage)) },
		},
		{
			"a ConfigMap changes, of which the file is named", "policy.yaml",
			func(t *testing.T, dir string) { configMap(t, dir, "..2026_11_23", allowing(oldPage)) },
			func(t *testing.T, dir string) { configMap(t, dir, "..2026_11_24", allowing(newPage)) },
		},
		{
			"a link to a file is pointed elsewhere", "current",
			func(t *testing.T, dir string) {
				link(t, write(t, dir+"/one/policy.yaml", allowing(oldPage)), dir+"/current")
			},
			func(t *testing.T, dir string) {
				link(t, write(t, dir+"/two/policy.yaml", allowing(newPage)), dir+"/current")
			},
		},
		{
			"what a link leads to is written", "current",
			func(t *testing.T, dir string) {
				link(t, write(t, dir+"/one/policy.yaml", allowing(oldPage)), dir+"/current")
			},
			func(t *testing.T, dir string) { write(t, dir+"/one/policy.yaml", allowing(newPage)) },
		},
		{
			"a link to a directory is pointed elsewhere", "current",
			func(t *testing.T, dir string) {
				write(t, dir+"/one/policy.yaml", allowing(oldPage))
				link(t, "one", dir+"/current")
			},
			func(t *testing.T, dir string) {
				write(t, dir+"/two/policy.yaml", allowing(newPage))
				link(t, "two", dir+"/current")
			},
		},
		{
			"a link to a directory was pointed elsewhere, and a file there is written", "current/deploy",
			func(t *testing.T, dir string) {
				write(t, dir+"/one/deploy/policy.yaml", allowing(oldPage))
				link(t, "one", dir+"/current")
			},
			func(t *testing.T, dir string) {
				write(t, dir+"/two/deploy/policy.yaml", allowing(oldPage)+"# two\n")
				link(t, "two", dir+"/current")
				time.Sleep(3 * settle) // read, or not: the file is written later in any case
				write(t, dir+"/two/deploy/policy.yaml", allowing(newPage))
			},
		},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			r.before(t, dir)
			s := start(t, "--policy", filepath.Join(dir, r.path))
			conn := s.conn()
			if s.verdict(conn, oldPage) != "allow" || s.verdict(conn, newPage) != "deny" {
				t.Fatal("before the change the policy is not the old one")
			}
			before := s.liveLine()
			r.change(t, dir)
			s.becomes(conn, newPage, "allow")
			s.becomes(conn, oldPage, "deny")
			if after := s.liveLine(); after == before {
				t.Errorf("still %s", after)
			}
			if cause := s.waitForLine("policy is live")["cause"]; cause != "file change" {
				t.Errorf("the cause is %v", cause)
			}
			_, metrics := s.get("/metrics")
			if n := strings.Count(metrics, "\ncorsd_policy_info{"); n != 1 {
				t.Errorf("%d policies are live, by the metrics", n)
			}
		})
	}
}

// TestReplacedDirectory: what is put in the place of a directory is followed as the
// directory was.
func TestReplacedDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/a/in/policy.yaml", allowing(oldPage))
	s := start(t, "--policy", dir+"/a/in")
	conn := s.conn()
	for i, page := range []string{newPage, oldPage, newPage} {
		write(t, dir+"/b/in/policy.yaml", allowing("https://other.example"))
		rename(t, dir+"/a", fmt.Sprintf("%s/old%d", dir, i))
		rename(t, dir+"/b", dir+"/a")
		s.becomes(conn, "https://other.example", "allow")
		write(t, dir+"/a/in/policy.yaml", allowing(page))
		s.becomes(conn, page, "allow")
	}
}

// TestUnreadable: what cannot be read is said once, though nothing can be told of its
// content, and found as soon as it can be read.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, dir+"/policy.yaml", allowing(oldPage))
	s := start(t, "--policy", file)
	conn := s.conn()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	const message = "policy refused; the last good one stays live"
	s.waitForLine(message)
	for i := range 5 {
		write(t, fmt.Sprintf("%s/other%d", dir, i), "")
		time.Sleep(2 * settle)
	}
	if n := len(s.log.entries(t, message)) + len(s.log.entries(t, "policy is still refused")); n != 1 {
		t.Errorf("said %d times: %s", n, s.log)
	}
	write(t, file, allowing(newPage))
	s.becomes(conn, newPage, "allow")
}

// TestBusyDirectory: a policy is read though something else in its directory is
// never left alone.
func TestBusyDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, "--policy", write(t, dir+"/policy.yaml", allowing(oldPage)))
	conn := s.conn()
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-time.After(settle / 20):
				_ = os.WriteFile(dir+"/access.log", fmt.Appendln(nil, n), 0o644) // the next one will do
			}
		}
	}()
	write(t, dir+"/policy.yaml", allowing(newPage))
	s.becomes(conn, newPage, "allow")
	close(done)
	<-stopped
}

// TestHangup: SIGHUP reads the policy, and ends nothing.
func TestHangup(t *testing.T) {
	t.Parallel()
	s := startProcess(t, "--policy", policyFile(t))
	conn := s.conn()
	const reloads = `corsd_policy_reloads_total{result="success"}`
	if got := s.metric(reloads); got != "1" {
		t.Fatalf("%s reloads before", got)
	}
	underWay := s.stream(conn)
	underWay.exchange(requestOf(oldPage))
	s.signal(syscall.SIGHUP)
	s.eventually("reloaded", func() bool { return s.metric(reloads) == "2" })
	if got := allowOrigin(underWay.exchange(response())); got != oldPage {
		t.Errorf("the stream that was under way: allows %q", got)
	}
	underWay.end()
	after := s.stream(conn)
	after.exchange(requestOf(oldPage))
	after.end()
	for _, message := range []string{"policy is live", "Envoy requests decisions"} {
		if lines := s.log.entries(t, message); len(lines) != 1 {
			t.Errorf("what has not changed is logged again: %v", lines)
		}
	}
	s.signal(syscall.SIGTERM)
	s.endsWith(exitOK)
}

// TestBadPolicy: what is refused changes nothing. It is said once for each content,
// with every fault, and stands in /readyz?verbose and the metrics until it is put right.
func TestBadPolicy(t *testing.T) {
	t.Parallel()
	file := policyFile(t)
	s := startProcess(t, "--policy", file)
	conn := s.conn()
	live := s.liveLine()
	const refused = `corsd_policy_reloads_total{result="refused"}`
	const message = "policy refused; the last good one stays live"

	bad := strings.Replace(allowing("https://*"), "allowOrigins", "allowCredentials: true, maxAge: -1, allowOrigins", 1)
	put(t, file, bad)
	s.eventually("refused", func() bool { return s.metric(refused) == "1" })
	put(t, file, bad) // the same again, which nobody has asked about
	for times := 2; times <= 3; times++ {
		s.signal(syscall.SIGHUP)
		s.eventually("refused", func() bool { return s.metric(refused) == fmt.Sprint(times) })
	}
	if again := s.log.entries(t, "policy is still refused"); len(again) != 2 || again[0]["faults"] != 2.0 || again[0]["cause"] != "SIGHUP" {
		t.Errorf("to who asks again is said %v", again)
	}
	lines := s.log.entries(t, message)
	if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["faults"] != 2.0 || lines[0]["cause"] != "file change" {
		t.Errorf("logged %v", lines)
	}
	faults := s.log.entries(t, "policy fault")
	if len(faults) != 2 {
		t.Fatalf("logged %v", faults)
	}
	_, verbose := s.get("/readyz?verbose")
	for _, code := range []string{"any_origin_with_credentials", "max_age_out_of_range"} {
		if !strings.Contains(fmt.Sprint(faults), "("+code+")") || !strings.Contains(verbose, "("+code+")") {
			t.Errorf("%s is missing: log %v, readyz %s", code, faults, verbose)
		}
	}
	if !strings.HasPrefix(verbose, "ok\n"+live+"\nrefused policy: ") || !strings.Contains(verbose, file+":6:") {
		t.Errorf("readyz: %s", verbose)
	}
	if status, body := s.get("/readyz"); status != 200 || body != "ok\n" {
		t.Errorf("the last good one is live, and readyz is %d %q", status, body)
	}
	if got := s.metric("corsd_policy_last_reload_successful"); got != "0" {
		t.Errorf("last reload successful: %s", got)
	}
	if s.verdict(conn, oldPage) != "allow" || s.health(conn, "") != serving {
		t.Error("the last good one is not live")
	}

	put(t, file, "") // another content is another message
	s.eventually("the empty file is refused", func() bool { return len(s.log.entries(t, message)) == 2 })
	if _, verbose := s.get("/readyz?verbose"); !strings.Contains(verbose, "(no_policies)") || strings.Contains(verbose, "max_age") {
		t.Errorf("readyz: %s", verbose)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	s.eventually("the missing file is refused", func() bool { return len(s.log.entries(t, message)) == 3 })
	if _, verbose := s.get("/readyz?verbose"); !strings.Contains(verbose, "(source_unreadable)") {
		t.Errorf("readyz: %s", verbose)
	}
	if got := s.verdict(conn, oldPage); got != "allow" {
		t.Errorf("verdict %s", got)
	}

	put(t, file, allowing(oldPage)) // as it was: that is worth a line
	s.eventually("recovered", func() bool { return s.metric("corsd_policy_last_reload_successful") == "1" })
	if _, verbose := s.get("/readyz?verbose"); strings.Count(verbose, "\n") != 2 {
		t.Errorf("readyz: %s", verbose)
	}
	s.eventually("the recovery is logged", func() bool { return len(s.log.entries(t, "policy is live")) == 2 })
	put(t, file, bad)
	s.eventually("refused again, after a good one", func() bool { return len(s.log.entries(t, message)) == 4 })
}

// TestWarnings: warnings of a policy that goes live are logged.
func TestWarnings(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "policy.yaml"), allowing(oldPage+":443"))
	s := start(t, "--policy", file)
	if text := fmt.Sprint(s.waitForLine("policy warning")["diagnostic"]); !strings.Contains(text, file+":6:") || !strings.Contains(text, "(default_port)") {
		t.Errorf("logged %s", text)
	}
}

// TestReloadUnderLoad: while policies come and go every exchange sees one of them,
// and none fails.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	file := policyFile(t)
	s := start(t, "--policy", file)
	conn := s.conn()
	var done atomic.Bool
	var group errgroup.Group
	var exchanges atomic.Int64
	for range 4 {
		group.Go(func() error {
			for !done.Load() {
				x := s.stream(conn)
				decided := x.exchange(requestOf(oldPage)).GetDynamicMetadata().GetFields()["corsd"].GetStructValue().GetFields()["verdict"].GetStringValue()
				granted := allowOrigin(x.exchange(response()))
				x.end()
				if (decided == "allow") != (granted == oldPage) {
					return fmt.Errorf("the request phase came to %s, and the response phase allowed %q", decided, granted)
				}
				exchanges.Add(1)
			}
			return nil
		})
	}
	for i := range 12 {
		page, verdict := newPage, "deny"
		if i%2 == 1 {
			page, verdict = oldPage, "allow"
		}
		put(t, file, allowing(page))
		s.becomes(conn, oldPage, verdict)
	}
	done.Store(true)
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	t.Logf("%d exchanges", exchanges.Load())
	if got := s.metric("corsd_stream_errors_total"); got != "0" {
		t.Errorf("%s stream errors", got)
	}
}

// expiring allows a set of origins until a date.
func expiring(date string) string {
	return strings.NewReplacer("cors: {allowOrigins: ["+`"`+oldPage+`"`+"]}", "cors: {allowOriginSets: [partners]}").Replace(allowing(oldPage)) + fmt.Sprintf(`---
apiVersion: corsd.dev/v1alpha1
kind: OriginSet
metadata: {name: partners}
spec: {origins: ["%s"], expires: "%s"}
`, oldPage, date)
}

func decides(l *live) string {
	d := l.engine.Load().Decide(&policy.Request{Method: "GET", Scheme: "https", Authority: "api.shop.example", Path: "/", Origin: []string{oldPage}})
	return d.Verdict.String()
}

// TestExpiry: when an origin set expires, what is live is compiled again. It went
// live in the past here, before the set expired.
func TestExpiry(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "policy.yaml"), expiring("2026-01-31"))
	report := reload.Load([]string{file}, policy.At(time.Date(2026, time.January, 30, 12, 0, 0, 0, time.UTC)))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	log := &journal{}
	l := newLive([]string{file}, telemetry.New(buildInfo().metric()), slog.New(slog.NewJSONHandler(log, nil)))
	l.engine.Store(report.Engine)
	l.state.read, l.state.hash = report.Hash, report.Hash
	if got := decides(l); got != "allow" {
		t.Fatalf("before the set expires: %s", got)
	}
	var group errgroup.Group
	s := &served{t: t, log: log, ended: make(chan struct{})}
	ctx := t.Context()
	group.Go(func() error { return l.watch(ctx) })
	t.Cleanup(func() { // the context has ended
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
	s.eventually("the set has expired", func() bool { return decides(l) == "deny" })
	if cause := s.waitForLine("policy is live")["cause"]; cause != "an origin set expires" {
		t.Errorf("the cause is %v", cause)
	}
	if text := fmt.Sprint(s.waitForLine("policy warning")["diagnostic"]); !strings.Contains(text, "(origin_set_expired)") {
		t.Errorf("the warning is %s", text)
	}
}

// TestChangeBeforeWatching: there is no event for a change between the first reading and
// the moment from which on the files are watched.
func TestChangeBeforeWatching(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "policy.yaml"), allowing(oldPage))
	l := newLive([]string{file}, telemetry.New(buildInfo().metric()), slog.New(slog.DiscardHandler))
	if !l.reload("start") {
		t.Fatal("the policy is refused")
	}
	before := l.snapshot().hash
	write(t, file, allowing(newPage))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.watch(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); l.snapshot().hash == before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("the change is not live")
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestExpiryOfRefused: a set expires on its day also where the files are refused by
// then, and the engine before them stays live.
func TestExpiryOfRefused(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "policy.yaml"), expiring("2000-01-02"))
	synctest.Test(t, func(t *testing.T) { // at midnight UTC, 2000-01-01
		l := newLive([]string{file}, telemetry.New(buildInfo().metric()), slog.New(slog.NewJSONHandler(io.Discard, nil)))
		if !l.reload("start") {
			t.Fatal("the policy is refused")
		}
		write(t, file, "no policy\n")
		if l.reload("file change") || decides(l) != "allow" {
			t.Fatal("a refused policy went live")
		}
		time.Sleep(24 * time.Hour)
		if l.reload("an origin set expires") || decides(l) != "deny" || l.expiry() != nil {
			t.Error("the set has not expired")
		}
	})
}

// TestExpiryTime: the set grants until its date begins in UTC, and no longer. The
// clock is asked every hour, since it may be set.
func TestExpiryTime(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "policy.yaml"), expiring("2000-01-04"))
	synctest.Test(t, func(t *testing.T) { // at midnight UTC, 2000-01-01
		l := newLive([]string{file}, telemetry.New(buildInfo().metric()), slog.New(slog.NewJSONHandler(io.Discard, nil)))
		if !l.reload("start") {
			t.Fatal("the policy is refused")
		}
		reloads := 0
		for expiry := l.expiry(); expiry != nil; expiry = l.expiry() {
			if got := decides(l); got != "allow" {
				t.Fatalf("at %s: %s", time.Now().UTC(), got)
			}
			before := time.Now()
			<-expiry
			if waited := time.Since(before); waited < time.Second || waited > time.Hour {
				t.Fatalf("waited %s", waited)
			}
			l.reload("an origin set expires")
			reloads++
		}
		if got := decides(l); got != "deny" {
			t.Errorf("after the set has expired: %s", got)
		}
		if want := time.Date(2000, time.January, 4, 0, 0, 0, 0, time.UTC); !time.Now().Equal(want) || reloads != 72 {
			t.Errorf("it expired at %s, after %d hours; want %s", time.Now().UTC(), reloads, want)
		}
	})
}
