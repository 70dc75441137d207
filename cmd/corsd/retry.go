package main

import (
	"fmt"
	"time"
)

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// retry is when files that could not be read are read again. Too many open files, an error of
// a disk or of a network file system go away without a change of the files, so there is no
// event for it. The zero retry is that nothing is to be read again.
type retry struct {
	attempts int       // readings in a row that failed
	next     time.Time // the next attempt
	err      string    // of the last one
}

// failed returns the retry after one more attempt that failed at a moment.
func (r retry) failed(now time.Time, err string) retry {
	delay := lastRetry
	if r.attempts < 6 { // 2^6 s is more than lastRetry
		delay = firstRetry << r.attempts
	}
	return retry{attempts: r.attempts + 1, next: now.Add(delay), err: err}
}

func (r retry) pending() bool { return r.attempts > 0 }

// due fires at the next attempt, and never if there is none.
func (r retry) due() <-chan time.Time {
	if !r.pending() {
		return nil
	}
	return time.After(time.Until(r.next))
}

func (r retry) String() string {
	return fmt.Sprintf("could not be read %d times, the next attempt is at %s: %s",
		r.attempts, r.next.UTC().Format(time.RFC3339), r.err)
}
