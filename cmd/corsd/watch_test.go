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

	"github.com/fsnotify/fsnotify"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/telemetry"
)

const unwatched = "files cannot be watched; a change is found when they are looked at, every so often"

// TestNoWatcher: without a file descriptor for a watcher no change is lost, and a watcher is
// opened as soon as that is possible.
func TestNoWatcher(t *testing.T) {
	t.Parallel()
	file := policyFile(t)
	synctest.Test(t, func(t *testing.T) {
		var possible atomic.Bool
		opened := &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)}
		nothing := []string(nil) // that opened could not watch
		l, log, stop := watched(t, file, nothing, func() (*fsnotify.Watcher, error) {
			if possible.Load() {
				return opened, nil
			}
			return nil, os.NewSyscallError("inotify_init1", syscall.EMFILE)
		})
		time.Sleep(time.Minute)
		write(t, file, allowing(newPage))
		time.Sleep(pollInterval + longest)
		if got := decides(l); got != "deny" {
			t.Errorf("without a watcher: %s", got)
		}
		lines := log.entries(t, unwatched)
		if len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["error"]), "too many open files") {
			t.Errorf("logged %v", lines)
		}
		possible.Store(true)
		time.Sleep(pollInterval + longest)
		if len(log.entries(t, "files are watched again")) != 1 {
			t.Errorf("logged %s", log)
		}
		close(opened.Events)
		synctest.Wait()
		stop()
	})
}

// TestNoWatch: the same if a watcher can be opened but watches nothing.
func TestNoWatch(t *testing.T) {
	t.Parallel()
	file := policyFile(t)
	synctest.Test(t, func(t *testing.T) {
		l, log, stop := watched(t, file, []string{file}, func() (*fsnotify.Watcher, error) {
			w, err := fsnotify.NewWatcher()
			if err == nil {
				err = w.Close()
			}
			return w, err
		})
		time.Sleep(time.Minute)
		write(t, file, allowing(newPage))
		time.Sleep(pollInterval + longest)
		if got := decides(l); got != "deny" || len(log.entries(t, unwatched)) != 1 {
			t.Errorf("%s, logged %s", got, log)
		}
		stop()
	})
}

// watched is a live whose files are watched, by way of paths, until stop is called, and its log.
func watched(
	t *testing.T, file string, paths []string, open func() (*fsnotify.Watcher, error),
) (l *live, log *journal, stop func()) {
	t.Helper()
	log = &journal{}
	l = newLive([]string{file}, telemetry.New(buildInfo().metric()), slog.New(slog.NewJSONHandler(log, nil)))
	l.watcher.open, l.watcher.paths = open, paths
	if !l.reload(causeStart) {
		t.Fatal("the policy is refused")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.watch(ctx) }()
	return l, log, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestEventOverflow: after events were lost the files are read.
func TestEventOverflow(t *testing.T) {
	t.Parallel()
	file := policyFile(t)
	synctest.Test(t, func(t *testing.T) {
		w := &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)}
		nothing := []string(nil)
		l, _, stop := watched(t, file, nothing, func() (*fsnotify.Watcher, error) { return w, nil })
		time.Sleep(6*pollInterval + time.Second)
		write(t, file, allowing(newPage))
		time.Sleep(pollInterval / 2) // before the files are looked at
		if got := decides(l); got != "allow" {
			t.Errorf("without an event: %s", got)
		}
		w.Errors <- fsnotify.ErrEventOverflow
		time.Sleep(2 * settle)
		if got := decides(l); got != "deny" {
			t.Errorf("after the overflow: %s", got)
		}
		close(w.Events)
		synctest.Wait()
		stop()
	})
}

// TestRetryTimes: a second, twice as long each time, up to a minute.
func TestRetryTimes(t *testing.T) {
	now := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	var r retry
	if r.pending() || r.due() != nil {
		t.Error("the zero retry is pending")
	}
	for i, want := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		r = r.failed(now, "input/output error")
		if got := r.next.Sub(now); got != time.Duration(want)*time.Second || r.attempts != i+1 || !r.pending() {
			t.Errorf("attempt %d: %s", i+1, r)
		}
	}
	const want = "could not be read 9 times, the next attempt is at 2026-01-01T00:01:00Z: input/output error"
	if r.String() != want {
		t.Error(r)
	}
}

// TestRetry: what cannot be read is read again without an event, and the state shows.
func TestRetry(t *testing.T) {
	t.Parallel()
	file := policyFile(t)
	synctest.Test(t, func(t *testing.T) {
		log := &journal{}
		l := newLive([]string{file}, telemetry.New(buildInfo().metric()), slog.New(slog.NewJSONHandler(log, nil)))
		l.watcher.open = func() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE }
		if !l.reload(causeStart) {
			t.Fatal("the policy is refused")
		}
		var failing atomic.Bool
		failing.Store(true)
		l.read = func() *reload.Report {
			if failing.Load() { // as if opening the file had failed
				return reload.Load([]string{filepath.Dir(file) + "/missing.yaml"})
			}
			return l.readFiles()
		}
		write(t, file, allowing(newPage))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- l.watch(ctx) }()
		time.Sleep(10 * time.Second)
		if r := l.snapshot().retry; r.attempts < 3 || r.attempts > 4 {
			t.Errorf("after ten seconds: %s", r)
		}
		if got := gaugeValue(t, l.metrics, "corsd_policy_read_retry_pending"); got != 1 || decides(l) != "allow" {
			t.Errorf("pending %v, %s", got, decides(l))
		}
		failing.Store(false)
		time.Sleep(lastRetry)
		if r := l.snapshot().retry; r.pending() || decides(l) != "deny" {
			t.Errorf("a minute later: %s, %s", r, decides(l))
		}
		if got := gaugeValue(t, l.metrics, "corsd_policy_read_retry_pending"); got != 0 {
			t.Errorf("pending %v", got)
		}
		if lines := log.entries(t, "policy is live"); lines[len(lines)-1]["cause"] != causeRetry {
			t.Errorf("logged %v", lines)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func gaugeValue(t *testing.T, m *telemetry.Metrics, name string) float64 {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// inPieces writes a file in place, as a program does that pauses after each piece.
func inPieces(t *testing.T, path string, pause time.Duration, pieces ...string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for _, piece := range pieces {
		if _, err := f.WriteString(piece); err != nil {
			t.Error(err)
		}
		time.Sleep(pause)
	}
}

// TestHalfWritten: a file that is written in place with pauses goes live as a whole.
func TestHalfWritten(t *testing.T) {
	t.Parallel()
	more := "---\n" + strings.NewReplacer("name: shop", "name: more", "api.shop", "more.shop").Replace(allowing(oldPage))
	file := write(t, filepath.Join(t.TempDir(), "policy.yaml"), allowing(oldPage)+more)
	synctest.Test(t, func(t *testing.T) {
		log := &journal{}
		l := newLive([]string{file}, telemetry.New(buildInfo().metric()), slog.New(slog.NewJSONHandler(log, nil)))
		if !l.reload(causeStart) {
			t.Fatal("the policy is refused")
		}
		l.watcher.open = func() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE }
		go inPieces(t, file, settle*4/5, allowing(newPage), "---\n", more[4:], "# one\n", "# two\n")
		synctest.Wait()
		began := time.Now()
		l.update(t.Context(), causeChange)
		if took := time.Since(began); took < 4*settle*4/5+settle || took > longest {
			t.Errorf("live after %s", took)
		}
		lines := log.entries(t, "policy is live")
		if len(lines) != 2 || !strings.HasPrefix(fmt.Sprint(lines[1]["summary"]), "policies: 2,") || decides(l) != "deny" {
			t.Errorf("logged %v", lines)
		}
	})
}

// TestChangedForEver: a file that is changed for ever is read all the same, and that is logged.
func TestChangedForEver(t *testing.T) {
	t.Parallel()
	file := policyFile(t)
	synctest.Test(t, func(t *testing.T) {
		log := &journal{}
		l := newLive([]string{file}, telemetry.New(buildInfo().metric()), slog.New(slog.NewJSONHandler(log, nil)))
		if !l.reload(causeStart) {
			t.Fatal("the policy is refused")
		}
		l.watcher.open = func() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE }
		pieces := []string{allowing(newPage)}
		for range 40 {
			pieces = append(pieces, "# more\n")
		}
		go inPieces(t, file, settle*4/5, pieces...)
		synctest.Wait()
		began := time.Now()
		l.update(t.Context(), causeChange)
		if took := time.Since(began); took < longest || took > longest+lookInterval || decides(l) != "deny" {
			t.Errorf("%s after %s", decides(l), took)
		}
		if len(log.entries(t, "policy files keep changing; reading them all the same")) != 1 {
			t.Errorf("logged %s", log)
		}
		time.Sleep(time.Minute) // until the writer has ended
	})
}

// TestChangedWhileRead: what is read while files change does not go live, but they are read
// again only once.
func TestChangedWhileRead(t *testing.T) {
	t.Parallel()
	file := policyFile(t)
	synctest.Test(t, func(t *testing.T) {
		l := newLive([]string{file}, telemetry.New(buildInfo().metric()), slog.New(slog.NewJSONHandler(io.Discard, nil)))
		if !l.reload(causeStart) {
			t.Fatal("the policy is refused")
		}
		l.watcher.open = func() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE }
		write(t, file, "half")
		reads := 0
		l.read = func() *reload.Report {
			report := l.readFiles()
			reads++
			write(t, file, allowing(newPage)+strings.Repeat("#\n", reads))
			return report
		}
		l.update(t.Context(), causeChange)
		if refused := l.snapshot().refused; reads != 2 || decides(l) != "deny" || refused != "" {
			t.Errorf("%d reads, %s, refused %q", reads, decides(l), refused)
		}
	})
}

// TestRemovedPolicies: a reload that takes policies or hosts away is logged with their names,
// whatever became of the file.
func TestRemovedPolicies(t *testing.T) {
	t.Parallel()
	const message = "this reload removes policies or hosts"
	named := func(name, hosts string) string {
		names := strings.NewReplacer("name: shop", "name: "+name, "[api.shop.example]", "["+hosts+"]")
		return names.Replace(allowing(oldPage))
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
			"a host goes to another policy", named("one", "one.example"), named("two", "one.example"),
			map[string]any{"policies": 1.0, "policyNames": []any{"one"}, "hosts": 0.0, "hostNames": nil},
		},
		{"another one comes", named("one", "one.example"), named("one", "one.example, two.example"), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir+"/shop.yaml", allowing(oldPage))
			write(t, dir+"/more.yaml", row.before)
			log := &journal{}
			l := newLive([]string{dir}, telemetry.New(buildInfo().metric()), slog.New(slog.NewJSONHandler(log, nil)))
			if !l.reload(causeStart) || len(log.entries(t, message)) > 0 {
				t.Fatalf("logged %s", log)
			}
			write(t, dir+"/more.yaml", row.after)
			if !l.reload(causeChange) {
				t.Fatalf("refused: %s", log)
			}
			lines := log.entries(t, message)
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

// TestRemovedNamesAreBounded: the line has all the numbers, but not all the names.
func TestRemovedNamesAreBounded(t *testing.T) {
	log := &journal{}
	removed := removal{policies: make([]string, maxRemovedNames+1), hosts: make([]string, maxRemovedNames)}
	removed.log(slog.New(slog.NewJSONHandler(log, nil)))
	line := log.entries(t, "this reload removes policies or hosts")[0]
	policies, _ := line["policyNames"].([]any)
	hosts, _ := line["hostNames"].([]any)
	if line["policies"] != float64(maxRemovedNames+1) || len(policies) != maxRemovedNames || len(hosts) != maxRemovedNames {
		t.Errorf("logged %v", line)
	}
}
