package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/term"
)

const (
	// maxQueuedLines and maxQueuedBytes bound the log lines that wait to be written. A refused
	// policy logs up to 2,000 lines at once, one for each fault and warning.
	maxQueuedLines = 4096
	maxQueuedBytes = 4 << 20

	// flushTimeout bounds how long an ending process waits until its last lines are read.
	flushTimeout = time.Second
)

// newLogger returns a logger that never waits for the reader of w. It writes text to a terminal,
// and JSON otherwise. The caller closes the queue.
func newLogger(w io.Writer, level slog.Level, dropped prometheus.Counter) (*slog.Logger, *logQueue) {
	options := &slog.HandlerOptions{Level: level}
	handler := func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, options) }
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		handler = func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, options) }
	}
	q := newLogQueue(w, handler(w), dropped)
	return slog.New(handler(q)), q
}

// logQueue queues log lines, which one goroutine writes to another writer. So no request, reload
// or shutdown waits until someone reads the log. If the queue is full, a line is dropped and
// counted. The same holds for a line that cannot be written, since the next one may succeed.
type logQueue struct {
	out     io.Writer
	direct  slog.Handler // writes to out; used by the goroutine alone
	dropped prometheus.Counter

	lines      chan []byte
	bytes      atomic.Int64  // in lines
	unreported atomic.Uint64 // dropped lines that no line has reported yet
	closing    chan struct{}
	closeOnce  sync.Once
	done       chan struct{} // closed when the goroutine has ended
}

func newLogQueue(out io.Writer, direct slog.Handler, dropped prometheus.Counter) *logQueue {
	q := &logQueue{
		out: out, direct: direct, dropped: dropped,
		lines: make(chan []byte, maxQueuedLines), closing: make(chan struct{}), done: make(chan struct{}),
	}
	go q.run()
	return q
}

// Write queues a copy of one line. It never blocks and never fails.
func (q *logQueue) Write(line []byte) (int, error) {
	size := int64(len(line))
	if q.bytes.Add(size) > maxQueuedBytes {
		q.bytes.Add(-size)
		q.drop(1)
		return len(line), nil
	}
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.bytes.Add(-size)
		q.drop(1)
	}
	return len(line), nil
}

func (q *logQueue) drop(n uint64) {
	q.dropped.Add(float64(n))
	q.unreported.Add(n)
}

// close writes the queued lines. It returns after timeout even if nobody reads them; the goroutine
// then ends when its last write returns.
func (q *logQueue) close(timeout time.Duration) {
	q.closeOnce.Do(func() { close(q.closing) })
	select {
	case <-q.done:
	case <-time.After(timeout):
	}
}

func (q *logQueue) run() {
	defer close(q.done)
	for {
		select {
		case line := <-q.lines:
			q.write(line)
		case <-q.closing:
			for {
				select {
				case line := <-q.lines:
					q.write(line)
				default:
					return
				}
			}
		}
	}
}

// write writes a line. If that succeeds, it reports how many lines were dropped before.
func (q *logQueue) write(line []byte) {
	_, err := q.out.Write(line)
	q.bytes.Add(-int64(len(line)))
	if err != nil {
		q.drop(1)
		return
	}
	n := q.unreported.Swap(0)
	if n == 0 {
		return
	}
	report := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines were dropped: nobody read them in time", 0)
	report.AddAttrs(slog.Uint64("lines", n))
	if q.direct.Handle(context.Background(), report) != nil {
		q.unreported.Add(n)
	}
}
