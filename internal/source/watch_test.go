package source_test

import (
	"context"
	"fmt"
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
	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/policyfile"
)

// These tests run in bubbles of synctest, whose clock begins in the year 2000. The files' times are
// those of the real clock unless a test sets them, so they lie in the future.

const unwatched = "files cannot be watched; corsd looks for changes at an interval"

// live is a reloader and its source.
type live struct {
	*reload.Reloader
	files   *source.Files
	log     *servetest.Log
	metrics *telemetry.Metrics
}

func noWatcher() (*fsnotify.Watcher, error) {
	return nil, os.NewSyscallError("inotify_init1", syscall.EMFILE)
}

// started returns a reloader with a live policy, whose files cannot be watched.
func started(t *testing.T, file string) *live {
	t.Helper()
	log := &servetest.Log{}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	l := &live{files: source.NewFiles([]string{file}, logger), log: log, metrics: telemetry.New(telemetry.Build{})}
	l.files.WatchBy(noWatcher)
	l.Reloader = reload.New(reload.FromFiles(l.files), nil, l.metrics, logger)
	if !l.Start() {
		t.Fatal("the policy is refused")
	}
	return l
}

// run reloads until stop is called.
func (l *live) run(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Run(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// verdict returns the decision about OldPage.
func (l *live) verdict() string {
	d := l.Engine().Decide(&policy.Request{
		Method: "GET", Scheme: "https", Authority: "api.shop.example", Path: "/", Origin: []string{servetest.OldPage},
	})
	return d.Verdict.String()
}

// denied waits until OldPage is denied, and returns how long that took.
func (l *live) denied(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	for time.Since(began) < time.Minute {
		if synctest.Wait(); l.verdict() == "deny" {
			return time.Since(began)
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("the change is not live after a minute; log:\n%s", l.log)
	return 0
}

// TestNoWatcher: without a file descriptor for a watcher no change is lost, and a watcher is opened
// as soon as that is possible.
func TestNoWatcher(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	synctest.Test(t, func(t *testing.T) {
		var possible atomic.Bool
		opened := &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)}
		l := started(t, file)
		l.files.WatchBy(func() (*fsnotify.Watcher, error) {
			if possible.Load() {
				return opened, nil
			}
			return noWatcher()
		})
		stop := l.run(t)
		time.Sleep(time.Minute)
		servetest.Write(t, file, servetest.Allowing(servetest.NewPage))
		time.Sleep(source.PollInterval + source.MaxSettleTime)
		if got := l.verdict(); got != "deny" {
			t.Errorf("without a watcher: %s", got)
		}
		lines := l.log.Entries(t, unwatched)
		if len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["error"]), "too many open files") {
			t.Errorf("logged %v", lines)
		}
		possible.Store(true)
		time.Sleep(source.PollInterval + source.MaxSettleTime)
		if len(l.log.Entries(t, "files are watched again")) != 1 {
			t.Errorf("logged %s", l.log)
		}
		closeEvents(opened)
		stop()
	})
}

// TestNoWatch: the same if a watcher can be opened but watches nothing.
func TestNoWatch(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	synctest.Test(t, func(t *testing.T) {
		l := started(t, file)
		l.files.WatchBy(func() (*fsnotify.Watcher, error) {
			w, err := fsnotify.NewWatcher()
			if err == nil {
				err = w.Close()
			}
			return w, err
		}, file)
		stop := l.run(t)
		time.Sleep(time.Minute)
		servetest.Write(t, file, servetest.Allowing(servetest.NewPage))
		time.Sleep(source.PollInterval + source.MaxSettleTime)
		if got := l.verdict(); got != "deny" || len(l.log.Entries(t, unwatched)) != 1 {
			t.Errorf("%s, logged %s", got, l.log)
		}
		stop()
	})
}

// closeEvents makes the source drop a watcher that cannot be closed, since a test made it.
func closeEvents(w *fsnotify.Watcher) {
	close(w.Events)
	time.Sleep(2 * source.LookInterval)
	synctest.Wait()
}

// withEvents runs l with a watcher to which only the test sends.
func (l *live) withEvents(t *testing.T) (w *fsnotify.Watcher, stop func()) {
	w = &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)}
	l.files.WatchBy(func() (*fsnotify.Watcher, error) { return w, nil })
	stopRun := l.run(t)
	time.Sleep(6*source.PollInterval + time.Second) // the files are looked at much later than in a moment
	return w, func() {
		closeEvents(w)
		stopRun()
	}
}

// TestEventOverflow: after events were lost the files are read.
func TestEventOverflow(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	synctest.Test(t, func(t *testing.T) {
		l := started(t, file)
		w, stop := l.withEvents(t)
		servetest.Write(t, file, servetest.Allowing(servetest.NewPage))
		time.Sleep(source.PollInterval / 2) // before the files are looked at
		if got := l.verdict(); got != "allow" {
			t.Errorf("without an event: %s", got)
		}
		w.Errors <- fsnotify.ErrEventOverflow
		time.Sleep(2 * source.SettleTime)
		if got := l.verdict(); got != "deny" {
			t.Errorf("after the overflow: %s", got)
		}
		stop()
	})
}

// TestRetry: files that cannot be read are read again without an event, and the state shows it.
func TestRetry(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	synctest.Test(t, func(t *testing.T) {
		l := started(t, file)
		var failing atomic.Bool
		failing.Store(true)
		l.files.ReadBy(func(paths []string) *policyfile.Files {
			if failing.Load() { // as if opening the file had failed
				paths = []string{filepath.Dir(file) + "/missing.yaml"}
			}
			return policyfile.Read(paths)
		})
		servetest.Write(t, file, servetest.Allowing(servetest.NewPage))
		stop := l.run(t)
		time.Sleep(10 * time.Second)
		if n := l.files.Attempts(); n < 3 || n > 4 {
			t.Errorf("after ten seconds: %d attempts, %s", n, l.files.Pending())
		}
		if got := l.State().Pending; !strings.HasPrefix(got, "could not be read ") {
			t.Errorf("the state has %q", got)
		}
		if got := gaugeValue(t, l.metrics, "corsd_policy_read_retry_pending"); got != 1 || l.verdict() != "allow" {
			t.Errorf("pending %v, %s", got, l.verdict())
		}
		failing.Store(false)
		time.Sleep(source.LastRetry)
		if got := l.State().Pending; got != "" || l.verdict() != "deny" {
			t.Errorf("a minute later: %s, %s", got, l.verdict())
		}
		if got := gaugeValue(t, l.metrics, "corsd_policy_read_retry_pending"); got != 0 {
			t.Errorf("pending %v", got)
		}
		if lines := l.log.Entries(t, "policy is live"); lines[len(lines)-1]["cause"] != string(source.Retry) {
			t.Errorf("logged %v", lines)
		}
		stop()
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

// TestWatchPanics: a panic of a watcher is logged, and ends the channel. The files can be watched again.
func TestWatchPanics(t *testing.T) {
	t.Parallel()
	log := &servetest.Log{}
	file := servetest.PolicyFile(t)
	f := source.NewFiles([]string{file}, slog.New(slog.NewJSONHandler(log, nil)))
	f.WatchBy(func() (*fsnotify.Watcher, error) { panic("on purpose") }, file)
	for cause := range f.Watch(t.Context()) {
		t.Errorf("a cause: %s", cause)
	}
	if entries := log.Entries(t, "panic while files were watched"); len(entries) != 1 || entries[0]["panic"] != "on purpose" {
		t.Errorf("the log has: %s", log)
	}
	f.WatchBy(fsnotify.NewWatcher, file)
	if cause := <-f.Watch(t.Context()); cause != source.Changed {
		t.Errorf("the first cause after it: %s", cause)
	}
}
