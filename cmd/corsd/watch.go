package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pollInterval is how often the files are looked at without an event. Events make a change
// live soon; looking makes sure that none is lost: network file systems send none, a
// directory above may not be readable, and there may be no descriptor or watch left.
const pollInterval = 10 * time.Second

// fileWatcher reports that files may have changed. It watches directories: a file that is
// renamed over another, and a ConfigMap's ..data that is pointed elsewhere, are not seen by
// watching the file; and all the directories above, since any of them may be renamed, or
// removed and made again.
type fileWatcher struct {
	paths  []string
	logger *slog.Logger
	open   func() (*fsnotify.Watcher, error)

	watcher *fsnotify.Watcher // nil while none could be opened
	ways    ways
	failed  bool // files cannot be watched, and that was logged
}

// arm watches what the paths lead through by now: a link may lead to another directory than
// before, a directory may be a new one, and what failed before may work.
func (f *fileWatcher) arm() {
	err := f.tryArm()
	switch {
	case err != nil && !f.failed:
		f.logger.Warn("files cannot be watched; a change is found when they are looked at, every so often",
			"interval", pollInterval.String(), "error", err)
	case err == nil && f.failed:
		f.logger.Info("files are watched again")
	}
	f.failed = err != nil
}

func (f *fileWatcher) tryArm() error {
	f.ways = waysTo(f.paths)
	if f.watcher == nil {
		watcher, err := f.open()
		if err != nil {
			return err
		}
		f.watcher = watcher
	}
	var failed error
	for dir := range f.ways.dirs {
		err := f.watcher.Add(dir)
		// A directory above may be closed to corsd, and any may be gone in the meantime.
		expected := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) && !f.ways.named[dir]
		if err != nil && !expected && failed == nil {
			failed = &fs.PathError{Op: "watch", Path: dir, Err: err}
		}
	}
	return failed
}

// events is nil if there is no watcher.
func (f *fileWatcher) events() <-chan fsnotify.Event {
	if f.watcher == nil {
		return nil
	}
	return f.watcher.Events
}

// errors is nil if there is no watcher. After an error events may be missing: see
// [fsnotify.ErrEventOverflow].
func (f *fileWatcher) errors() <-chan error {
	if f.watcher == nil {
		return nil
	}
	return f.watcher.Errors
}

// drain drops the events that have happened.
func (f *fileWatcher) drain() {
	for {
		select {
		case _, ok := <-f.events():
			if !ok {
				f.watcher = nil
			}
		case _, ok := <-f.errors():
			if !ok {
				f.watcher = nil
			}
		default:
			return
		}
	}
}

func (f *fileWatcher) close() {
	if f.watcher == nil {
		return
	}
	if err := f.watcher.Close(); err != nil {
		f.logger.Warn("the file watcher did not close", "error", err)
	}
}

// ways are what paths lead through, links followed.
type ways struct {
	dirs  map[string]bool // to watch: those that exist
	named map[string]bool // directories of which every entry matters
	names map[string]bool // of entries of the others that matter
}

func waysTo(paths []string) ways {
	w := ways{dirs: map[string]bool{}, named: map[string]bool{}, names: map[string]bool{}}
	for _, path := range paths {
		if absolute, err := filepath.Abs(path); err == nil {
			w.add(absolute, maxLinks)
		}
	}
	return w
}

// maxLinks bounds the links that are followed, as systems do.
const maxLinks = 40

// add adds a path and all that it leads through.
func (w *ways) add(path string, links int) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		w.named[path], w.dirs[path] = true, true
	} else {
		w.named[filepath.Dir(path)] = true // beside a file stand ..data, and what is renamed over it
	}
	for p := path; p != filepath.Dir(p) && !w.names[p]; p = filepath.Dir(p) {
		w.names[p] = true
		if info, err := os.Stat(filepath.Dir(p)); err == nil && info.IsDir() {
			w.dirs[filepath.Dir(p)] = true
		}
		target, err := os.Readlink(p)
		if err != nil || links == 0 {
			continue
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(p), target)
		}
		w.add(filepath.Join(target, path[len(p):]), links-1)
	}
}

// matters reports whether an event may be about the files.
func (w *ways) matters(event fsnotify.Event) bool {
	return w.names[event.Name] || w.named[filepath.Dir(event.Name)]
}
