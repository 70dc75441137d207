package main

import (
	"sync/atomic"
	"time"
)

// pacer spreads reading a policy over time. What requests then wait for is mostly the
// garbage collector, which works for what is read.
type pacer struct {
	hurry  *atomic.Bool         // no more pauses
	clock  func() time.Duration // how much has been worked, since some moment
	factor float64              // how much longer than the work pauses are

	began time.Duration // on that clock
	since time.Time     // the last look at it
	slept time.Duration
}

const (
	// leastWork is done before a pause.
	leastWork = 200 * time.Microsecond
	// maxPauseFactor is how much longer than the work pauses are where there is time.
	maxPauseFactor = 7
	// maxPauses bounds all pauses together, beyond as much as the work itself: a policy of
	// any size is live soon.
	maxPauses = 28 * time.Second
	// surplus is how much more work there may be than was expected before that bound is
	// felt. Beside requests all work takes longer.
	surplus = 1.25
)

// newPacer spreads pauses evenly over so much work as is expected.
func newPacer(hurry *atomic.Bool, clock func() time.Duration, expected time.Duration) *pacer {
	factor := min(maxPauseFactor, 1+float64(maxPauses)/(surplus*float64(max(expected, 1))))
	return &pacer{hurry: hurry, clock: clock, factor: factor, began: clock(), since: time.Now()}
}

// worked is how much there has been to do.
func (p *pacer) worked() time.Duration { return p.clock() - p.began }

// pause sleeps if enough has been done since it last did. A sleep that took too long, as
// it does where the processor is busy, makes the next ones shorter.
func (p *pacer) pause() {
	now := time.Now()
	if now.Sub(p.since) < leastWork || p.hurry.Load() {
		return
	}
	p.since = now
	worked := p.worked()
	pauses := min(time.Duration(p.factor*float64(worked)), maxPauses+worked)
	if owed := pauses - p.slept; owed > 0 {
		time.Sleep(owed)
		p.since = time.Now()
		p.slept += p.since.Sub(now)
	}
}
