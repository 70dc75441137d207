package reload

import (
	"testing"

	"github.com/corsd/corsd/internal/limits"
)

// TestGCPercent holds the percentage against what Go makes of it: so much garbage,
// whatever lives, within bounds.
func TestGCPercent(t *testing.T) {
	const mb = 1 << 20
	// goal is when Go's collector runs (runtime/mgcpacer.go).
	goal := func(live, roots uint64, percent int) uint64 {
		return max(live+(live+roots)*uint64(percent)/100, 4*mb*uint64(percent)/100)
	}
	for _, row := range []struct {
		c                 collection
		live, roots, want uint64
	}{
		{serving, 0, 0, servingGarbage},
		{serving, mb, mb / 2, servingGarbage},
		{serving, 3 * mb, mb / 2, servingGarbage},
		{serving, 10 * mb, mb / 2, servingGarbage},
		{serving, 200 * mb, mb, 100 * mb}, // half of the live heap
		{sparing, mb, mb / 2, 2 * mb},
		{sparing, 50 * mb, mb / 2, 3 * mb / 2}, // the percentage is rounded down to 3
		{sparing, 500 * mb, mb / 2, 10 * mb},
	} {
		percent := row.c.percent(row.live, row.roots)
		live := row.live + row.c.unseen
		if got := goal(live, row.roots, percent) - live; got < row.want*95/100 || got > row.want*105/100 {
			t.Errorf("%d MB live: %d %%, which makes %d kB of garbage, not %d", row.live/mb, percent, got>>10, row.want>>10)
		}
	}
}

// TestGCBesideTheSoftLimit: below the soft limit there is room for the garbage, beside the memory that peers may hold and
// corsd's own. Otherwise the limit would make the collector run all the time.
func TestGCBesideTheSoftLimit(t *testing.T) {
	const itself = 16 << 20
	for _, memory := range []int64{256 << 20, 1 << 30} {
		soft, peers := limits.SoftLimit(memory), memory/10*7 // see the tests of package limits
		if left := soft - peers - itself; left < servingGarbage {
			t.Errorf("%d MiB: %d MiB are left for garbage", memory>>20, left>>20)
		}
	}
}
