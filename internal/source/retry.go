package source

import (
	"fmt"
	"time"
)

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// retry is when files that could not be read are read again. Too many open files, or an error of a
// disk or a network file system, go away without an event of the files. The zero retry means that
// nothing is to be read again.
type retry struct {
	attempts int       // that failed in a row
	next     time.Time // the next attempt
	err      string    // of the last attempt
}

// failed returns the retry after one more failed attempt.
func (r retry) failed(now time.Time, err string) retry {
	delay := lastRetry
	if r.attempts < 6 { // firstRetry << 6 is more than lastRetry
		delay = firstRetry << r.attempts
	}
	return retry{attempts: r.attempts + 1, next: now.Add(delay), err: err}
}

func (r retry) pending() bool { return r.attempts > 0 }

// isDue reports whether the time of the next attempt has come.
func (r retry) isDue(now time.Time) bool { return r.pending() && !now.Before(r.next) }

func (r retry) String() string {
	if !r.pending() {
		return ""
	}
	return fmt.Sprintf("could not be read %d times, the next attempt is at %s: %s",
		r.attempts, r.next.UTC().Format(time.RFC3339), r.err)
}
