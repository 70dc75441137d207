package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/corsd/corsd/internal/limits"
	"github.com/corsd/corsd/internal/rawconn"
	"github.com/corsd/corsd/internal/wire"
	"github.com/corsd/corsd/pkg/extauthz"
	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
)

const (
	// maxMessage bounds one message, in bytes. Envoy sends headers only, which it bounds itself:
	// 60 KiB unless max_request_headers_kb is set. With corsd's own Envoy configurations a message
	// has a few hundred bytes, whatever that setting is.
	maxMessage = 128 << 10

	// maxHeaderList bounds the metadata of a stream, in bytes. It contains the path and the origin
	// at most, which are within the same 60 KiB.
	maxHeaderList = 64 << 10

	// streamWindow is how many bytes a peer may send on a stream before they are read. It is the
	// least that grpc-go accepts. grpc-go widens the window while it reads a larger message.
	streamWindow = 64<<10 - 1

	// connWindow is the same for all streams of a connection. With a fixed window, grpc-go does not
	// measure for a better one, which costs a ping for every few messages.
	connWindow = 16 << 20

	// handshakeTimeout is how long the handshakes of a connection, of TLS and HTTP/2, may take together.
	handshakeTimeout = 5 * time.Second

	// keepaliveTimeout is how long a peer may leave a ping, or TCP data, unacknowledged.
	keepaliveTimeout = 20 * time.Second

	// streamWorkers is how many goroutines serve one stream after another, so that their stacks
	// have grown already. Growing a stack is a tenth of a stream's cost. An idle worker holds 8 KiB.
	streamWorkers = 64

	// stopTimeout bounds the time after the drain until everything has stopped: streams under way,
	// of which one waits for the application's answer; then closed connections; then the admin
	// listener.
	stopTimeout = 30 * time.Second

	// closeTimeout is the part of stopTimeout for closed connections. As much is for the admin
	// listener.
	closeTimeout = time.Second
)

// wire.OutboxOf finds the connection of a stream in the peer's AuthInfo, and the answers are charged
// to it. The packages do not import each other.
var _ wire.Outbox = (*limits.Conn)(nil)

// grpcServer serves Envoy.
type grpcServer struct {
	*grpc.Server
	limits      *limits.Limits
	sockets     rawconn.Options
	tls         credentials.TransportCredentials // nil for none
	health      *health.Server
	endWatches  context.CancelFunc
	stopTimeout time.Duration
}

func newGRPC(o *Options) (*grpcServer, error) {
	options := extproc.Options{
		Engine: o.Policies.Engine, Static: staticOf, Logger: o.Logger, Observers: o.Observers,
	}
	process, err := extproc.New(options)
	if err != nil {
		return nil, err
	}
	check, err := extauthz.New(options)
	if err != nil {
		return nil, err
	}
	stopping, endWatches := context.WithCancel(context.Background())
	g := &grpcServer{
		limits: newLimits(o), sockets: rawconn.Options{RawSyscalls: o.RawSyscalls, UserTimeout: keepaliveTimeout},
		health: health.NewServer(), endWatches: endWatches, stopTimeout: stopTimeout,
	}
	if o.TLS != nil {
		g.tls = handshaker{credentials.NewTLS(o.TLS), o.TLS}
	}
	g.Server = grpc.NewServer(append(grpcOptions(g.limits), process.ServerOption(), check.ServerOption())...)
	services := g.limits.Registrar(g.Server)
	if err := errors.Join(process.Register(services), check.Register(services)); err != nil {
		endWatches()
		g.Stop()
		return nil, err
	}
	grpc_health_v1.RegisterHealthServer(services, watchableHealth{g.health, stopping})
	g.setHealth(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	if o.Reflection {
		reflection.Register(services)
	}
	return g, nil
}

func grpcOptions(bounds *limits.Limits) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(bounds.Credentials()),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxHeaderList),
		grpc.MaxConcurrentStreams(bounds.MaxStreams()),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connWindow),
		grpc.WaitForHandlers(true),
		// Envoy's connection_keepalive pings at its configured interval, also while all streams wait
		// for a slow application. grpc-go's default treats that as abuse and closes the connection.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: 100 * time.Millisecond, PermitWithoutStream: true,
		}),
		// Finds peers that are gone without closing the connection.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: keepaliveTimeout}),
	}
}

// newLimits derives the bounds of peers from the memory limit.
func newLimits(o *Options) *limits.Limits {
	return limits.New(limits.Config{
		Memory: o.Memory, MaxStreams: o.MaxStreams, MaxMessage: maxMessage,
		Buffers: wire.Buffers, Observe: o.RefusedPeer, Logger: o.Logger,
	})
}

// handshaker is credentials.NewTLS that also accepts clients without ALPN. Envoy's health checks send ALPN only if the
// TLS of the cluster configures it (1.40), which that of Envoy Gateway does not (1.9). If corsd refused them, Envoy
// would fail open. gRPC closes a connection that does not begin with the preface of HTTP/2.
type handshaker struct {
	credentials.TransportCredentials
	config *tls.Config
}

// ServerHandshake is that of [credentials.TransportCredentials], without AuthInfo, which limits replaces.
func (h handshaker) ServerHandshake(accepted net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c := tls.Server(accepted, h.config)
	return c, nil, c.Handshake()
}

// bounded returns a listener for Serve, of connections that are bounded.
func (g *grpcServer) bounded(l listener) net.Listener {
	port := limits.Port{Tag: l.endpoint.static}
	if l.endpoint.tls {
		port.TLS = g.tls
	}
	return g.limits.Listener(rawconn.Listener(l.Listener, g.sockets), port)
}

// staticOf returns what the listener of a stream promises of the routes that use it.
func staticOf(ctx context.Context) policy.Static {
	static, _ := limits.ConnOf(ctx).Tag().(policy.Static)
	return static
}

func (g *grpcServer) setHealth(status grpc_health_v1.HealthCheckResponse_ServingStatus) {
	for _, name := range []string{"", extproc.ServiceName, extauthz.ServiceName} {
		g.health.SetServingStatus(name, status)
	}
}

// ready reports SERVING. It is called when a policy is live.
func (g *grpcServer) ready() { g.setHealth(grpc_health_v1.HealthCheckResponse_SERVING) }

// stop reports NOT_SERVING at once and continues to serve for drain: Envoy polls health, and opens
// streams until it has seen the change. Then stop waits for the streams under way. Whatever peers
// do, it returns early enough for the admin listener to stop within stopTimeout.
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

// kill closes all connections, including those in their handshake, for which Stop would wait.
func (g *grpcServer) kill(done <-chan struct{}, logger *slog.Logger) {
	g.limits.CloseAll()
	go g.Stop()
	select {
	case <-done:
	case <-time.After(closeTimeout):
		logger.Warn("not all streams have ended; exiting without them")
	}
}
