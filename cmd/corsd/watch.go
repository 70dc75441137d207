package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long the files must have been left alone before they are read:
// an editor writes in several steps.
const settle = 100 * time.Millisecond

// watchFiles sends a value after files that paths name may have changed. It
// watches directories: a file that is renamed over another, and a ConfigMap's
// ..data that is pointed elsewhere, are not seen by watching the file.
func watchFiles(paths []string, logger *slog.Logger) (changes <-chan struct{}, stop func()) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		logger.Warn("files cannot be watched; send SIGHUP after a change", "error", err)
		return nil, func() {}
	}
	for _, dir := range watchedDirs(paths) {
		if err := w.Add(dir); err != nil {
			logger.Warn("a directory cannot be watched; send SIGHUP after a change", "directory", dir, "error", err)
		}
	}
	out := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		settled(w, out, logger)
	}()
	return out, func() {
		if err := w.Close(); err != nil {
			logger.Warn("the file watcher did not close", "error", err)
		}
		<-done
	}
}

// watchedDirs gives each directory once: those that are named, and those of the
// files that are named, behind symbolic links too.
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
// further events are part of it.
func settled(w *fsnotify.Watcher, out chan<- struct{}, logger *slog.Logger) {
	var quiet <-chan time.Time
	var ready chan<- struct{}
	for {
		select {
		case event, ok := <-w.Events:
			if !ok {
				return
			}
			if event.Op != fsnotify.Chmod {
				quiet = time.After(settle)
			}
		case err, ok := <-w.Errors:
			if !ok {
				return
			}
			logger.Warn("watching files", "error", err)
			quiet = time.After(settle) // events may have been lost
		case <-quiet:
			quiet, ready = nil, out
		case ready <- struct{}{}:
			ready = nil
		}
	}
}
