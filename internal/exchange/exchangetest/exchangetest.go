// Package exchangetest is shared by the tests of exchanges and of their adapters: a policy, an
// observer that remembers, and a log that can be read.
package exchangetest

import (
	"bytes"
	"context"
	_ "embed" // for the policy
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
)

//go:embed policy.yaml
var policyYAML []byte

// Engine compiles the policy of the tests.
func Engine(t testing.TB) *policy.Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, policyYAML, 0o600); err != nil {
		t.Fatal(err)
	}
	report := reload.Load([]string{path})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return report.Engine
}

// Fixture is the options of a service, and everything that it reports.
type Fixture struct {
	Engine   *policy.Engine // the live one
	Observer Recorder
	Log      Log
}

// Options returns the options of a service that reports to the fixture. Further observers come
// after its own.
func (f *Fixture) Options(more ...exchange.Observer) exchange.Options {
	return exchange.Options{
		Engine:    func() *policy.Engine { return f.Engine },
		Logger:    slog.New(slog.NewJSONHandler(&f.Log, nil)),
		Observers: append([]exchange.Observer{&f.Observer}, more...),
	}
}

// Recorder is an [exchange.Observer] that remembers.
type Recorder struct {
	mu        sync.Mutex
	Started   int
	Ends      []error
	Decisions []string // profile, class, verdict, reason and enforcement
	Strips    []string // policies
	Panics    int

	// OnDecided is called for each decision. It may be nil.
	OnDecided func(exchange.Event)
}

var _ exchange.Observer = (*Recorder)(nil)

// StreamStarted implements [exchange.Observer].
func (r *Recorder) StreamStarted(context.Context) { r.With(func() { r.Started++ }) }

// StreamEnded implements [exchange.Observer].
func (r *Recorder) StreamEnded(_ context.Context, err error) {
	r.With(func() { r.Ends = append(r.Ends, err) })
}

// StripConflict implements [exchange.Observer].
func (r *Recorder) StripConflict(_ context.Context, e exchange.Event) {
	r.With(func() { r.Strips = append(r.Strips, strings.Clone(e.Decision.Policy())) })
}

// Panicked implements [exchange.Observer].
func (r *Recorder) Panicked(context.Context) { r.With(func() { r.Panics++ }) }

// Decided implements [exchange.Observer].
func (r *Recorder) Decided(_ context.Context, e exchange.Event) {
	d := e.Decision
	r.With(func() {
		words := fmt.Sprintf("%s %s %s %s %s", e.Profile, d.Class, d.Verdict, d.Reason, d.Enforcement())
		r.Decisions = append(r.Decisions, words)
	})
	if r.OnDecided != nil {
		r.OnDecided(e)
	}
}

// With calls f while nothing is recorded.
func (r *Recorder) With(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// Log keeps log lines.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns all lines.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Entries returns the lines, in JSON, that have the message.
func (l *Log) Entries(t testing.TB, msg string) []map[string]any {
	t.Helper()
	var entries []map[string]any
	for line := range strings.Lines(l.String()) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if e["msg"] == msg {
			entries = append(entries, e)
		}
	}
	return entries
}
