package main

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"time"

	"github.com/corsd/corsd/pkg/policy/policyfile"
)

const (
	// settle is how long no file may have changed before the files are read: some programs
	// write a file in several steps, and what is half written must not go live.
	settle = 500 * time.Millisecond
	// longest is the end of waiting for that. Files that are changed for ever must not keep
	// a revocation from going live.
	longest = 5 * time.Second
	// lookInterval is how often they are looked at meanwhile.
	lookInterval = 100 * time.Millisecond
)

// files is what can be seen of files without reading them, by name. The value is nil for one
// that cannot be seen.
type files map[string]fs.FileInfo

func lookAt(paths []string) files {
	seen := files{}
	for _, name := range policyfile.List(paths) {
		info, err := os.Stat(name)
		if err != nil {
			info = nil
		}
		seen[name] = info
	}
	return seen
}

// equal reports whether nothing can be seen to have changed.
func (f files) equal(other files) bool {
	return maps.EqualFunc(f, other, func(a, b fs.FileInfo) bool {
		if a == nil || b == nil {
			return a == nil && b == nil
		}
		return os.SameFile(a, b) && a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime())
	})
}

// awaitStill waits until the files have been left alone for settle, or for longest, or until
// ctx ends. It returns what they look like then, and whether they were left alone.
func awaitStill(ctx context.Context, paths []string) (seen files, still bool) {
	began := time.Now()
	since := began // when seen was seen first
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for seen = lookAt(paths); ; {
		select {
		case <-ctx.Done():
			return seen, false
		case <-tick.C:
		}
		now := lookAt(paths)
		if !now.equal(seen) {
			seen, since = now, time.Now()
		}
		switch {
		case time.Since(since) >= settle:
			return seen, true
		case time.Since(began) >= longest:
			return seen, false
		}
	}
}
