package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/corsd/corsd/pkg/policy"
)

// Profile is a way in which a proxy requests decisions.
type Profile uint8

// The values of [Profile].
const (
	// RequestResponse begins with the request's headers. It may see the response's.
	RequestResponse Profile = iota
	// ResponseOnly begins with the response's headers: the request has gone upstream already.
	ResponseOnly
	// ExtAuthz is ext_authz: it sees the request's headers only.
	ExtAuthz
	// Module is a dynamic module in Envoy's process. It sees requests and responses.
	Module
	numProfiles
)

// String returns the profile as metrics and logs write it.
func (p Profile) String() string {
	if p >= numProfiles {
		return "unknown"
	}
	return [numProfiles]string{"request_response", "response_only", "ext_authz", "module"}[p]
}

// Profiles lists every profile.
func Profiles() []Profile { return []Profile{RequestResponse, ResponseOnly, ExtAuthz, Module} }

// Event is a decision and its input. All of it is used again for other exchanges, so observers must not
// keep any part of it.
type Event struct {
	Profile  Profile
	Request  *policy.Request
	Decision *policy.Decision
}

// Observer receives events. Its methods are called while an exchange waits: they must be quick, and
// safe for concurrent use. The context is that of the stream or call. An observer of some events
// embeds [Discard].
type Observer interface {
	// StreamStarted and StreamEnded are called for each stream of several messages. err is nil if
	// the stream ended normally.
	StreamStarted(ctx context.Context)
	StreamEnded(ctx context.Context, err error)
	// Decided is called for each decision.
	Decided(ctx context.Context, e Event)
	// StripConflict is called for each decision that leaves upstream's CORS headers in place, or
	// merges them, on a route that removes them.
	StripConflict(ctx context.Context, e Event)
	// Panicked is called for each panic that was contained.
	Panicked(ctx context.Context)
}

// Discard is an [Observer] that does nothing.
type Discard struct{}

var _ Observer = Discard{}

// StreamStarted implements [Observer].
func (Discard) StreamStarted(context.Context) {}

// StreamEnded implements [Observer].
func (Discard) StreamEnded(context.Context, error) {}

// Decided implements [Observer].
func (Discard) Decided(context.Context, Event) {}

// StripConflict implements [Observer].
func (Discard) StripConflict(context.Context, Event) {}

// Panicked implements [Observer].
func (Discard) Panicked(context.Context) {}

// Options configures a [Service].
type Options struct {
	// Engine returns the live engine. It is called once for each exchange, so that both phases of an
	// exchange use one policy. It may return nil before a policy is live: then nothing is changed.
	// Required.
	Engine func() *policy.Engine
	// Logger receives warnings and contained panics. Required.
	Logger *slog.Logger
	// Static returns what the listener of a stream or call promises of its routes. nil if no listener does.
	Static func(context.Context) policy.Static
	// Observers receive every event, in this order.
	Observers []Observer
}

// Service is the common part of all exchanges. It is safe for concurrent use.
type Service struct {
	engine    func() *policy.Engine
	static    func(context.Context) policy.Static
	log       *slog.Logger
	observers []Observer
	warnings  warnOnce
}

// New makes a service. It returns an error if a required option is missing.
func New(o Options) (*Service, error) {
	switch {
	case o.Engine == nil:
		return nil, errors.New("Options.Engine is required")
	case o.Logger == nil:
		return nil, errors.New("Options.Logger is required")
	}
	for i, observer := range o.Observers {
		if observer == nil {
			return nil, fmt.Errorf("Options.Observers[%d] is nil", i)
		}
	}
	return &Service{engine: o.Engine, static: o.Static, log: o.Logger, observers: o.Observers}, nil
}

// StreamStarted reports the start of a stream to the observers.
func (s *Service) StreamStarted(ctx context.Context) {
	for _, o := range s.observers {
		o.StreamStarted(ctx)
	}
}

// StreamEnded reports the end of a stream to the observers. err is nil for a normal end.
func (s *Service) StreamEnded(ctx context.Context, err error) {
	for _, o := range s.observers {
		o.StreamEnded(ctx, err)
	}
}

// Panicked reports a panic that the caller has recovered from. It must be called by the deferred
// function, so that the stack in the log shows the panic.
func (s *Service) Panicked(ctx context.Context, recovered any) {
	for _, o := range s.observers {
		o.Panicked(ctx)
	}
	s.log.LogAttrs(ctx, slog.LevelError, "panic while answering Envoy; the message was answered without changes",
		slog.String("panic", fmt.Sprint(recovered)), slog.String("stack", string(debug.Stack())))
}
