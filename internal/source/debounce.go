package source

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"time"

	"github.com/corsd/corsd/pkg/policy/policyfile"
)

const (
	// settleTime is how long files must have been left alone before they are read: some programs
	// write a file in several steps, and a half-written policy must not go live.
	settleTime = 300 * time.Millisecond
	// maxSettleTime bounds the wait for that. Files that never stop changing must not keep a
	// revocation from going live.
	maxSettleTime = 5 * time.Second
	// lookInterval is how often files are looked at during the wait, and the least time between
	// two changes that a source reports.
	lookInterval = 50 * time.Millisecond
)

// snapshot is the state of files, by name, as far as it shows without reading them. The value is
// nil for a file that cannot be examined.
type snapshot map[string]fs.FileInfo

// look returns a snapshot of the files that paths name.
func look(paths []string) snapshot {
	s := snapshot{}
	for _, name := range policyfile.List(paths) {
		info, err := os.Stat(name)
		if err != nil {
			info = nil
		}
		s[name] = info
	}
	return s
}

// equal reports whether no file has changed from one snapshot to the other.
func (s snapshot) equal(other snapshot) bool { return maps.EqualFunc(s, other, sameState) }

func sameState(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime())
}

// isComplete reports whether every change since an earlier snapshot put a whole file into place:
// the name leads to another file than before, and that file was written at least settleTime ago.
// So it is after a rename, and after a link was pointed elsewhere. A file that is gone may be
// about to be written again.
func (s snapshot) isComplete(before snapshot, now time.Time) bool {
	for name, info := range s {
		old := before[name]
		switch {
		case sameState(info, old):
		case info == nil, old != nil && os.SameFile(info, old):
			return false
		case now.Sub(info.ModTime()) < settleTime:
			return false
		}
	}
	for name := range before {
		if _, found := s[name]; !found {
			return false
		}
	}
	return true
}

// settle waits until nobody writes the files any more: every change since before put a whole file
// into place, or the files have been left alone for settleTime. It gives up after maxSettleTime,
// and when ctx ends. It returns the last snapshot.
func settle(ctx context.Context, paths []string, before snapshot) (s snapshot, settled bool) {
	began := time.Now()
	unchangedSince := began
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for s = look(paths); ; {
		now := time.Now()
		switch {
		case s.isComplete(before, now), now.Sub(unchangedSince) >= settleTime:
			return s, true
		case now.Sub(began) >= maxSettleTime:
			return s, false
		}
		select {
		case <-ctx.Done():
			return s, false
		case <-tick.C:
		}
		if latest := look(paths); !latest.equal(s) {
			s, unchangedSince = latest, time.Now()
		}
	}
}
