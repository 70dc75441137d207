package main

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/corsd/corsd/pkg/extproc"
)

const (
	// maxMessage bounds one message, in bytes. Envoy sends headers only, which it
	// bounds itself: 60 KiB unless configured otherwise, 8 MiB at the most. Under
	// corsd's own configurations a message has a few hundred bytes.
	maxMessage = 1 << 20

	// streamWorkers is how many streams find a goroutine whose stack has grown
	// already. Growing it anew is a tenth of a stream's cost, and more of the streams
	// beyond these. One that waits has a stack of 8 KiB.
	streamWorkers = 64

	// connWindow is how much all streams of a connection may have sent and not had
	// read, in bytes. A fixed window saves grpc-go's measuring of a better one, a ping
	// for every few messages.
	connWindow = 16 << 20

	// stopTimeout is how long streams that are under way may take to end. One waits
	// for the application's answer.
	stopTimeout = 30 * time.Second
)

type grpcServer struct {
	*grpc.Server
	health   *health.Server
	stopping chan struct{} // closed when streams are to end
}

func newGRPC(l *live, m *metrics, logger *slog.Logger, f *serveFlags) *grpcServer {
	g := &grpcServer{health: health.NewServer(), stopping: make(chan struct{})}
	g.Server = grpc.NewServer(
		grpc.ForceServerCodecV2(extproc.Codec()),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(f.maxStreams),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.StaticStreamWindowSize(maxMessage),
		grpc.StaticConnWindowSize(connWindow),
		grpc.WaitForHandlers(true),
		// Envoy's connection_keepalive pings at the interval of its configuration,
		// also while all streams wait for a slow application. grpc-go's default
		// takes that for abuse and cuts the connection under them.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 100 * time.Millisecond, PermitWithoutStream: true}),
		// Finds peers that are gone without a word.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
	)
	extproc.New(extproc.Options{Engine: l.engine.Load, Logger: logger, Observer: m}).Register(g)
	grpc_health_v1.RegisterHealthServer(g, watchableHealth{g.health, g.stopping})
	g.setHealth(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	if f.reflection {
		reflection.Register(g)
	}
	return g
}

func (g *grpcServer) setHealth(status grpc_health_v1.HealthCheckResponse_ServingStatus) {
	for _, name := range append(extproc.ServiceNames(), "") {
		g.health.SetServingStatus(name, status)
	}
}

// watchableHealth ends watches of health when the server stops. By itself one ends
// when the client has enough, and until then it is a stream under way. (Not by an
// interceptor, which every stream would go through.)
type watchableHealth struct {
	*health.Server
	stopping <-chan struct{}
}

// Watch is that of the embedded server.
func (h watchableHealth) Watch(in *grpc_health_v1.HealthCheckRequest, stream grpc_health_v1.Health_WatchServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	go func() {
		select {
		case <-h.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
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
// are under way, for as long as stopTimeout.
func (g *grpcServer) stop(drain time.Duration, logger *slog.Logger) {
	g.health.Shutdown()
	time.Sleep(drain)
	close(g.stopping)
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.GracefulStop()
	}()
	select {
	case <-done:
	case <-time.After(stopTimeout):
		logger.Warn("streams are still under way; ending them", "after", stopTimeout.String())
		g.Stop()
		<-done
	}
}
