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

	"github.com/corsd/corsd/internal/admin"
	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/limits"
)

// Policies are the live policies.
type Policies interface {
	admin.Policies
	// Ready returns a channel that is closed when there is an engine.
	Ready() <-chan struct{}
}

// Options are the properties of a [Server].
type Options struct {
	Listen      []string    // HOST:PORT or unix:PATH, for Envoy; ",static=WORD+WORD" may follow
	TLS         *tls.Config // of the TCP listeners in Listen, nil for none
	SocketMode  fs.FileMode // of Unix sockets
	Admin       string      // HOST:PORT for probes and metrics, "" for none
	AdminHosts  []string    // host names that the admin listener serves, beside localhost
	Webhook     Webhook
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

// Webhook are the properties of the webhook of an API server.
type Webhook struct {
	Listen  string // HOST:PORT, "" for none
	TLS     *tls.Config
	Handler http.Handler
}

// Server serves Envoy and the admin port. Make one with [New].
type Server struct {
	options   Options
	listeners []listener
	grpc      *grpcServer
	admin     *httpServer
	webhook   *httpServer
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
		err = s.listenHTTP(ctx)
	}
	if err != nil {
		closeAll(s.listeners)
		g.endWatches()
		g.Stop()
		return nil, err
	}
	logListening(s.listeners, o.Logger)
	s.admin.logListening(o.Logger)
	s.webhook.logListening(o.Logger)
	o.Logger.Info("peers are bounded", "maxStreams", g.limits.MaxStreams(), "maxConnections", g.limits.MaxConns())
	return s, nil
}

// listenHTTP opens the listeners of HTTP, or none.
func (s *Server) listenHTTP(ctx context.Context) (err error) {
	o := &s.options
	pages := admin.Handler(admin.Options{
		Policies: func() admin.Policies { return o.Policies }, Stopping: s.stopping.Load,
		Hosts: o.AdminHosts, Metrics: o.MetricsPage,
	})
	s.admin, err = listenHTTP(ctx, "admin", "--admin", o.Admin, pages, nil, o.Logger)
	if err != nil {
		return err
	}
	h := o.Webhook
	s.webhook, err = listenHTTP(ctx, "webhook", "--webhook", h.Listen, h.Handler, h.TLS, o.Logger)
	if err != nil {
		s.admin.close()
	}
	return err
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
	group.Go(s.webhook.serve)
	group.Go(func() error {
		<-ctx.Done()
		return s.stop()
	})
	group.Go(func() error {
		select {
		case <-s.options.Policies.Ready():
			s.grpc.ready()
		case <-ctx.Done():
		}
		return nil
	})
	return group.Wait()
}

func (s *Server) stop() error {
	s.stopping.Store(true)
	s.grpc.health.Shutdown()
	s.options.Logger.Info("stopping", "drain", s.options.Drain.String())
	s.grpc.stop(s.options.Drain, s.options.Logger)
	// The admin listener is the last, so that probes and metrics work while the others stop.
	return errors.Join(s.webhook.stop(), s.admin.stop())
}
