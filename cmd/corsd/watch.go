package main

import (
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

// watchFiles sends a value after files that paths name may have changed. It
// watches directories: a file that is renamed over another, and a ConfigMap's
// ..data that is pointed elsewhere, are not seen by watching the file.
func watchFiles(paths []string, logger *slog.Logger) (changes <-chan struct{}, stop func()) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		logger.Warn("files cannot be watched; send SIGHUP after a change", "error", err)
		return nil, func() {}
	}
	watch := func() {
		for _, dir := range watchedDirs(paths) {
			if err := w.Add(dir); err != nil {
				logger.Warn("a directory cannot be watched; send SIGHUP after a change", "directory", dir, "error", err)
			}
		}
	}
	watch()
	out := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		settled(w, watch, out, logger)
	}()
	return out, func() {
		if err := w.Close(); err != nil {
			logger.Warn("the file watcher did not close", "error", err)
		}
		<-done
	}
}

// watchedDirs gives each directory once: those that are named, those of the files
// that are named, behind symbolic links too, and those in which a symbolic link on
// the way to them stands, which may be pointed elsewhere.
func watchedDirs(paths []string) []string {
	var dirs []string
	seen := map[string]bool{}
	add := func(dir string) {
		if !seen[dir] {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	for _, path := range paths {
		for p := filepath.Clean(path); p != filepath.Dir(p); p = filepath.Dir(p) {
			if info, err := os.Lstat(p); err == nil && info.Mode().Type() == fs.ModeSymlink {
				add(filepath.Dir(p))
			}
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			add(path)
			continue
		}
		add(filepath.Dir(path))
		if target, err := filepath.EvalSymlinks(path); err == nil {
			add(filepath.Dir(target))
		}
	}
	return dirs
}

// settled sends once for each burst of events. While nobody takes the value,
// further events are part of it. It watches again after each burst: a link may lead
// to another directory by then.
func settled(w *fsnotify.Watcher, watch func(), out chan<- struct{}, logger *slog.Logger) {
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
		case event, ok := <-w.Events:
			if !ok {
				return
			}
			if event.Op != fsnotify.Chmod {
				wait()
			}
		case err, ok := <-w.Errors:
			if !ok {
				return
			}
			logger.Warn("watching files", "error", err)
			wait() // events may have been lost
		case <-quiet:
			watch()
			quiet, ready = nil, out
		case ready <- struct{}{}:
			ready = nil
		}
	}
}
