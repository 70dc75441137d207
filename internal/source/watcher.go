package source

import (
	"errors"
	"io/fs"
	"log/slog"

	"github.com/fsnotify/fsnotify"
)

// watcher receives the events of files. It opens itself again if it fails.
type watcher struct {
	paths  []string
	logger *slog.Logger
	open   func() (*fsnotify.Watcher, error)

	inner  *fsnotify.Watcher // nil while none could be opened
	set    watchSet
	failed bool // files cannot be watched, and that was logged
}

// rewatch watches the directories that the paths lead through now: a link may lead to another
// directory than before, a directory may be a new one, and a watch that failed may succeed.
func (w *watcher) rewatch() {
	err := w.tryRewatch()
	switch {
	case err != nil && !w.failed:
		w.logger.Warn("files cannot be watched; corsd looks for changes at an interval",
			"interval", pollInterval.String(), "error", err)
	case err == nil && w.failed:
		w.logger.Info("files are watched again")
	}
	w.failed = err != nil
}

func (w *watcher) tryRewatch() error {
	w.set = watchSetOf(w.paths)
	if w.inner == nil {
		inner, err := w.open()
		if err != nil {
			return err
		}
		w.inner = inner
	}
	var failed error
	for dir := range w.set.dirs {
		err := w.inner.Add(dir)
		// corsd may not be permitted to read a directory above, and any may be gone by now.
		expected := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) && !w.set.whole[dir]
		if err != nil && !expected && failed == nil {
			failed = &fs.PathError{Op: "watch", Path: dir, Err: err}
		}
	}
	return failed
}

// events returns nil if there is no watcher.
func (w *watcher) events() <-chan fsnotify.Event {
	if w.inner == nil {
		return nil
	}
	return w.inner.Events
}

// errors returns nil if there is no watcher. After an error events may be missing, see
// [fsnotify.ErrEventOverflow].
func (w *watcher) errors() <-chan error {
	if w.inner == nil {
		return nil
	}
	return w.inner.Errors
}

// drain drops the events that are waiting.
func (w *watcher) drain() {
	for {
		select {
		case _, ok := <-w.events():
			w.keep(ok)
		case _, ok := <-w.errors():
			w.keep(ok)
		default:
			return
		}
	}
}

// keep drops the watcher if its channel was closed. The next rewatch opens another.
func (w *watcher) keep(open bool) {
	if !open {
		w.inner = nil
	}
}

func (w *watcher) close() {
	if w.inner == nil {
		return
	}
	if err := w.inner.Close(); err != nil {
		w.logger.Warn("the file watcher did not close", "error", err)
	}
}
