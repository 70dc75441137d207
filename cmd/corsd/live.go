package main

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/policyfile"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// live holds the engine that is live, and replaces it when its files change.
type live struct {
	paths    []string
	engine   atomic.Pointer[policy.Engine]
	stopping atomic.Bool
	hangup   chan os.Signal // SIGHUP
	metrics  *telemetry.Metrics
	logger   *slog.Logger
	watcher  *fileWatcher
	read     func() *reload.Report
	files    files // as they were before the last reading

	mu    sync.Mutex
	state liveState
}

// The causes of a reload.
const (
	causeStart  = "start"
	causeChange = "file change"
	causeHangup = "SIGHUP" // someone asks
	causeExpiry = "an origin set expires"
	causeRetry  = "files could not be read before"
)

// liveState is how reading the policy went.
type liveState struct {
	read    string    // hash of what was read last
	hash    string    // of what is live
	since   time.Time // it went live
	refused string    // hash of what was refused last, "" if the last reading went well
	faults  []spec.Diagnostic
	retry   retry
}

func newLive(paths []string, m *telemetry.Metrics, logger *slog.Logger) *live {
	l := &live{
		paths: paths, metrics: m, logger: logger, hangup: make(chan os.Signal, 1),
		watcher: &fileWatcher{paths: paths, logger: logger, open: fsnotify.NewWatcher},
	}
	l.read = l.readFiles
	return l
}

// reload reads the policy, and reports whether it is good.
func (l *live) reload(why string) bool {
	good := l.use(l.load(), why)
	tuneGC()
	return good
}

// use makes what was read live. All that can fail has happened before the live engine is
// touched: a policy that is refused changes nothing.
func (l *live) use(report *reload.Report, why string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.read = report.Hash
	l.scheduleRetry(report.Unreadable, why)
	if report.Err() != nil {
		l.refuse(report, why)
		if engine := l.engine.Load(); engine != nil {
			engine.Expire(time.Now())
		}
		return false
	}
	before := l.engine.Load()
	same := report.Hash == l.state.hash && before.NextExpiry().Equal(report.Engine.NextExpiry()) && why != causeExpiry
	if !same { // an engine that stays has said already what it has to say
		l.engine.Store(report.Engine)
	}
	l.metrics.Reloaded(report.Hash)
	if !same || l.state.refused != "" {
		l.logger.Info("policy is live", "cause", why, "hash", report.Hash, "summary", report.Engine.Summary())
		for _, w := range report.Warnings {
			l.logger.Warn("policy warning", "diagnostic", w.String())
		}
	}
	if !same && before != nil {
		removed := removedBy(report.Engine, before)
		removed.log(l.logger)
		l.metrics.KeepOnly(report.Engine.Policies(), removed.policies)
	}
	if report.Hash != l.state.hash {
		l.state.since = time.Now()
	}
	l.state = liveState{read: report.Hash, hash: report.Hash, since: l.state.since}
	return true
}

// scheduleRetry keeps files that could not be read for another attempt. The caller holds l.mu.
func (l *live) scheduleRetry(fault *spec.Diagnostic, why string) {
	switch {
	case fault == nil:
		l.state.retry = retry{}
	case why == causeRetry:
		l.state.retry = l.state.retry.failed(time.Now(), fault.String())
	default:
		l.state.retry = retry{}.failed(time.Now(), fault.String())
	}
	l.metrics.RetryPending(l.state.retry.pending())
}

// load reads and compiles the policy, beside requests where another one is live.
func (l *live) load() *reload.Report {
	if l.engine.Load() == nil { // nobody waits for anything else
		report := l.read()
		debug.FreeOSMemory() // reading needs several times what is kept
		return report
	}
	var report *reload.Report
	inBackground(func() { report = l.read() })
	return report
}

func (l *live) readFiles() *reload.Report {
	return reload.Load(l.paths, policy.At(time.Now()))
}

// changed reports whether the files contain anything else than when they were read last.
func (l *live) changed() (changed bool) {
	inBackground(func() { changed = policyfile.Hash(l.paths) != l.snapshot().read })
	return changed
}

// refuse says what is wrong once for each content, with every fault.
func (l *live) refuse(report *reload.Report, why string) {
	l.metrics.Refused()
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

// watch reloads when a file changes, on SIGHUP, when an origin set expires, and when files
// could not be read.
func (l *live) watch(ctx context.Context) error {
	w := l.watcher
	w.arm()
	defer w.close()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	l.update(ctx, causeChange) // since the first reading, when nobody was watching
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-l.hangup:
			l.update(ctx, causeHangup)
		case event, ok := <-w.events():
			if !ok { // it is opened again when the files are looked at
				w.watcher = nil
			} else if w.ways.matters(event) {
				l.update(ctx, causeChange)
			}
		case err, ok := <-w.errors():
			if !ok {
				w.watcher = nil
				continue
			}
			l.logger.Warn("events of files may be lost; reading the files", "error", err)
			l.update(ctx, causeChange)
		case <-poll.C:
			w.arm()
			if !l.files.equal(lookAt(l.paths)) {
				l.update(ctx, causeChange)
			}
		case <-l.snapshot().retry.due():
			l.update(ctx, causeRetry)
		case <-l.expiry():
			if l.expire() {
				l.update(ctx, causeExpiry)
			}
		}
	}
	return nil
}

// update reads the policy once the files are still. A reading during which they change is
// dropped, but only once, since they may change for ever.
func (l *live) update(ctx context.Context, why string) {
	for attempt := 0; ; attempt++ {
		var still bool
		l.files, still = awaitStill(ctx, l.paths)
		if ctx.Err() != nil {
			return
		}
		if !still {
			l.logger.Warn("policy files keep changing; reading them all the same", "after", longest.String())
		}
		l.watcher.drain() // what happens from here on is another change
		l.watcher.arm()
		if !l.needed(why) {
			return
		}
		report := l.load()
		if still && attempt == 0 && !l.files.equal(lookAt(l.paths)) {
			l.logger.Warn("policy files changed while they were read; reading them again")
			continue
		}
		l.use(report, why)
		tuneGC()
		return
	}
}

// needed reports whether there may be something to read that was not read before. Many
// events leave the files as they are, such as those of a log beside them.
func (l *live) needed(why string) bool {
	if why == causeHangup || why == causeExpiry || l.changed() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if why == causeRetry { // with the same error
		l.state.retry = l.state.retry.failed(time.Now(), l.state.retry.err)
	}
	return false
}

// expire ends what an origin set grants on its date, and reports whether one has expired.
func (l *live) expire() bool {
	engine := l.engine.Load()
	before := engine.NextExpiry()
	engine.Expire(time.Now())
	return !engine.NextExpiry().Equal(before)
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
