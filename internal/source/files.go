package source

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/corsd/corsd/pkg/policy/policyfile"
)

// pollInterval is how often files are looked at without an event. A network file system sends
// none, a directory above may not be readable, and the system may be out of watches.
const pollInterval = 10 * time.Second

// Files are policies in files and directories. Make them with [NewFiles].
type Files struct {
	paths   []string
	logger  *slog.Logger
	watcher *watcher
	read    func(paths []string) *policyfile.Files
	hash    func(paths []string) string

	seen snapshot // of the last Settle, or of the first Read

	retryTimer *time.Timer
	mu         sync.Mutex
	retry      retry // guarded by mu
}

var _ Source = (*Files)(nil)

// NewFiles returns the source of the policies that paths name, see [policyfile.Read].
func NewFiles(paths []string, logger *slog.Logger) *Files {
	f := &Files{
		paths: paths, logger: logger, read: policyfile.Read, hash: policyfile.Hash,
		retryTimer: time.NewTimer(lastRetry),
		watcher:    &watcher{paths: paths, logger: logger, open: fsnotify.NewWatcher},
	}
	f.retryTimer.Stop()
	return f
}

// Watch watches the files, and looks at them at an interval. The first value is sent at once:
// files may have changed before they were watched. The channel is closed when the watcher ends: with ctx,
// or by a panic, which is logged.
func (f *Files) Watch(ctx context.Context) <-chan Cause {
	causes := make(chan Cause)
	go f.watch(ctx, causes)
	return causes
}

func (f *Files) watch(ctx context.Context, causes chan<- Cause) {
	defer close(causes)
	defer func() {
		if p := recover(); p != nil {
			f.logger.Error("panic while files were watched", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	w := f.watcher
	w.rewatch()
	defer w.close()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	looked := look(f.paths)
	for cause := Changed; ; {
		select {
		case causes <- cause:
		case <-ctx.Done():
			return
		}
		select { // bounds the work if a directory has many events, such as those of a log file
		case <-time.After(lookInterval):
		case <-ctx.Done():
			return
		}
		if cause = f.next(ctx, poll.C, &looked); ctx.Err() != nil {
			return
		}
		w.drain() // the reader sees the files as they are after this
		w.rewatch()
	}
}

// next waits for the next cause to read the files, or the end of ctx.
func (f *Files) next(ctx context.Context, poll <-chan time.Time, looked *snapshot) Cause {
	w := f.watcher
	for {
		select {
		case <-ctx.Done():
			return Changed
		case event, open := <-w.events():
			w.keep(open)
			if open && w.set.matters(event) {
				return Changed
			}
		case err, open := <-w.errors():
			w.keep(open)
			if open {
				f.logger.Warn("events of files may be lost; reading the files", "error", err)
				return Changed
			}
		case <-poll:
			w.rewatch()
			before := *looked
			if *looked = look(f.paths); !looked.equal(before) {
				return Changed
			}
		case <-f.retryTimer.C:
			return Retry
		}
	}
}

// Settle waits until nobody writes the files any more, see [settleTime].
func (f *Files) Settle(ctx context.Context) (settled bool) {
	f.seen, settled = settle(ctx, f.paths, f.seen)
	if !settled && ctx.Err() == nil {
		f.logger.Warn("policy files keep changing; reading them all the same", "after", maxSettleTime.String())
	}
	return settled
}

// Read reads the files. Hashing them first saves most of the work if nothing has changed, as after
// most events: those of other files in the same directory. One of these is often a file that is renamed into place a
// moment later, while the others are hashed: then reading, which needs far longer, would be in vain.
func (f *Files) Read(known string) (files *policyfile.Files, torn bool) {
	if f.seen == nil {
		f.seen = look(f.paths)
	}
	if known != "" && f.hash(f.paths) == known {
		f.stillUnreadable()
		return nil, false
	}
	if known != "" && !f.seen.equal(look(f.paths)) {
		return nil, true
	}
	files = f.read(f.paths)
	f.scheduleRetry(files)
	return files, !f.seen.equal(look(f.paths))
}

// Pending describes the next attempt to read files that could not be read.
func (f *Files) Pending() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.retry.String()
}

// scheduleRetry schedules the next attempt if a file could not be read. Files that have changed
// meanwhile are tried again as soon as at first.
func (f *Files) scheduleRetry(files *policyfile.Files) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.retry
	f.retry = retry{}
	f.retryTimer.Stop()
	if files.Unreadable == nil {
		return
	}
	now := time.Now()
	if !before.isDue(now) {
		before = retry{}
	}
	f.setRetry(before.failed(now, files.Unreadable.String()))
}

// stillUnreadable schedules another attempt if this one was due and changed nothing.
func (f *Files) stillUnreadable() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); f.retry.isDue(now) {
		f.setRetry(f.retry.failed(now, f.retry.err))
	}
}

// setRetry sets the next attempt. The caller holds f.mu.
func (f *Files) setRetry(r retry) {
	f.retry = r
	f.retryTimer.Reset(time.Until(r.next))
}
