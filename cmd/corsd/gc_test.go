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
		{live: 8 * mb, roots: mb, garbage: loadingGarbage, want: 32 * mb}, // four times what lives
		{live: 60 * mb, roots: mb, garbage: loadingGarbage, want: loadingGarbage},
	} {
		percent := gcPercent(row.live, row.roots, row.garbage)
		if got := goal(row.live, row.roots, percent) - row.live; got < row.want*95/100 || got > row.want*105/100 {
			t.Errorf("%d MB live, %d MB of garbage: %d %%, which makes %d MB of garbage, not %d", row.live/mb, row.garbage/mb, percent, got/mb, row.want/mb)
		}
	}
}

// TestGCBesideTheSoftLimit: with all that peers may hold, and what corsd itself has, there is as much room below the soft
// limit as garbage is to take, so that the limit does not make the collector run all the time.
func TestGCBesideTheSoftLimit(t *testing.T) {
	const itself = 16 << 20
	for _, memory := range []uint64{256 << 20, 1 << 30} {
		soft, peers := memory/10*9, memory/4*3 // see the tests of package limits
		if soft < peers+itself+servingGarbage {
			t.Errorf("%d MiB: %d MiB are left for garbage", memory>>20, (int64(soft)-int64(peers+itself))>>20)
		}
	}
}

// TestPacer: pauses are spread evenly over the work that is expected, up to a bound of
// each and of all, and there are none while corsd stops.
func TestPacer(t *testing.T) {
	const piece = leastWork / 2
	var hurry atomic.Bool
	// work gives how long some work took with its pauses.
	work := func(expected, all time.Duration) time.Duration {
		var worked time.Duration
		p := newPacer(&hurry, func() time.Duration { return worked }, expected)
		began := time.Now()
		for worked < all {
			time.Sleep(piece)
			worked += piece
			p.pause()
		}
		if got := p.worked(); got != all {
			t.Errorf("of %v worked %v", all, got)
		}
		return time.Since(began)
	}
	synctest.Test(t, func(t *testing.T) {
		const expected = 8 * time.Second // of which, with the surplus, each second has 2.8 s of pauses, and 1 s more
		for _, row := range []struct{ expected, all, want time.Duration }{
			{0, piece, piece}, // less than has a pause
			{0, time.Second, (1 + maxPauseFactor) * time.Second},
			{expected, 5 * time.Second, 10*time.Second + maxPauses/2},
			{expected, 10 * time.Second, 20*time.Second + maxPauses},
			{expected, 20 * time.Second, 40*time.Second + maxPauses},
			{0, 20 * time.Second, 40*time.Second + maxPauses},
		} {
			if got := work(row.expected, row.all); got.Round(time.Millisecond) != row.want.Round(time.Millisecond) {
				t.Errorf("%v of work where %v was expected took %v, not %v", row.all, row.expected, got, row.want)
			}
		}
		hurry.Store(true)
		if took := work(0, time.Second); took != time.Second {
			t.Errorf("a second of work while corsd stops took %v", took)
		}
	})
}

// TestPacerAfterLongSleep: a pause that took too long is made up for.
func TestPacerAfterLongSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hurry atomic.Bool
		var worked time.Duration
		p := newPacer(&hurry, func() time.Duration { return worked }, 0)
		pause := func() time.Duration {
			time.Sleep(leastWork)
			worked += leastWork
			began := time.Now()
			p.pause()
			return time.Since(began)
		}
		p.slept = (2*maxPauseFactor - 1) * leastWork
		if first, second := pause(), pause(); first != 0 || second != leastWork {
			t.Errorf("pauses of %v and %v", first, second)
		}
	})
}
