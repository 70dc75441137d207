package main

import (
	"sync/atomic"
	"time"
)

// pacer spreads reading a policy over time. What requests then wait for is mostly the
// garbage collector, which works for what is read.
type pacer struct {
	hurry *atomic.Bool // no more pauses
	since time.Time
	slept time.Duration
}

const (
	// leastWork is done before a pause.
	leastWork = 200 * time.Microsecond
	// pauseFactor is how much longer than the work before it a pause is.
	pauseFactor = 7
	// maxPauses bounds all pauses together: a policy of any size is live soon.
	maxPauses = 30 * time.Second
)

func newPacer(hurry *atomic.Bool) *pacer { return &pacer{hurry: hurry, since: time.Now()} }

// pause sleeps if enough has been done since it last did.
func (p *pacer) pause() {
	worked := time.Since(p.since)
	if worked < leastWork || p.slept >= maxPauses || p.hurry.Load() {
		return
	}
	length := min(pauseFactor*worked, maxPauses-p.slept)
	time.Sleep(length)
	p.slept += length
	p.since = time.Now()
}
