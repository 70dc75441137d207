package modulehost

import (
	"sync"
	"time"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
)

// Stats are the figures about reloads.
type Stats struct {
	// Reloads counts policies that were read and are live, Refused those that were refused.
	Reloads, Refused uint64
	// Generation counts the engines that have been live, with those of expiries.
	Generation uint64
	// Live is when the last of them went live.
	Live time.Time
	// IsRefused reports that the policy that was read last was refused.
	IsRefused bool
	// FromSnapshot reports that the live policy is that of the snapshot.
	FromSnapshot bool
}

// stats keeps [Stats]. It implements [reload.Metrics].
type stats struct {
	mu       sync.Mutex
	now      Stats
	watchers map[int]func()
	last     int
}

var _ reload.Metrics = (*stats)(nil)

// Stats returns the figures.
func (s *stats) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// OnChange has f called after each change of the figures or of the live policies, from any goroutine,
// until stop is called. Once stop has returned, f is not called any more.
func (s *stats) OnChange(f func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers == nil {
		s.watchers = map[int]func(){}
	}
	s.last++
	id := s.last
	s.watchers[id] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, id)
	}
}

func (s *stats) change(f func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.now)
	for _, watcher := range s.watchers {
		watcher()
	}
}

// Reloaded implements [reload.Metrics].
func (s *stats) Reloaded(string) {
	s.change(func(n *Stats) { n.Reloads, n.IsRefused, n.FromSnapshot = n.Reloads+1, false, false })
}

// Refused implements [reload.Metrics].
func (s *stats) Refused() {
	s.change(func(n *Stats) { n.Refused, n.IsRefused = n.Refused+1, true })
}

// Live implements [reload.Metrics].
func (s *stats) Live(*policy.Engine, []string) {
	s.change(func(n *Stats) { n.Generation, n.Live = n.Generation+1, time.Now() })
}

// Expired implements [reload.Metrics]: decisions that were remembered are not valid any more.
func (s *stats) Expired() { s.change(func(*Stats) {}) }

// Restored implements [reload.Metrics].
func (s *stats) Restored(string, time.Time) {
	s.change(func(n *Stats) { n.FromSnapshot = true })
}

// RetryPending implements [reload.Metrics]: the log reports it.
func (s *stats) RetryPending(bool) {}

// SnapshotWritten implements [reload.Metrics]: only its failure matters, and is logged.
func (s *stats) SnapshotWritten(time.Time) {}

// SnapshotFailed implements [reload.Metrics].
func (s *stats) SnapshotFailed() {}
