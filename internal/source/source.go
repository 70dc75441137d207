// Package source knows where policies come from and when they change. It reads documents; it does
// not compile them.
package source

import (
	"context"

	"github.com/corsd/corsd/pkg/policy/policyfile"
)

// Source is where policies come from. One goroutine calls Settle and Read; Pending may be called
// by any.
type Source interface {
	// Watch returns a channel that receives a value when the policies may have changed since they
	// were read last, and when reading that failed is to be tried again. It stops when ctx ends.
	Watch(ctx context.Context) <-chan Cause

	// Settle waits until no change of the policies is half done. It returns false if they kept
	// changing for too long, or ctx ended.
	Settle(ctx context.Context) bool

	// Read reads the policies. It returns nil if their hash is the known one. Torn reports that
	// the policies have changed since the last Settle, so that the result may be a mixture, or is
	// nil if a hash is known.
	Read(known string) (files *policyfile.Files, torn bool)

	// Pending describes what the source will try again by itself, "" if nothing.
	Pending() string
}

// Cause is why policies are read. It is logged.
type Cause string

// The causes that a source reports.
const (
	Changed Cause = "file change"
	Retry   Cause = "files could not be read before"
)
