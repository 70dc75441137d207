package reload

import (
	"context"
	"log/slog"
	"time"

	"github.com/corsd/corsd/pkg/policy/spec"
)

const (
	// snapshotRetry is the time after which a snapshot that could not be written is written again.
	snapshotRetry = time.Minute
	// snapshotWait bounds how long the end of Run waits for the last snapshot: a file system may hang.
	snapshotWait = 2 * time.Second
)

// snapshotWriter writes snapshots in a goroutine of its own: no reload and no stop waits for a disk.
type snapshotWriter struct {
	Snapshot
	metrics Metrics
	logger  *slog.Logger
	next    chan []byte // the documents to be written, of which only the last matter
}

// UseSnapshot makes the reloader write a snapshot of each policy that is live, and serve it if the
// first reading of the source is refused. It is called before Start.
func (r *Reloader) UseSnapshot(s Snapshot) {
	r.snapshot = &snapshotWriter{Snapshot: s, metrics: r.metrics, logger: r.logger, next: make(chan []byte, 1)}
}

// put replaces the documents that wait to be written. It does not wait. One goroutine calls it.
func (w *snapshotWriter) put(c *spec.Config) {
	documents, err := documentsFor(c)
	if err != nil {
		w.failed(err)
		return
	}
	select {
	case <-w.next:
	default:
	}
	w.next <- documents
}

// start writes snapshots until the function that it returns is called. That waits until the last is
// written, but no longer than snapshotWait.
func (w *snapshotWriter) start(ctx context.Context) (stop func()) {
	if w == nil {
		return func() {}
	}
	// A policy that goes live while ctx ends is written, too.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			if p := recover(); p != nil {
				logPanic(w.logger, p)
			}
		}()
		w.run(ctx)
	}()
	return func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(snapshotWait):
		}
	}
}

func (w *snapshotWriter) run(ctx context.Context) {
	var retry <-chan time.Time
	var documents []byte
	for {
		select {
		case <-ctx.Done():
			select {
			case documents = <-w.next:
				w.write(documents)
			default:
			}
			return
		case documents = <-w.next:
		case <-retry:
		}
		if retry = nil; w.write(documents) {
			documents = nil
		} else {
			retry = time.After(snapshotRetry)
		}
	}
}

func (w *snapshotWriter) write(documents []byte) bool {
	written, err := w.save(documents, time.Now())
	if err != nil {
		w.failed(err)
		return false
	}
	w.metrics.SnapshotWritten(written)
	return true
}

func (w *snapshotWriter) failed(err error) {
	w.metrics.SnapshotFailed()
	w.logger.Warn("the snapshot could not be written; a start beside a refused policy would not serve this one",
		"snapshot", w.Path, "error", err)
}
