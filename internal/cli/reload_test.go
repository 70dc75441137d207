package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corsd/corsd/internal/servetest"
)

// settleTime is how long package source waits for a file that was just written.
const settleTime = 300 * time.Millisecond

// put replaces a file in one step, without another event in its directory.
func put(t *testing.T, path, text string) {
	t.Helper()
	servetest.Rename(t, servetest.Write(t, filepath.Join(t.TempDir(), "new"), text), path)
}

// TestReload: every way in which a policy can change while it is served.
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
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.OldPage))
			},
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.NewPage))
			},
		},
		{
			"a file is written in two steps", "policy.yaml",
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.OldPage))
			},
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.NewPage)[:50])
				servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.NewPage))
			},
		},
		{
			"its directory is removed and made again", "in/policy.yaml",
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/in/policy.yaml", servetest.Allowing(servetest.OldPage))
			},
			func(t *testing.T, dir string) {
				if err := os.RemoveAll(dir + "/in"); err != nil {
					t.Fatal(err)
				}
				servetest.Write(t, dir+"/in/policy.yaml", servetest.Allowing(servetest.NewPage))
			},
		},
		{
			"a directory above is renamed away, and another put in its place", "a/b/in",
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/a/b/in/policy.yaml", servetest.Allowing(servetest.OldPage))
				servetest.Write(t, dir+"/c/b/in/policy.yaml", servetest.Allowing(servetest.NewPage))
			},
			func(t *testing.T, dir string) {
				servetest.Rename(t, dir+"/a", dir+"/old")
				servetest.Rename(t, dir+"/c", dir+"/a")
			},
		},
		{
			"a file is renamed over it", "policy.yaml",
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.OldPage))
			},
			func(t *testing.T, dir string) {
				servetest.Rename(t, servetest.Write(t, dir+"/policy.yaml~", servetest.Allowing(servetest.NewPage)), dir+"/policy.yaml")
			},
		},
		{
			"a file is removed, and made again", "policy.yaml",
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.OldPage))
			},
			func(t *testing.T, dir string) {
				if err := os.Remove(dir + "/policy.yaml"); err != nil {
					t.Fatal(err)
				}
				servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.NewPage))
			},
		},
		{
			"a file of a directory is written", ".",
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.OldPage))
			},
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.NewPage))
			},
		},
		{
			"a directory has another file", ".",
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/a.yaml", servetest.Allowing(servetest.OldPage))
			},
			func(t *testing.T, dir string) {
				servetest.Rename(t, dir+"/a.yaml", dir+"/a.yaml.off")
				servetest.Write(t, dir+"/b.yml", servetest.Allowing(servetest.NewPage))
			},
		},
		{
			"a ConfigMap changes, of which the directory is named", ".",
			func(t *testing.T, dir string) {
				servetest.ConfigMap(t, dir, "..2026_11_23", servetest.Allowing(servetest.OldPage))
			},
			func(t *testing.T, dir string) {
				servetest.ConfigMap(t, dir, "..2026_11_24", servetest.Allowing(servetest.NewPage))
			},
		},
		{
			"a ConfigMap changes, of which the file is named", "policy.yaml",
			func(t *testing.T, dir string) {
				servetest.ConfigMap(t, dir, "..2026_11_23", servetest.Allowing(servetest.OldPage))
			},
			func(t *testing.T, dir string) {
				servetest.ConfigMap(t, dir, "..2026_11_24", servetest.Allowing(servetest.NewPage))
			},
		},
		{
			"a link to a file is pointed elsewhere", "current",
			func(t *testing.T, dir string) {
				servetest.Link(t, servetest.Write(t, dir+"/one/policy.yaml", servetest.Allowing(servetest.OldPage)), dir+"/current")
			},
			func(t *testing.T, dir string) {
				servetest.Link(t, servetest.Write(t, dir+"/two/policy.yaml", servetest.Allowing(servetest.NewPage)), dir+"/current")
			},
		},
		{
			"the target of a link is written", "current",
			func(t *testing.T, dir string) {
				servetest.Link(t, servetest.Write(t, dir+"/one/policy.yaml", servetest.Allowing(servetest.OldPage)), dir+"/current")
			},
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/one/policy.yaml", servetest.Allowing(servetest.NewPage))
			},
		},
		{
			"a link to a directory is pointed elsewhere", "current",
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/one/policy.yaml", servetest.Allowing(servetest.OldPage))
				servetest.Link(t, "one", dir+"/current")
			},
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/two/policy.yaml", servetest.Allowing(servetest.NewPage))
				servetest.Link(t, "two", dir+"/current")
			},
		},
		{
			"a link to a directory was pointed elsewhere, and a file there is written", "current/deploy",
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/one/deploy/policy.yaml", servetest.Allowing(servetest.OldPage))
				servetest.Link(t, "one", dir+"/current")
			},
			func(t *testing.T, dir string) {
				servetest.Write(t, dir+"/two/deploy/policy.yaml", servetest.Allowing(servetest.OldPage)+"# two\n")
				servetest.Link(t, "two", dir+"/current")
				time.Sleep(3 * settleTime) // read, or not: the file is written later in any case
				servetest.Write(t, dir+"/two/deploy/policy.yaml", servetest.Allowing(servetest.NewPage))
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
			if s.verdict(conn, servetest.OldPage) != "allow" || s.verdict(conn, servetest.NewPage) != "deny" {
				t.Fatal("before the change the policy is not the old one")
			}
			before := s.liveLine()
			r.change(t, dir)
			s.becomes(conn, servetest.NewPage, "allow")
			s.becomes(conn, servetest.OldPage, "deny")
			if after := s.liveLine(); after == before {
				t.Errorf("still %s", after)
			}
			s.eventually("logged: live by a file change", func() bool { // the log is written later
				return s.waitForLine("policy is live")["cause"] == "file change"
			})
			_, metrics := s.get("/metrics")
			if n := strings.Count(metrics, "\ncorsd_policy_info{"); n != 1 {
				t.Errorf("%d policies are live, by the metrics", n)
			}
		})
	}
}

// TestReplacedDirectory: the files of a directory are followed after the directory was replaced.
func TestReplacedDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	servetest.Write(t, dir+"/a/in/policy.yaml", servetest.Allowing(servetest.OldPage))
	s := start(t, "--policy", dir+"/a/in")
	conn := s.conn()
	for i, page := range []string{servetest.NewPage, servetest.OldPage, servetest.NewPage} {
		servetest.Write(t, dir+"/b/in/policy.yaml", servetest.Allowing("https://other.example"))
		servetest.Rename(t, dir+"/a", fmt.Sprintf("%s/old%d", dir, i))
		servetest.Rename(t, dir+"/b", dir+"/a")
		s.becomes(conn, "https://other.example", "allow")
		servetest.Write(t, dir+"/a/in/policy.yaml", servetest.Allowing(page))
		s.becomes(conn, page, "allow")
	}
}

// TestBusyDirectory: a policy is read while another file in its directory changes all the time.
func TestBusyDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, "--policy", servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.OldPage)))
	conn := s.conn()
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-time.After(settleTime / 20):
				_ = os.WriteFile(dir+"/access.log", fmt.Appendln(nil, n), 0o644) // the next one will do
			}
		}
	}()
	servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.NewPage))
	s.becomes(conn, servetest.NewPage, "allow")
	close(done)
	<-stopped
}

// TestHangup: SIGHUP reads the policy and ends no stream.
func TestHangup(t *testing.T) {
	t.Parallel()
	s := startProcess(t, "--policy", servetest.PolicyFile(t))
	conn := s.conn()
	const reloads = `corsd_policy_reloads_total{result="success"}`
	if got := s.metric(reloads); got != "1" {
		t.Fatalf("%s reloads before", got)
	}
	underWay := s.stream(conn)
	underWay.Exchange(servetest.RequestOf(servetest.OldPage))
	s.signal(syscall.SIGHUP)
	s.eventually("reloaded", func() bool { return s.metric(reloads) == "2" })
	if got := servetest.AllowOrigin(underWay.Exchange(servetest.Response())); got != servetest.OldPage {
		t.Errorf("the stream that was under way: allows %q", got)
	}
	underWay.End()
	after := s.stream(conn)
	after.Exchange(servetest.RequestOf(servetest.OldPage))
	after.End()
	for _, message := range []string{"policy is live", "Envoy requests decisions"} {
		if lines := s.waitForLines(1, message); len(lines) != 1 {
			t.Errorf("unchanged state is logged again: %v", lines)
		}
	}
	s.signal(syscall.SIGTERM)
	s.endsWith(exitOK)
}

// TestReloadUnderLoad: while policies are replaced, every exchange sees one of them, and none fails.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	s := start(t, "--policy", file)
	conn := s.conn()
	var done atomic.Bool
	var group errgroup.Group
	var exchanges atomic.Int64
	for range 4 {
		group.Go(func() error {
			for !done.Load() {
				x := s.stream(conn)
				decided := x.Exchange(servetest.RequestOf(servetest.OldPage)).GetDynamicMetadata().GetFields()["corsd"].GetStructValue().GetFields()["verdict"].GetStringValue()
				granted := servetest.AllowOrigin(x.Exchange(servetest.Response()))
				x.End()
				if (decided == "allow") != (granted == servetest.OldPage) {
					return fmt.Errorf("the request phase came to %s, and the response phase allowed %q", decided, granted)
				}
				exchanges.Add(1)
			}
			return nil
		})
	}
	for i := range 12 {
		page, verdict := servetest.NewPage, "deny"
		if i%2 == 1 {
			page, verdict = servetest.OldPage, "allow"
		}
		put(t, file, servetest.Allowing(page))
		s.becomes(conn, servetest.OldPage, verdict)
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
