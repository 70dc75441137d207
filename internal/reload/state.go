package reload

import (
	"fmt"
	"io"
	"time"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// State describes the live policy, and the failures since it was read.
type State struct {
	// Hash is that of the live policy, and Since the time from which on it is live.
	Hash  string
	Since time.Time

	// Refused is the hash of the policy that was refused last, and Faults are its faults. It is ""
	// if the last policy that was read is live.
	Refused string
	Faults  []spec.Diagnostic

	// Pending is that of [source.Source].
	Pending string

	read string // the hash that was read last
}

// WriteText writes the state for people.
func (s State) WriteText(w io.Writer) {
	fmt.Fprintf(w, "live policy: %s since %s\n", s.Hash, s.Since.UTC().Format(time.RFC3339))
	if s.Pending != "" {
		fmt.Fprintf(w, "retry: %s\n", s.Pending)
	}
	if s.Refused == "" {
		return
	}
	fmt.Fprintf(w, "refused policy: %s\n", s.Refused)
	for _, f := range s.Faults {
		fmt.Fprintln(w, f.String())
	}
}
