package source

import (
	"testing"
	"time"
)

// TestRetryTimes: a second, twice as long each time, up to a minute.
func TestRetryTimes(t *testing.T) {
	now := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	var r retry
	if r.pending() || r.isDue(now) || r.String() != "" {
		t.Error("the zero retry is pending")
	}
	for i, want := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		r = r.failed(now, "input/output error")
		if got := r.next.Sub(now); got != time.Duration(want)*time.Second || r.attempts != i+1 || !r.pending() {
			t.Errorf("attempt %d: %s", i+1, r)
		}
		if r.isDue(r.next.Add(-1)) || !r.isDue(r.next) {
			t.Errorf("attempt %d is not due at %s", i+1, r.next)
		}
	}
	const want = "could not be read 9 times, the next attempt is at 2026-01-01T00:01:00Z: input/output error"
	if r.String() != want {
		t.Error(r)
	}
}
