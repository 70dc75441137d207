package reload

import (
	"fmt"
	"io"
	"time"

	"github.com/corsd/corsd/internal/printable"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// State describes the live policy, and the failures since it was read.
type State struct {
	// Hash is that of the live policy, and Since the time from which on it is live.
	Hash  string
	Since time.Time

	// Snapshot is the path of the snapshot, and Written when it was written, if its policy is live.
	// It is "" if the live policy is from the source.
	Snapshot string
	Written  time.Time

	// Refused is the hash of the policy that was refused last, and Faults are its faults. It is ""
	// if the last policy that was read is live.
	Refused string
	Faults  []spec.Diagnostic

	// Replaced are the faults of documents in whose place others are live, see [Report.Replaced].
	Replaced []spec.Diagnostic

	// Pending is that of [Source].
	Pending string

	read string // the hash that was read last
}

// age returns how long ago the live snapshot was written.
func (s State) age() time.Duration { return max(time.Since(s.Written).Truncate(time.Second), 0) }

// snapshotFields returns the fields of a log line about the live snapshot, none if there is none.
func (s State) snapshotFields() []any {
	if s.Snapshot == "" {
		return nil
	}
	return []any{"snapshot", s.Snapshot, "written", s.Written.UTC().Format(time.RFC3339), "age", s.age().String()}
}

// WriteSnapshot writes a line if the policy of a snapshot is live.
func (s State) WriteSnapshot(w io.Writer) {
	if s.Snapshot != "" {
		fmt.Fprintf(w, "the policy is that of the snapshot %s, written %s (%s ago): "+
			"those of the source are refused, or not read yet\n",
			printable.Name(s.Snapshot), s.Written.UTC().Format(time.RFC3339), s.age())
	}
}

// WriteText writes the state for people.
func (s State) WriteText(w io.Writer) {
	if s.Hash == "" {
		fmt.Fprintln(w, "live policy: none yet")
	} else {
		fmt.Fprintf(w, "live policy: %s since %s\n", s.Hash, s.Since.UTC().Format(time.RFC3339))
	}
	if s.Pending != "" {
		fmt.Fprintf(w, "retry: %s\n", s.Pending)
	}
	for _, f := range s.Replaced {
		fmt.Fprintln(w, f.String())
	}
	if s.Refused == "" {
		return
	}
	fmt.Fprintf(w, "refused policy: %s\n", s.Refused)
	for _, f := range s.Faults {
		fmt.Fprintln(w, f.String())
	}
}
