package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/corsd/corsd/internal/limits"
	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/internal/wire"
	"github.com/corsd/corsd/pkg/extauthz"
	"github.com/corsd/corsd/pkg/extproc"
)

const (
	// maxMessage bounds one message, in bytes. Envoy sends headers only, which it
	// bounds itself: 60 KiB unless max_request_headers_kb is set. Under corsd's own
	// configurations a message has a few hundred bytes, whatever that setting is.
	maxMessage = 128 << 10

	// maxHeaderList bounds the metadata of a stream, in bytes. It has the path and the
	// origin at most, which are within the same 60 KiB.
	maxHeaderList = 64 << 10

	// streamWindow is how much a stream may have sent and not had read, in bytes. It is
	// the least that grpc-go can set. A larger message widens it while it is read.
	streamWindow = 64<<10 - 1

	// handshakeTimeout is how long a connection may take until it is one of HTTP/2.
	handshakeTimeout = 5 * time.Second

	// keepaliveTimeout is how long a peer may leave a ping, or TCP's data, unanswered.
	keepaliveTimeout = 20 * time.Second

	// streamWorkers is how many streams find a goroutine whose stack has grown
	// already. Growing it anew is a tenth of a stream's cost, and more of the streams
	// beyond these. One that waits has a stack of 8 KiB.
	streamWorkers = 64

	// connWindow is how much all streams of a connection may have sent and not had
	// read, in bytes. A fixed window saves grpc-go's measuring of a better one, a ping
	// for every few messages.
	connWindow = 16 << 20

	// stopTimeout is how long all may take to end after the drain: streams that are under
	// way, of which one waits for the application's answer; then connections that are
	// closed; and the admin listener.
	stopTimeout = 30 * time.Second

	// closeTimeout is the part of stopTimeout in which connections that were closed may end,
	// and as much is for the admin listener.
	closeTimeout = time.Second
)

type grpcServer struct {
	*grpc.Server
	limits      *limits.Limits
	health      *health.Server
	endWatches  context.CancelFunc
	stopTimeout time.Duration
}

func newGRPC(
	l *live, m *telemetry.Metrics, logger *slog.Logger, bounds *limits.Limits, withReflection bool,
) (*grpcServer, error) {
	process, check, err := newServices(l, m, logger)
	if err != nil {
		return nil, err
	}
	stopping, endWatches := context.WithCancel(context.Background())
	g := &grpcServer{limits: bounds, health: health.NewServer(), endWatches: endWatches, stopTimeout: stopTimeout}
	g.Server = grpc.NewServer(
		grpc.Creds(bounds.Credentials()),
		process.ServerOption(),
		check.ServerOption(),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxHeaderList),
		grpc.MaxConcurrentStreams(bounds.MaxStreams()),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connWindow),
		grpc.WaitForHandlers(true),
		// Envoy's connection_keepalive pings at the interval of its configuration,
		// also while all streams wait for a slow application. grpc-go's default
		// takes that for abuse and cuts the connection under them.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: 100 * time.Millisecond, PermitWithoutStream: true,
		}),
		// Finds peers that are gone without a word.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: keepaliveTimeout}),
	)
	services := bounds.Registrar(g.Server)
	if err := errors.Join(process.Register(services), check.Register(services)); err != nil {
		endWatches()
		return nil, err
	}
	grpc_health_v1.RegisterHealthServer(services, watchableHealth{g.health, stopping})
	g.setHealth(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	if withReflection {
		reflection.Register(services)
	}
	return g, nil
}

// newServices returns the services of Envoy, which decide by the live engine.
func newServices(l *live, m *telemetry.Metrics, logger *slog.Logger) (*extproc.Server, *extauthz.Server, error) {
	options := extproc.Options{
		Engine: l.engine.Load, Logger: logger, Observers: []extproc.Observer{m, telemetry.NewRefusals(logger)},
	}
	process, err := extproc.New(options)
	if err != nil {
		return nil, nil, err
	}
	check, err := extauthz.New(options)
	return process, check, err
}

// newLimits derives the bounds of peers from the memory limit.
func newLimits(memory int64, maxStreams uint32, m *telemetry.Metrics, logger *slog.Logger) *limits.Limits {
	return limits.New(limits.Config{
		Memory: memory, MaxStreams: maxStreams, MaxMessage: maxMessage, UserTimeout: keepaliveTimeout,
		Buffers: wire.Buffers, Observe: m.RefusedPeer, Logger: logger,
	})
}

// The services count a connection's answers in it.
var _ wire.Outbox = (*limits.Conn)(nil)

// listener returns a listener for Serve whose connections are bounded.
func (g *grpcServer) listener(l net.Listener) net.Listener { return g.limits.Listener(direct(l)) }

func (g *grpcServer) setHealth(status grpc_health_v1.HealthCheckResponse_ServingStatus) {
	for _, name := range []string{"", extproc.ServiceName, extauthz.ServiceName} {
		g.health.SetServingStatus(name, status)
	}
}

// watchableHealth ends watches of health when the server stops. By itself one ends
// when the client has enough, and until then it is a stream under way. (Not by an
// interceptor, which every stream would go through.)
type watchableHealth struct {
	*health.Server
	stopping context.Context
}

// Watch is that of the embedded server.
func (h watchableHealth) Watch(in *grpc_health_v1.HealthCheckRequest, stream grpc_health_v1.Health_WatchServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(h.stopping, cancel)()
	return h.Server.Watch(in, watchStream{stream, ctx})
}

// watchStream is a stream with a context of ours.
type watchStream struct {
	grpc_health_v1.Health_WatchServer
	ctx context.Context
}

func (s watchStream) Context() context.Context { return s.ctx }

// ready: a policy is live.
func (g *grpcServer) ready() { g.setHealth(grpc_health_v1.HealthCheckResponse_SERVING) }

// stop reports NOT_SERVING at once and serves on for drain: Envoy polls health,
// and until it has, it goes on opening streams. Then it waits for streams that
// are under way. Whatever peers do, it returns in time for the admin listener to
// stop within stopTimeout, too.
func (g *grpcServer) stop(drain time.Duration, logger *slog.Logger) {
	g.health.Shutdown()
	time.Sleep(drain)
	g.endWatches()
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.GracefulStop()
	}()
	select {
	case <-done:
	case <-time.After(g.stopTimeout - 2*closeTimeout):
		logger.Warn("streams are still under way; ending them", "after", (g.stopTimeout - 2*closeTimeout).String())
		g.kill(done, logger)
	}
}

// kill closes all connections, also those that are still in their handshake, for which Stop would wait.
func (g *grpcServer) kill(done <-chan struct{}, logger *slog.Logger) {
	g.limits.CloseAll()
	go g.Stop()
	select {
	case <-done:
	case <-time.After(closeTimeout):
		logger.Warn("not all streams have ended; exiting all the same")
	}
}
