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

// settle is how long the files must have been left alone before they are read:
// an editor writes in several steps. Where something beside them is never left
// alone, such as a log, longest is the end of waiting.
const (
	settle  = 100 * time.Millisecond
	longest = time.Second
)

// watchFiles sends a value after files that paths name may have changed. It watches
// directories: a file that is renamed over another, and a ConfigMap's ..data that is
// pointed elsewhere, are not seen by watching the file; and all the directories above,
// since any of them may be renamed, or removed and made again.
func watchFiles(paths []string, logger *slog.Logger) (changes <-chan struct{}, stop func()) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		logger.Warn("files cannot be watched; send SIGHUP after a change", "error", err)
		return nil, func() {}
	}
	f := &fileWatcher{Watcher: w, paths: paths, logger: logger}
	f.arm()
	out := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.settled(out)
	}()
	return out, func() {
		if err := w.Close(); err != nil {
			logger.Warn("the file watcher did not close", "error", err)
		}
		<-done
	}
}

type fileWatcher struct {
	*fsnotify.Watcher
	paths  []string
	logger *slog.Logger
	ways   ways
}

// arm watches what the paths lead through by now.
func (f *fileWatcher) arm() {
	f.ways = waysTo(f.paths)
	for dir := range f.ways.dirs {
		// A directory above may be closed to us, and one may be gone in the meantime.
		if err := f.Add(dir); err != nil && f.ways.named[dir] && !errors.Is(err, fs.ErrNotExist) {
			f.logger.Warn("a directory cannot be watched; send SIGHUP after a change", "directory", dir, "error", err)
		}
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

// settled sends once for each burst of events. While nobody takes the value, further
// events are part of it. It arms again after each burst: a link may lead to another
// directory by then, and a directory may be a new one.
func (f *fileWatcher) settled(out chan<- struct{}) {
	var quiet <-chan time.Time
	var began time.Time // the burst
	var ready chan<- struct{}
	wait := func() {
		if quiet == nil {
			began = time.Now()
		}
		quiet = time.After(min(settle, time.Until(began.Add(longest))))
	}
	for {
		select {
		case event, ok := <-f.Events:
			if !ok {
				return
			}
			if f.ways.matters(event) {
				wait()
			}
		case err, ok := <-f.Errors:
			if !ok {
				return
			}
			f.logger.Warn("watching files", "error", err)
			wait() // events may have been lost
		case <-quiet:
			f.arm()
			quiet, ready = nil, out
		case ready <- struct{}{}:
			ready = nil
		}
	}
}
