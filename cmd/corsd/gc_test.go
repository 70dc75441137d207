package main

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestGCPercent holds the percentage against what Go makes of it: so much garbage,
// whatever lives, within bounds.
func TestGCPercent(t *testing.T) {
	const mb = 1 << 20
	// goal is when Go's collector runs (runtime/mgcpacer.go).
	goal := func(live, roots uint64, percent int) uint64 {
		return max(live+(live+roots)*uint64(percent)/100, 4*mb*uint64(percent)/100)
	}
	for _, row := range []struct{ live, roots, garbage, want uint64 }{
		{live: 0, roots: 0, garbage: servingGarbage, want: servingGarbage},
		{live: mb, roots: mb / 2, garbage: servingGarbage, want: servingGarbage},
		{live: 3 * mb, roots: mb / 2, garbage: servingGarbage, want: servingGarbage},
		{live: 10 * mb, roots: mb / 2, garbage: servingGarbage, want: servingGarbage},
		{live: 200 * mb, roots: mb, garbage: servingGarbage, want: 100 * mb}, // half of what lives
		{live: mb, roots: mb, garbage: loadingGarbage, want: servingGarbage},
		{live: 10 * mb, roots: mb, garbage: loadingGarbage, want: 40 * mb}, // four times what lives
		{live: 90 * mb, roots: mb, garbage: loadingGarbage, want: loadingGarbage},
	} {
		percent := gcPercent(row.live, row.roots, row.garbage)
		if got := goal(row.live, row.roots, percent) - row.live; got < row.want*95/100 || got > row.want*105/100 {
			t.Errorf("%d MB live, %d MB of garbage: %d %%, which makes %d MB of garbage, not %d", row.live/mb, row.garbage/mb, percent, got/mb, row.want/mb)
		}
	}
}

// TestPacer: seven eighths of the time are pauses, up to a bound, and none while corsd stops.
func TestPacer(t *testing.T) {
	const piece = leastWork / 2
	work := func(p *pacer, pieces int) time.Duration {
		began := time.Now()
		for range pieces {
			time.Sleep(piece)
			p.pause()
		}
		return time.Since(began)
	}
	synctest.Test(t, func(t *testing.T) {
		var hurry atomic.Bool
		if took := work(newPacer(&hurry), 1); took != piece {
			t.Errorf("less work than has a pause took %v", took)
		}
		p := newPacer(&hurry)
		if took := work(p, 10_000); took != (1+pauseFactor)*time.Second {
			t.Errorf("a second of work took %v", took)
		}
		if took := work(p, 200_000); took != 20*time.Second+maxPauses-pauseFactor*time.Second {
			t.Errorf("twenty seconds more took %v", took)
		}
		hurry.Store(true)
		if took := work(newPacer(&hurry), 10_000); took != time.Second {
			t.Errorf("a second of work while corsd stops took %v", took)
		}
	})
}
