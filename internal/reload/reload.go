package reload

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/pkg/policy"
)

// The causes of a reload that do not come from the source.
const (
	causeStart    source.Cause = "start"
	causeSnapshot source.Cause = "start from the snapshot"
	causeHangup   source.Cause = "SIGHUP"
	causeExpiry   source.Cause = "an origin set expires"
)

// Metrics counts reloads.
type Metrics interface {
	// Reloaded is called for a policy that was read and is live.
	Reloaded(hash string)
	// Refused is called for a policy that was read and refused.
	Refused()
	// Live is called for each engine that goes live, with the names of the policies that the one
	// before had and it has not.
	Live(engine *policy.Engine, removed []string)
	// Expired is called when origin sets of an engine that is or was live have expired, so that it grants less.
	Expired()
	// RetryPending is called after each reading: will the source try again by itself?
	RetryPending(pending bool)

	// Restored is called if the policy of a snapshot is live, until Reloaded is called. Hash is that
	// of the snapshot, and written when it was written.
	Restored(hash string, written time.Time)
	// SnapshotWritten is called when the snapshot has the live policy, with the time since when.
	SnapshotWritten(written time.Time)
	// SnapshotFailed is called when the snapshot could not be written.
	SnapshotFailed()
}

// Reloader keeps the live engine, and replaces it when its source changes. Make one with [New].
type Reloader struct {
	source  Source
	metrics Metrics
	logger  *slog.Logger
	hangup  <-chan os.Signal
	engine  atomic.Pointer[policy.Engine]
	ready   chan struct{} // closed when the first engine is live

	snapshot *snapshotWriter // nil if there is none

	collection collection
	running    bool      // Run was called
	documents  documents // of the live engine; used by restore and apply alone
	first      *Report   // that Start made live, until Run logs it
	firstCause source.Cause

	mu    sync.Mutex
	state State
}

// New returns a reloader without an engine. A value from hangup makes it read the source, even if
// nothing has changed.
func New(s Source, hangup <-chan os.Signal, m Metrics, logger *slog.Logger) *Reloader {
	return &Reloader{
		source: s, hangup: hangup, metrics: m, logger: logger, ready: make(chan struct{}), collection: serving,
	}
}

// SpareMemory lets little garbage accumulate, in a process that has other work than to serve decisions. It is called
// before Start.
func (r *Reloader) SpareMemory() { r.collection = sparing }

// Engine returns the live engine, nil before the first good policy.
func (r *Reloader) Engine() *policy.Engine { return r.engine.Load() }

// Ready returns a channel that is closed when the first policy is live.
func (r *Reloader) Ready() <-chan struct{} { return r.ready }

// goLive replaces the live engine. The caller holds r.mu.
func (r *Reloader) goLive(engine *policy.Engine) {
	if r.engine.Swap(engine) == nil {
		close(r.ready)
	}
}

// State returns the present state.
func (r *Reloader) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state
	s.Pending = r.source.Pending()
	return s
}

// Start reads the first policy at once, and reports whether corsd can serve: this policy is live if it is good,
// or else that of the snapshot. If the source does not know its policies yet, that of the snapshot is live until
// it does, or none. Run logs that a policy is live.
func (r *Reloader) Start() bool {
	report, _ := r.source.Build("", time.Now())
	if report == nil {
		if err := r.restore(); err != nil {
			r.logger.Warn("no policy is live until the first are read; the snapshot cannot be served meanwhile",
				"snapshot", r.snapshot.Path, "error", err)
		}
		return true
	}
	r.complete(report)
	var failed error
	if report.Err() != nil {
		failed = r.restore()
	}
	r.apply(report, causeStart)
	if failed != nil {
		r.logger.Error("the snapshot cannot be served either", "snapshot", r.snapshot.Path, "error", failed)
	}
	r.keep(report)
	r.tuneGC()
	debug.FreeOSMemory() // reading needs several times the memory of the engine
	return r.engine.Load() != nil
}

// restore makes the policy of the snapshot live.
func (r *Reloader) restore() error {
	if r.snapshot == nil {
		return nil
	}
	report, written, err := r.snapshot.load(time.Now())
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.goLive(report.Engine)
	r.documents, r.first, r.firstCause = report.documents, report, causeSnapshot
	r.state = State{Hash: report.Hash, Since: time.Now(), Snapshot: r.snapshot.Path, Written: written}
	r.metrics.Restored(report.Hash, written)
	r.metrics.Live(report.Engine, nil)
	return nil
}

// restartDelay is the time after which the source is followed again if that has panicked.
const restartDelay = 10 * time.Second

// Run reloads until ctx ends: when the source changes, on hangup, and when an origin set expires.
// It is called when requests can be served: the first policy is live from then on. A panic is logged, and
// changes nothing: the last good policy stays live, and the source is followed again.
func (r *Reloader) Run(ctx context.Context) {
	if r.first != nil {
		r.logLive(r.first, r.firstCause, changes{})
		r.first = nil
	}
	r.running = true
	defer r.snapshot.start(ctx)()
	for r.follow(ctx); ctx.Err() == nil; r.follow(ctx) {
		select {
		case <-time.After(restartDelay):
		case <-ctx.Done():
		}
	}
}

// follow reloads until ctx ends or the source is followed no more.
func (r *Reloader) follow(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	changes := r.source.Watch(ctx)
	defer func() {
		if p := recover(); p != nil {
			logPanic(r.logger, p)
		}
		stop()
		for range changes { // until the watcher has ended: the next one uses its state
		}
	}()
	for {
		select {
		case cause, open := <-changes:
			if !open {
				return
			}
			r.reload(ctx, cause)
		case <-r.hangup:
			r.reload(ctx, causeHangup)
		case <-r.expiry():
			if r.expire() {
				r.reload(ctx, causeExpiry)
			}
		}
	}
}

// logPanic is called by a deferred function, so that the stack shows the panic.
func logPanic(logger *slog.Logger, recovered any) {
	logger.Error("panic while policies were followed; the live policy stays",
		"panic", fmt.Sprint(recovered), "stack", string(debug.Stack()))
}

// reload reads the source once no change of it is half done. A reading during which the source
// changes is dropped, but only once: it may never stop changing.
func (r *Reloader) reload(ctx context.Context, cause source.Cause) {
	settled := r.source.Settle(ctx)
	if ctx.Err() != nil {
		return
	}
	report, torn := r.read(r.known(cause))
	if torn && report == nil { // they have changed before they were read
		if settled = settled && r.source.Settle(ctx); ctx.Err() != nil {
			return
		}
		report, torn = r.read("")
	}
	if settled && torn {
		r.logger.Warn("policies changed while they were read; reading them again")
		r.source.Settle(ctx)
		r.tuneGC() // or the policy that was read in vain would count as live
		report, _ = r.read("")
	}
	if report == nil && r.collection.returns {
		debug.FreeOSMemory() // what hashing needed
	}
	if ctx.Err() != nil || report == nil {
		return
	}
	first := r.engine.Load() == nil
	r.apply(report, cause)
	r.keep(report)
	r.tuneGC()
	if first {
		debug.FreeOSMemory() // as at the start
	}
}

// known returns the hash of the policy that was read last, "" if the cause needs it to be read again.
func (r *Reloader) known(cause source.Cause) string {
	if cause == causeHangup || cause == causeExpiry {
		return ""
	}
	return r.State().read
}

// read reads and compiles the policy while requests are served, see [Source.Build].
func (r *Reloader) read(known string) (report *Report, torn bool) {
	inBackground(func() {
		if report, torn = r.source.Build(known, time.Now()); report != nil {
			r.complete(report)
		}
	})
	return report, torn
}

// complete adds to the report of a good policy what is compared with the next one.
func (r *Reloader) complete(report *Report) {
	if report.Engine == nil {
		report.config = nil
		return
	}
	if report.documents == nil {
		report.documents = documentsOf(report.config)
	}
	if r.snapshot == nil {
		report.config = nil
	}
}

// keep hands the documents of a live policy to the snapshot. It is called after the switch to that
// policy, which does not wait for it.
func (r *Reloader) keep(report *Report) {
	if report.config != nil {
		inBackground(func() { r.snapshot.put(report.config) })
		report.config = nil
	}
}

// apply makes a policy live. Everything that can fail has happened before: a policy that is refused
// leaves the live engine as it is.
func (r *Reloader) apply(report *Report, cause source.Cause) (live bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.read = report.Hash
	r.metrics.RetryPending(r.source.Pending() != "")
	if report.Err() != nil {
		r.refuse(report, cause)
		return false
	}
	before := r.engine.Load()
	replace := report.Hash != r.state.Hash || cause == causeExpiry ||
		!report.Engine.NextExpiry().Equal(before.NextExpiry())
	if replace { // an engine that stays has warned about its profile already
		r.goLive(report.Engine)
	}
	r.metrics.Reloaded(report.Hash)
	switch {
	case before == nil && !r.running:
		r.first, r.firstCause = report, cause
	case before == nil:
		r.logLive(report, cause, changes{})
	case replace || r.state.Refused != "":
		r.expireSets(before)
		r.logLive(report, cause, changesBetween(r.documents, report.documents))
	}
	if replace {
		removed := removedBy(report.Engine, before)
		removed.log(r.logger)
		r.metrics.Live(report.Engine, removed.policies)
	}
	r.documents = report.documents
	if report.Hash != r.state.Hash {
		r.state.Since = time.Now()
	}
	r.state = State{read: report.Hash, Hash: report.Hash, Since: r.state.Since, Replaced: report.Replaced}
	return true
}

func (r *Reloader) logLive(report *Report, cause source.Cause, c changes) {
	fields := []any{"cause", cause, "hash", report.Hash, "summary", report.Engine.Summary()}
	r.logger.Info("policy is live", append(fields, c.attributes()...)...)
	for _, w := range report.Warnings {
		r.logger.Warn("policy warning", "diagnostic", w.String())
	}
}

// refuse logs every fault of a policy, once for each hash. The caller holds r.mu.
func (r *Reloader) refuse(report *Report, cause source.Cause) {
	r.metrics.Refused()
	r.state.Faults = report.Faults
	engine := r.engine.Load()
	if engine != nil {
		r.expireSets(engine) // the policy that would have done so is refused
	}
	if r.state.Refused == report.Hash {
		if cause == causeHangup {
			r.logger.Error("policy is still refused", "cause", cause, "hash", report.Hash, "faults", len(report.Faults))
		}
		return
	}
	r.state.Refused = report.Hash
	message, fields := "policy refused; no policy is live", r.state.snapshotFields()
	switch {
	case len(fields) > 0:
		message = "policy refused; the policy of the snapshot is live"
	case engine != nil:
		message = "policy refused; the last good policy stays live"
	}
	r.logger.Error(message, append(fields, "cause", cause, "hash", report.Hash, "faults", len(report.Faults))...)
	for _, f := range report.Faults {
		r.logger.Error("policy fault", "diagnostic", f.String())
	}
}
