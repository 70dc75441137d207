package kube

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/corsd/corsd/api/v1alpha1"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/pkg/policy/plan"
)

// causeChange is why policies are read again. It is logged.
const causeChange source.Cause = "resource change"

const (
	// quietTime is how long no object must have changed before the objects are read: `kubectl apply` of many
	// objects is one change.
	quietTime = 100 * time.Millisecond
	// maxQuietTime bounds the wait for that.
	maxQuietTime = time.Second
)

// backoff bounds the time between attempts to reach the API server. client-go's own goes up to 30 s, for which
// changes would not be seen after an outage.
var backoff = wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 10, Cap: 3 * time.Second}

// kindInterval is the time after which a kind of the Gateway API is looked for again that the API server does not have.
const kindInterval = 30 * time.Second

// Metrics describe the resources of a cluster.
type Metrics interface {
	// Objects sets how many objects of a kind there are in each state.
	Objects(kind string, accepted, lastGood, noGoodVersion int)
	// SeenEvent is called for each sign that changes arrive from the API server.
	SeenEvent(at time.Time)
	// StatusFailed counts a status that could not be written.
	StatusFailed()
}

// Options are the properties of a [Reader].
type Options struct {
	Config     *rest.Config // see [Connect]
	Namespace  string       // whose objects are read, without CORSDefaults; "" for those of all namespaces
	Selector   string       // of the labels of objects that are read, "" for all
	HostGrants bool         // policies may name only hosts that their namespace is granted
	Targets    bool         // policies may have targetRefs: Gateways and routes are read, if there are such kinds
	Metrics    Metrics
	Logger     *slog.Logger
}

// Reader is the source of policies that are resources. Make it with [NewReader].
type Reader struct {
	options Options
	client  *client
	kinds   []*kind
	signal  chan struct{} // that something has changed; it has room for one

	selector labels.Selector // that of the options

	kindInterval, reviewWait time.Duration

	statuses *statuses

	mu      sync.Mutex
	state   map[*kind]*kindState
	changed time.Time            // when an object changed last
	good    map[key]*goodVersion // the last good versions; a map is never changed
}

var _ reload.Source = (*Reader)(nil)

// kindState is what is known of the objects of a kind.
type kindState struct {
	listed     bool
	objects    map[key]*object
	namespaces map[string]*namespace // of namespaceKind
	failures   map[verb]string       // why the last requests failed
}

// namespace has the parts of a namespace that are kept.
type namespace struct {
	hosts  []plan.HostPattern // that its policies may name
	labels labels.Set         // by which Gateways select it
}

func (r *Reader) namespaceOf(res *resource) *namespace {
	n := &namespace{}
	if r.options.HostGrants {
		n.hosts = parseGrants(res.Annotations[v1alpha1.HostsAnnotation])
	}
	if r.options.Targets {
		n.labels = res.Labels
	}
	return n
}

func (n *namespace) equal(other *namespace) bool {
	return other != nil && slices.Equal(n.hosts, other.hosts) && maps.Equal(n.labels, other.labels)
}

// NewReader returns a reader. It reads when it is watched.
func NewReader(o Options) (*Reader, error) {
	c, err := newClient(o.Config, o.Namespace, o.Selector)
	if err != nil {
		return nil, err
	}
	selector, err := labels.Parse(o.Selector)
	if err != nil {
		return nil, err
	}
	r := &Reader{
		options: o, client: c, kinds: []*kind{policyKind, originSetKind}, selector: selector,
		signal: make(chan struct{}, 1), state: map[*kind]*kindState{},
		kindInterval: kindInterval, reviewWait: reviewWait,
	}
	if o.Namespace == "" {
		r.kinds = append(r.kinds, defaultsKind) // which a Role cannot grant
		if o.HostGrants || o.Targets {
			r.kinds = append(r.kinds, namespaceKind)
		}
	}
	if o.Targets {
		r.kinds = append(r.kinds, targetKinds...)
	}
	for _, k := range r.kinds {
		r.state[k] = &kindState{}
	}
	r.statuses = newStatuses(c, o.Metrics, o.Logger)
	return r, nil
}

// Watch implements [reload.Source]: it lists and watches objects. The first value comes when those of all kinds
// are listed.
func (r *Reader) Watch(ctx context.Context) <-chan source.Cause {
	causes := make(chan source.Cause)
	var running sync.WaitGroup
	quiet := logr.Discard() // client-go logs each attempt that fails, of which called logs the first
	for _, k := range r.kinds {
		lists := r.client.listWatch(k, func(v verb, err error) { r.called(ctx, k, v, err) })
		reflector := cache.NewReflectorWithOptions(lists, &resource{}, &store{r, k}, cache.ReflectorOptions{
			Name: "corsd", TypeDescription: k.plural, Backoff: &backoff, Logger: &quiet,
		})
		running.Go(func() {
			if !k.isTarget() || r.awaitKind(ctx, k) {
				reflector.RunWithContext(logr.NewContext(ctx, quiet))
			}
		})
	}
	running.Go(func() { r.statuses.run(ctx) })
	go func() {
		defer close(causes)
		defer running.Wait()
		for {
			select {
			case <-ctx.Done():
				return
			case <-r.signal:
			}
			select {
			case <-ctx.Done():
				return
			case causes <- causeChange:
			}
		}
	}()
	return causes
}

// Settle implements [reload.Source]: it waits until objects have been left alone.
func (r *Reader) Settle(ctx context.Context) bool {
	began := time.Now()
	for {
		r.mu.Lock()
		quiet := r.changed.Add(quietTime)
		r.mu.Unlock()
		left := time.Until(quiet)
		switch {
		case left <= 0:
			return true
		case time.Since(began) >= maxQuietTime:
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(left):
		}
	}
}

// Build implements [reload.Source]. The policies are known when the objects of all kinds are listed.
func (r *Reader) Build(_ string, now time.Time) (report *reload.Report, torn bool) {
	objects, c, known := r.snapshot()
	if !known {
		return nil, false
	}
	x := assemble(objects, r.goodVersions(), c, now)
	r.mu.Lock()
	r.good = x.good
	r.mu.Unlock()
	r.count(x)
	r.statuses.want(x)
	report = reload.Built(x.engine, x.config, x.sums())
	report.Faults, report.Replaced = x.refused, x.faults()
	return report, false
}

func (r *Reader) goodVersions() map[key]*goodVersion {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.good
}

// snapshot returns all objects of corsd's kinds, and the cluster that they depend on, if all kinds are listed.
func (r *Reader) snapshot() (objects []*object, c cluster, known bool) {
	objects, targets, namespaces, c, known := r.listed()
	if known && r.options.Targets {
		c.routing = newRouting(targets, namespaces, c.grants)
	}
	return objects, c, known
}

func (r *Reader) listed() (objects, targets []*object, namespaces map[string]labels.Set, c cluster, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	namespaces = map[string]labels.Set{}
	for _, k := range r.kinds {
		s := r.state[k]
		switch {
		case !s.listed:
			return nil, nil, nil, cluster{}, false
		case k == namespaceKind:
			if r.options.HostGrants {
				c.grants = grants{}
			}
			for name, n := range s.namespaces {
				namespaces[name] = n.labels
				if r.options.HostGrants {
					c.grants[name] = n.hosts
				}
			}
		case k.isTarget():
			targets = slices.AppendSeq(targets, maps.Values(s.objects))
		default:
			objects = slices.AppendSeq(objects, maps.Values(s.objects))
		}
	}
	return objects, targets, namespaces, c, true
}

func (r *Reader) count(x *assembly) {
	counts := map[*kind]*[3]int{}
	for _, k := range r.kinds {
		counts[k] = &[3]int{}
	}
	for _, j := range x.objects {
		counts[j.kind][j.choice]++
	}
	for k, n := range counts {
		if k.hasStatus() {
			r.options.Metrics.Objects(k.name, n[current], n[lastGood], n[standIn])
		}
	}
}

// Pending implements [reload.Source].
func (r *Reader) Pending() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, k := range r.kinds {
		switch s := r.state[k]; {
		case len(s.failures) > 0:
			failures := slices.Sorted(maps.Values(s.failures))
			all = append(all, slices.Compact(failures)...)
		case !s.listed:
			all = append(all, k.plural+" are not listed yet")
		}
	}
	return strings.Join(all, "; ")
}

// called notes the outcome of a request for the objects of a kind. An error is logged once, until another one comes
// or requests succeed: client-go logs nothing if the API server refuses connections. If objects can be listed and not
// watched, that is one failure too, although each attempt begins with a list that succeeds.
func (r *Reader) called(ctx context.Context, k *kind, v verb, err error) {
	if ctx.Err() != nil {
		return
	}
	failure := ""
	if err == nil {
		r.options.Metrics.SeenEvent(time.Now())
	} else {
		failure = k.explain(err).Error()
	}
	isNew, isOver := r.note(k, v, failure)
	switch {
	case isNew:
		r.options.Logger.Error("the API server cannot be read; the live policy stays as it is",
			"resource", k.plural, "error", failure)
	case isOver:
		r.options.Logger.Info("the API server can be read again", "resource", k.plural)
	}
}

// note notes why a request failed, "" if it did not. It reports whether the failure is one that was not known, and
// whether it was the last.
func (r *Reader) note(k *kind, v verb, failure string) (isNew, isOver bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state[k]
	before := s.failures
	s.failures = maps.Clone(before)
	switch {
	case failure == "" && v == verbWatch:
		s.failures = nil // a watch begins with a list, or follows one
	case failure == "":
		delete(s.failures, v)
	default:
		if s.failures == nil {
			s.failures = map[verb]string{}
		}
		s.failures[v] = failure
		return !slices.Contains(slices.Collect(maps.Values(before)), failure), false
	}
	return false, len(before) > 0 && len(s.failures) == 0
}

// awaitKind waits until the API server has a kind of the Gateway API, and reports whether it was there before ctx
// ended. Until then the kind has no objects.
func (r *Reader) awaitKind(ctx context.Context, k *kind) bool {
	logged := false
	for {
		served, err := r.client.isServed(ctx, k)
		wait := backoff.Cap
		switch {
		case ctx.Err() != nil:
			return false
		case err != nil:
			r.called(ctx, k, verbList, err)
		case served:
			return true
		default:
			wait = r.kindInterval
			r.called(ctx, k, verbList, nil)
			if !logged {
				logged = true
				r.options.Logger.Info("the API server does not have this kind of targets; corsd looks for it again",
					"resource", k.plural)
				_ = (&store{r, k}).Replace(nil, "")
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}

// put replaces objects of a kind, and reports a change if there is one that matters.
func (r *Reader) put(k *kind, changed bool, change func(*kindState)) {
	r.options.Metrics.SeenEvent(time.Now())
	r.mu.Lock()
	s := r.state[k]
	change(s)
	known := true
	for _, s := range r.state {
		known = known && s.listed
	}
	if changed {
		r.changed = time.Now()
	}
	r.mu.Unlock()
	if changed && known {
		select {
		case r.signal <- struct{}{}:
		default:
		}
	}
}
