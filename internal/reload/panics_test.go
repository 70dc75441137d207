package reload

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/internal/telemetry"
)

// panicky is a source whose steps panic when they are told to. Its watcher reports a change each second.
type panicky struct {
	settle, build atomic.Bool
	watching      atomic.Int32
}

func (s *panicky) Watch(ctx context.Context) <-chan source.Cause {
	causes := make(chan source.Cause)
	s.watching.Add(1)
	go func() {
		defer close(causes)
		defer func() { s.watching.Add(-1) }()
		for {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return
			}
			select {
			case causes <- source.Changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return causes
}

func (s *panicky) Settle(context.Context) bool {
	if s.settle.Load() {
		panic("on purpose")
	}
	return true
}

func (s *panicky) Build(string, time.Time) (*Report, bool) {
	if s.build.Load() {
		panic("on purpose")
	}
	report := Parse("policy.yaml", []byte(servetest.Allowing(servetest.OldPage)))
	report.Hash, report.config = time.Now().String(), &report.files.Config
	return report, false
}

func (s *panicky) Pending() string { return "" }

// TestPanicsAreContained: a panic while policies are followed, in whatever goroutine, is logged; the live policy
// stays, one watcher is left, and the next change goes live.
func TestPanicsAreContained(t *testing.T) {
	for name, panics := range map[string]func(*panicky) *atomic.Bool{
		"in the goroutine that reloads":      func(s *panicky) *atomic.Bool { return &s.settle },
		"in the one that reads and compiles": func(s *panicky) *atomic.Bool { return &s.build },
	} {
		synctest.Test(t, func(t *testing.T) {
			log := &servetest.Log{}
			s := &panicky{}
			r := New(s, nil, telemetry.New(telemetry.Build{}), slog.New(slog.NewJSONHandler(log, nil)))
			if !r.Start() {
				t.Fatalf("%s: refused: %s", name, log)
			}
			live := r.Engine()
			panics(s).Store(true)
			r.run(t)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if n := len(log.Entries(t, "panic while policies were followed; the live policy stays")); n != 1 || r.Engine() != live {
				t.Errorf("%s: %d panics logged: %s", name, n, log)
			}
			panics(s).Store(false)
			time.Sleep(restartDelay + 2*time.Second)
			synctest.Wait()
			if r.Engine() == live || s.watching.Load() != 1 {
				t.Errorf("%s: nothing goes live any more; %d watchers: %s", name, s.watching.Load(), log)
			}
		})
	}
}
