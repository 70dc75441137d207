// Package server serves Envoy over gRPC, and probes and metrics over HTTP. It does not know where
// policies come from.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/limits"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
)

// Policies are the live policies.
type Policies interface {
	// Engine returns the live engine.
	Engine() *policy.Engine
	// State returns what /readyz?verbose reports.
	State() reload.State
}

// Options are the properties of a [Server].
type Options struct {
	Listen      []string      // HOST:PORT or unix:PATH, for Envoy; ",static=WORD+WORD" may follow
	TLS         *tls.Config   // of the TCP listeners in Listen, nil for none
	SocketMode  fs.FileMode   // of Unix sockets
	Admin       string        // HOST:PORT for probes and metrics, "" for none
	AdminHosts  []string      // host names that the admin listener serves, beside localhost
	Drain       time.Duration // how long to serve after the stop begins
	Reflection  bool          // whether to serve gRPC reflection
	RawSyscalls bool          // see package rawconn
	MaxStreams  uint32        // of all connections together, 0 to derive it from Memory
	Memory      int64         // that the process may use, in bytes; 0 if nothing limits it

	Policies    Policies
	Observers   []exchange.Observer
	RefusedPeer func(limits.Event) // called for each refusal to a peer
	MetricsPage http.Handler       // serves /metrics
	Logger      *slog.Logger
}

// Server serves Envoy and the admin port. Make one with [New].
type Server struct {
	options   Options
	listeners []listener
	grpc      *grpcServer
	admin     *admin
	stopping  atomic.Bool
}

// New opens all listeners. An error means that the options cannot be met, and none is open.
func New(ctx context.Context, o Options) (*Server, error) {
	endpoints, err := parseEndpoints(o.Listen, o.TLS != nil)
	if err != nil {
		return nil, err
	}
	g, err := newGRPC(&o)
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, grpc: g}
	s.listeners, err = listenAll(ctx, endpoints, o.SocketMode)
	if err == nil {
		s.admin, err = newAdmin(ctx, &o, readiness(s.stopping.Load, o.Policies.State))
	}
	if err != nil {
		closeAll(s.listeners)
		g.endWatches()
		g.Stop()
		return nil, err
	}
	logListening(s.listeners, o.Logger)
	s.admin.logListening(o.Logger)
	o.Logger.Info("peers are bounded", "maxStreams", g.limits.MaxStreams(), "maxConnections", g.limits.MaxConns())
	return s, nil
}

// Run serves until ctx ends or a listener fails. Then it drains and stops.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, listener := range s.listeners {
		group.Go(func() error {
			err := s.grpc.Serve(s.grpc.bounded(listener))
			if errors.Is(err, grpc.ErrServerStopped) { // it was stopped before it served
				return nil
			}
			return err
		})
	}
	group.Go(s.admin.serve)
	group.Go(func() error {
		<-ctx.Done()
		return s.stop()
	})
	s.grpc.ready()
	return group.Wait()
}

func (s *Server) stop() error {
	s.stopping.Store(true)
	s.grpc.health.Shutdown()
	s.options.Logger.Info("stopping", "drain", s.options.Drain.String())
	s.grpc.stop(s.options.Drain, s.options.Logger)
	return s.admin.stop()
}
