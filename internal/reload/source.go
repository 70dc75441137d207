package reload

import (
	"context"
	"time"

	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/policyfile"
)

// Source is where policies come from. One goroutine calls Settle and Build; Pending may be called by
// any.
type Source interface {
	// Watch returns a channel that receives a value when the policies may have changed since they
	// were built last. It is closed when ctx ends.
	Watch(ctx context.Context) <-chan source.Cause

	// Settle waits until no change of the policies is half done. It returns false if they kept
	// changing for too long, or ctx ended.
	Settle(ctx context.Context) bool

	// Build reads the policies and compiles them as of a moment. It returns nil if their hash is the
	// known one, and if the policies are not known yet: then Watch reports when they are. Torn reports
	// that the policies have changed since the last Settle, so that the result may be a mixture, or is nil
	// if a hash is known.
	Build(known string, now time.Time) (report *Report, torn bool)

	// Pending describes what the source will try again by itself, "" if nothing.
	Pending() string
}

// FromFiles returns the source of policies in files. One fault refuses all of them.
func FromFiles(files source.Source) Source { return fileSource{files} }

type fileSource struct{ source.Source }

// Build implements [Source].
func (s fileSource) Build(known string, now time.Time) (report *Report, torn bool) {
	var files *policyfile.Files
	whileReading(func() { files, torn = s.Read(known) })
	if files == nil {
		return nil, torn
	}
	report = compile(files, []policy.Option{policy.At(now)})
	config := files.Config
	report.config = &config // and not a part of files, which have the text of all of them
	return report, torn
}
