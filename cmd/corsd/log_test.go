package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corsd/corsd/internal/telemetry"
)

// gate is a writer that blocks while it is shut, as a pipe does that nobody reads.
type gate struct {
	journal
	mu sync.Mutex
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.journal.Write(p)
}

// counted returns the value of a counter without labels, 0 if there is none.
func counted(t *testing.T, m *telemetry.Metrics, name string) int {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return int(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return 0
}

const droppedName = "corsd_log_lines_dropped_total"

// TestUnreadLog: a logger does not wait for a reader, counts what it drops, reports it in
// one line when it is read again, and then loses nothing.
func TestUnreadLog(t *testing.T) {
	t.Parallel()
	out := &gate{}
	m := telemetry.New(buildInfo().metric())
	logger, q := newLogger(out, slog.LevelInfo, m.LogDropped)
	out.mu.Lock()
	const extra = 100
	for i := range maxQueuedLines + extra { // one more may be in the goroutine's hands
		logger.Info("line", "number", i)
	}
	n := counted(t, m, droppedName)
	if n != extra && n != extra-1 {
		t.Errorf("dropped %d lines", n)
	}
	out.mu.Unlock()
	q.close(patience)
	lines := out.entries(t, "line")
	if len(lines) != maxQueuedLines+extra-n {
		t.Errorf("%d lines are written, and %d dropped", len(lines), n)
	}
	report := out.entries(t, "log lines were dropped: nobody read them in time")
	if len(report) != 1 || report[0]["lines"] != float64(n) || report[0]["level"] != "WARN" {
		t.Errorf("reported %v, want %d lines", report, n)
	}
}

// TestUnreadLogBytes: large lines are bounded too.
func TestUnreadLogBytes(t *testing.T) {
	t.Parallel()
	out := &gate{}
	m := telemetry.New(buildInfo().metric())
	_, q := newLogger(out, slog.LevelInfo, m.LogDropped)
	out.mu.Lock()
	const size, fit = 64 << 10, maxQueuedBytes / (64 << 10)
	for range fit + 5 {
		if n, err := q.Write(bytes.Repeat([]byte("x"), size)); n != size || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if n := counted(t, m, droppedName); n != 5 {
		t.Errorf("dropped %d lines, want 5", n)
	}
	out.mu.Unlock()
	q.close(patience)
	if n := strings.Count(out.String(), "x"); n != size*fit {
		t.Errorf("%d bytes are written, want %d", n, size*fit)
	}
}

// TestLogIsFlushed: close writes all that is queued.
func TestLogIsFlushed(t *testing.T) {
	t.Parallel()
	out := &gate{}
	logger, q := newLogger(out, slog.LevelInfo, telemetry.New(buildInfo().metric()).LogDropped)
	for i := range 1000 {
		logger.Info("line", "number", i)
	}
	q.close(patience)
	if lines := out.entries(t, "line"); len(lines) != 1000 || lines[999]["number"] != 999.0 {
		t.Errorf("%d lines", len(lines))
	}
}

// TestLogIsNotAwaited: close does not wait for a reader beyond its bound.
func TestLogIsNotAwaited(t *testing.T) {
	t.Parallel()
	out := &gate{}
	logger, q := newLogger(out, slog.LevelInfo, telemetry.New(buildInfo().metric()).LogDropped)
	out.mu.Lock()
	logger.Info("line")
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		q.close(time.Millisecond)
	}()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("close waits")
	}
	out.mu.Unlock()
	<-q.done
	<-closed
}

// failing is a writer whose first writes fail.
type failing struct {
	bytes.Buffer
	fail int
}

func (f *failing) Write(p []byte) (int, error) {
	if f.fail > 0 {
		f.fail--
		return 0, errors.New("no space left on device")
	}
	return f.Buffer.Write(p)
}

// TestLogWriteErrors: what cannot be written is counted and reported, and writing goes on.
func TestLogWriteErrors(t *testing.T) {
	t.Parallel()
	out := &failing{fail: 2}
	m := telemetry.New(buildInfo().metric())
	logger, q := newLogger(out, slog.LevelInfo, m.LogDropped)
	for i := range 3 {
		logger.Info("line", "number", i)
	}
	q.close(patience)
	var line, report map[string]any
	decoder := json.NewDecoder(&out.Buffer)
	if err := errors.Join(decoder.Decode(&line), decoder.Decode(&report)); err != nil {
		t.Fatal(err)
	}
	if line["number"] != 2.0 || report["lines"] != 2.0 || counted(t, m, droppedName) != 2 {
		t.Errorf("%v, %v, dropped %d", line, report, counted(t, m, droppedName))
	}
}

// TestRefusalsWithoutReader: refusals are answered though nobody reads standard error.
func TestRefusalsWithoutReader(t *testing.T) {
	t.Parallel()
	const refusals, workers = 10_000, 8
	err := &gate{}
	s := startOn(t, err, &err.journal, "--policy", policyFile(t), "--log-level", "debug")
	conn := s.conn()
	address := s.address("admin is listening")
	err.mu.Lock()
	var group errgroup.Group
	for range workers {
		group.Go(func() error {
			for range refusals / workers {
				if got := s.verdict(conn, newPage); got != "deny" {
					return fmt.Errorf("verdict %s", got)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", address); err != nil || c.Close() != nil {
		t.Errorf("the admin listener: %v", err)
	}
	err.mu.Unlock()
	s.waitForLine("refused")
}

// TestLastWords: a command that ends does not wait for a reader.
func TestLastWords(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), []string{"serve"}, stdio{err: w, env: func(string) string { return "" }})
	}()
	select {
	case status := <-ended:
		if status != exitUsage {
			t.Errorf("exit status %d", status)
		}
	case <-time.After(patience):
		t.Error("the command has not ended")
	}
	if err := r.Close(); err != nil { // lets the writer go
		t.Error(err)
	}
}
