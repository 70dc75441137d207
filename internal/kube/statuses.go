package kube

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	// statusJitter is how long a replica waits at most before it writes a status: the first one writes, and the
	// others see that it is written.
	statusJitter = time.Second
	// statusRetry is the time after which a status is written again that another writer has changed, or that could
	// not be written. It doubles each time, up to maxStatusRetry: two replicas of different versions may disagree.
	statusRetry    = 2 * time.Second
	maxStatusRetry = 10 * time.Minute
	// statusBatch is how many statuses are written, in a second, before the next ones are chosen. Of thousands, one
	// that changes meanwhile would be written as it was, and as it is at the end.
	statusBatch = requestsPerSecond
)

// statuses writes the status of objects where it is not what it should be. Nothing waits for it.
type statuses struct {
	client  *client
	metrics Metrics
	logger  *slog.Logger
	signal  chan struct{} // that there may be something to write; it has room for one

	mu      sync.Mutex
	latest  *assembly // whose statuses are to be computed, nil if they are
	objects map[key]*statusState
	failure string // of the last write, "" if it succeeded
}

// statusState is what is known of the status of an object.
type statusState struct {
	object *object   // as it was seen last, with the status that it has; nil if it was not seen yet
	wanted *status   // nil before it is known; objects whose statuses are equal may share one
	sum    statusSum // of wanted
	next   time.Time
	tries  int // how often the wanted status was written
}

func newStatuses(c *client, m Metrics, logger *slog.Logger) *statuses {
	return &statuses{
		client: c, metrics: m, logger: logger, signal: make(chan struct{}, 1), objects: map[key]*statusState{},
	}
}

// seen is called for each object that the API server has sent.
func (s *statuses) seen(o *object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.stateOf(o.key)
	if state.object != nil && state.object.uid != o.uid {
		*state = statusState{}
	}
	state.object = o
	s.wake()
}

// gone is called for each object that was deleted.
func (s *statuses) gone(k key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, k)
}

// want hands over what became of the objects. Policies go live without waiting for their statuses.
func (s *statuses) want(x *assembly) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = x
	s.wake()
}

// compute sets what the status of each object should be.
func (s *statuses) compute() {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.latest
	if x == nil {
		return
	}
	s.latest = nil
	now := time.Now()
	of := statusesOf(x)
	for _, j := range x.objects {
		state := s.objects[j.key]
		if state == nil || state.object == nil || !state.object.sameSpec(j.object) {
			continue // it has changed or is gone meanwhile
		}
		if wanted, sum := of(j); state.wanted == nil || state.sum != sum {
			state.wanted, state.sum, state.tries = wanted, sum, 0
			state.next = now.Add(rand.N(statusJitter))
		}
	}
}

// statusesOf returns a function that returns the status of an object. Most have nothing to report but their generation:
// those share one status for each.
func statusesOf(x *assembly) func(*judged) (*status, statusSum) {
	type group struct {
		kind       *kind
		generation int64
	}
	type shared struct {
		status *status
		sum    statusSum
	}
	known := map[group]shared{}
	return func(j *judged) (*status, statusSum) {
		if j.choice != current || len(j.faults)+len(j.warnings)+len(x.refused) > 0 || j.derived != nil {
			s := statusOf(j, x.refused)
			return s, sumOf(s)
		}
		g := group{j.kind, j.generation}
		s, found := known[g]
		if !found {
			s.status = statusOf(j, nil)
			s.sum = sumOf(s.status)
			known[g] = s
		}
		return s.status, s.sum
	}
}

func (s *statuses) stateOf(k key) *statusState {
	state := s.objects[k]
	if state == nil {
		state = &statusState{}
		s.objects[k] = state
	}
	return state
}

func (s *statuses) wake() {
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

// differs reports whether the status is known to be another one than it should be.
func (t *statusState) differs() bool {
	return t.wanted != nil && t.object != nil && t.object.observed.sum != t.sum
}

// run writes statuses until ctx ends.
func (s *statuses) run(ctx context.Context) {
	for {
		s.compute()
		due, next := s.due(time.Now())
		for _, k := range due[:min(len(due), statusBatch)] {
			if ctx.Err() != nil {
				return
			}
			s.write(ctx, k)
		}
		if len(due) > statusBatch {
			continue
		}
		var timer <-chan time.Time
		if !next.IsZero() {
			timer = time.After(max(time.Until(next), 0))
		}
		select {
		case <-ctx.Done():
			return
		case <-timer:
		case <-s.signal:
			select { // many objects may change at once
			case <-ctx.Done():
				return
			case <-time.After(quietTime):
			}
		}
	}
}

// due returns the objects whose status is to be written now, and the time at which the next one is, zero if none.
func (s *statuses) due(now time.Time) (due []key, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, state := range s.objects {
		switch {
		case !state.differs():
		case !state.next.After(now):
			due = append(due, k)
		case next.IsZero() || state.next.Before(next):
			next = state.next
		}
	}
	return due, next
}

// write writes the status of an object, unless another replica has.
func (s *statuses) write(ctx context.Context, k key) {
	s.mu.Lock()
	state := s.objects[k]
	if state == nil || !state.differs() {
		s.mu.Unlock()
		return
	}
	body := patchOf(k, state.wanted, &state.object.observed, time.Now())
	state.next = time.Now().Add(min(statusRetry<<min(state.tries, 10), maxStatusRetry))
	state.tries++
	s.mu.Unlock()

	err := s.client.applyStatus(ctx, k.kind, k.id.Namespace, k.id.Name, body)
	if ctx.Err() != nil || apierrors.IsNotFound(err) && s.isGone(k) {
		return
	}
	s.report(k, err)
}

func (s *statuses) isGone(k key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[k] == nil
}

// report logs that a status could not be written, once until a write succeeds.
func (s *statuses) report(k key, err error) {
	failure := ""
	if err != nil {
		failure = err.Error()
		s.metrics.StatusFailed()
	}
	s.mu.Lock()
	before := s.failure
	s.failure = failure
	s.mu.Unlock()
	switch {
	case failure != "" && before == "":
		attributes := []any{"object", k.String(), "error", failure}
		if apierrors.IsForbidden(err) {
			attributes = append(attributes, "hint", "grant the ServiceAccount patch on "+k.kind.plural+"/status")
		}
		s.logger.Warn("a status could not be written; policies are live all the same", attributes...)
	case failure == "" && before != "":
		s.logger.Info("statuses can be written again")
	}
}
