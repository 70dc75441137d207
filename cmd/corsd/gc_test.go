package main

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestGCPercent: so much garbage, whatever lives, within bounds.
func TestGCPercent(t *testing.T) {
	for _, row := range []struct {
		live, garbage uint64
		want          int
	}{
		{live: 0, garbage: 20 << 20, want: maxGCPercent},
		{live: 4 << 20, garbage: 20 << 20, want: maxGCPercent},
		{live: 10 << 20, garbage: 20 << 20, want: 200},
		{live: 20 << 20, garbage: 100 << 20, want: maxGCPercent},
		{live: 100 << 20, garbage: 100 << 20, want: 100},
		{live: 1 << 30, garbage: 20 << 20, want: minGCPercent},
	} {
		if got := gcPercent(row.live, row.garbage); got != row.want {
			t.Errorf("%d bytes live, %d of garbage: %d %%, not %d", row.live, row.garbage, got, row.want)
		}
	}
}

// TestPacer: nine tenths of the time are pauses, up to a bound, and none while corsd stops.
func TestPacer(t *testing.T) {
	work := func(p *pacer, pieces int) time.Duration {
		began := time.Now()
		for range pieces {
			time.Sleep(200 * time.Microsecond)
			p.pause()
		}
		return time.Since(began)
	}
	synctest.Test(t, func(t *testing.T) {
		var hurry atomic.Bool
		if took := work(newPacer(&hurry), 4); took != 800*time.Microsecond {
			t.Errorf("less than a millisecond of work took %v", took)
		}
		p := newPacer(&hurry)
		if took := work(p, 5000); took != 10*time.Second {
			t.Errorf("a second of work took %v", took)
		}
		if took := work(p, 100_000); took != 20*time.Second+maxPauses-9*time.Second {
			t.Errorf("twenty seconds more took %v", took)
		}
		hurry.Store(true)
		if took := work(newPacer(&hurry), 5000); took != time.Second {
			t.Errorf("a second of work while corsd stops took %v", took)
		}
	})
}
