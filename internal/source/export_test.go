package source

import (
	"github.com/fsnotify/fsnotify"

	"github.com/corsd/corsd/pkg/policy/policyfile"
)

const (
	PollInterval  = pollInterval
	SettleTime    = settleTime
	MaxSettleTime = maxSettleTime
	LookInterval  = lookInterval
	LastRetry     = lastRetry
)

// WatchBy sets how a watcher is opened, and the paths that it watches.
func (f *Files) WatchBy(open func() (*fsnotify.Watcher, error), paths ...string) {
	f.watcher.open, f.watcher.paths = open, paths
}

// ReadBy sets how the files are read.
func (f *Files) ReadBy(read func(paths []string) *policyfile.Files) { f.read = read }

// HashBy sets how the files are hashed.
func (f *Files) HashBy(hash func(paths []string) string) { f.hash = hash }

// Attempts returns how many attempts to read the files have failed.
func (f *Files) Attempts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.retry.attempts
}
