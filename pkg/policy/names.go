package policy

import (
	"iter"
	"time"
)

// Policies returns the names of all policies.
func (e *Engine) Policies() iter.Seq[string] {
	return func(yield func(string) bool) {
		x := e.tables()
		for i := range x.Policies {
			if !yield(x.Policies[i].Name) {
				return
			}
		}
	}
}

// Hosts returns the patterns of all hosts that policies name, each once. A captured label reads
// {tenant}, as in [Explanation].
func (e *Engine) Hosts() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, pattern := range e.tables().Hosts() {
			if !yield(pattern.String()) {
				return
			}
		}
	}
}

// Expiries returns the names of the origin sets that have a date, with the time from which on each
// grants nothing. Sets that have expired are among them.
func (e *Engine) Expiries() iter.Seq2[string, time.Time] { return e.tables().Expiries() }
