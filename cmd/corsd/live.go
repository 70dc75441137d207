package main

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/policyfile"
)

// live holds the engine that is live, and replaces it when its files change.
type live struct {
	paths    []string
	engine   atomic.Pointer[policy.Engine]
	stopping atomic.Bool
	garbage  atomic.Uint64  // that there may be, see [gcTuner]
	hangup   chan os.Signal // SIGHUP
	metrics  *metrics
	logger   *slog.Logger
	work     time.Duration // that the last reading was

	mu    sync.Mutex
	state liveState
}

// causeHangup is the cause of a reload that someone asked for.
const causeHangup = "SIGHUP"

// liveState is how reading the policy went.
type liveState struct {
	read    string    // hash of what was read last
	hash    string    // of what is live
	since   time.Time // it went live
	refused string    // hash of what was refused last, "" if the last reading went well
	faults  []policyfile.Diagnostic
}

func newLive(paths []string, m *metrics, logger *slog.Logger) *live {
	l := &live{paths: paths, metrics: m, logger: logger, hangup: make(chan os.Signal, 1)}
	l.garbage.Store(servingGarbage)
	return l
}

// reload reads the policy. All that can fail happens before the live engine is
// touched: one that is refused changes nothing.
func (l *live) reload(why string) bool {
	report := l.load()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.read = report.Hash
	if report.Err() != nil {
		l.refuse(report, why)
		if engine := l.engine.Load(); engine != nil {
			engine.Expire(time.Now())
		}
		return false
	}
	before := l.engine.Load()
	same := report.Hash == l.state.hash && before.NextExpiry().Equal(report.Engine.NextExpiry())
	if !same { // an engine that stays has said already what it has to say
		l.engine.Store(report.Engine)
	}
	l.metrics.reloaded(report.Hash)
	if !same || l.state.refused != "" {
		l.logger.Info("policy is live", "cause", why, "hash", report.Hash, "summary", report.Engine.Summary())
		for _, w := range report.Warnings {
			l.logger.Warn("policy warning", "diagnostic", w.String())
		}
	}
	if report.Hash != l.state.hash {
		l.state.since = time.Now()
	}
	l.state = liveState{read: report.Hash, hash: report.Hash, since: l.state.since}
	return true
}

// load reads and compiles the policy, beside requests where another one is live.
func (l *live) load() *policyfile.Report {
	if l.engine.Load() == nil { // nobody waits for anything else
		began := time.Now()
		report := l.read(func() {})
		l.work = time.Since(began)
		debug.FreeOSMemory()
		return report
	}
	l.garbage.Store(loadingGarbage)
	defer l.garbage.Store(servingGarbage)
	var report *policyfile.Report
	inBackground(func() {
		p := newPacer(&l.stopping, threadTime, l.work)
		report = l.read(p.pause)
		l.work = p.worked()
	})
	// Memory is not given back at once, which requests would have to wait for: Go does it
	// by itself, in some seconds.
	return report
}

func (l *live) read(pause func()) *policyfile.Report {
	return policyfile.LoadWithPauses(l.paths, pause, policy.At(time.Now()), policy.Encoding(extproc.EncodeFields))
}

// changed reports whether the files say anything else than when they were read last.
// There are events for much that leaves them as they are, such as a log beside them.
func (l *live) changed() (changed bool) {
	inBackground(func() {
		pause := newPacer(&l.stopping, threadTime, 0).pause
		changed = policyfile.HashWithPauses(l.paths, pause) != l.snapshot().read
	})
	return changed
}

// refuse says what is wrong once for each content, with every fault.
func (l *live) refuse(report *policyfile.Report, why string) {
	l.metrics.refused()
	l.state.faults = report.Faults
	if l.state.refused == report.Hash {
		if why == causeHangup { // someone asks
			l.logger.Error("policy is still refused", "cause", why, "hash", report.Hash, "faults", len(report.Faults))
		}
		return
	}
	l.state.refused = report.Hash
	message := "policy refused, and there is none before it"
	if l.engine.Load() != nil {
		message = "policy refused; the last good one stays live"
	}
	l.logger.Error(message, "cause", why, "hash", report.Hash, "faults", len(report.Faults))
	for _, f := range report.Faults {
		l.logger.Error("policy fault", "diagnostic", f.String())
	}
}

func (l *live) snapshot() liveState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// watch reloads when a file changes, on SIGHUP, and when an origin set expires.
func (l *live) watch(ctx context.Context) error {
	changes, closeWatcher := watchFiles(l.paths, l.logger)
	defer closeWatcher()
	reloadChanged := func() {
		if l.changed() {
			l.reload("file change")
		}
	}
	reloadChanged() // since the first reading, when nobody was watching
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.hangup:
			l.reload(causeHangup)
		case <-changes:
			reloadChanged()
		case <-l.expiry():
			l.reload("an origin set expires")
		}
	}
}

// maxTimer bounds how long a timer is trusted: a machine's clock may be set
// while it runs.
const maxTimer = time.Hour

// expiry fires when the next origin set expires. Where none does it never fires.
func (l *live) expiry() <-chan time.Time {
	at := l.engine.Load().NextExpiry()
	if at.IsZero() {
		return nil
	}
	return time.After(min(max(time.Until(at), time.Second), maxTimer))
}
