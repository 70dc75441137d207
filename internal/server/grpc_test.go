package server

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/pkg/extauthz"
	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
)

// policies are policies that never change.
type policies struct{ engine *policy.Engine }

func (p policies) Engine() *policy.Engine { return p.engine }
func (policies) State() reload.State      { return reload.State{} }
func (policies) Ready() <-chan struct{}   { return alwaysReady }

// alwaysReady is a closed channel.
var alwaysReady = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

const (
	serving    = grpc_health_v1.HealthCheckResponse_SERVING
	notServing = grpc_health_v1.HealthCheckResponse_NOT_SERVING
)

var healthNames = []string{"", extproc.ServiceName, extauthz.ServiceName}

// bubble is a server and its client in a bubble of synctest.
type bubble struct {
	*grpcServer
	log   *servetest.Log
	conn  *grpc.ClientConn
	dials *atomic.Int64 // connections that the client made

	metrics  *telemetry.Metrics
	listener *bufconn.Listener
}

// The bounds of the server in a bubble.
const (
	bubbleStreams = 100
	bubbleMemory  = 16 << 20
)

func inBubble(t *testing.T, test func(t *testing.T, b bubble), options ...grpc.DialOption) {
	t.Helper()
	report := reload.Parse("policy.yaml", []byte(servetest.Allowing(servetest.OldPage)))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		log := &servetest.Log{}
		logger := slog.New(slog.NewJSONHandler(log, nil))
		m := telemetry.New(telemetry.Build{})
		g, err := newGRPC(&Options{
			Policies: policies{report.Engine}, Observers: []exchange.Observer{m}, RefusedPeer: m.RefusedPeer, Logger: logger,
			RawSyscalls: true, Memory: bubbleMemory, MaxStreams: bubbleStreams,
		})
		if err != nil {
			t.Fatal(err)
		}
		buffers := bufconn.Listen(1 << 16)
		served := make(chan error, 1)
		go func() { served <- g.Serve(g.bounded(listener{Listener: buffers})) }()
		var dials atomic.Int64
		conn, err := grpc.NewClient("passthrough:corsd", append(options, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				dials.Add(1)
				return buffers.DialContext(ctx)
			}))...)
		if err != nil {
			t.Fatal(err)
		}
		test(t, bubble{g, log, conn, &dials, m, buffers})
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		g.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// open begins an exchange.
func (b bubble) open(t *testing.T) servetest.Stream {
	t.Helper()
	client, err := extprocv3.NewExternalProcessorClient(b.conn).Process(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := servetest.Stream{T: t, ExternalProcessor_ProcessClient: client}
	s.Exchange(servetest.RequestOf(servetest.OldPage))
	return s
}

// TestHealth: NOT_SERVING until a policy is live, and again when the server stops.
func TestHealth(t *testing.T) {
	inBubble(t, func(t *testing.T, b bubble) {
		check := func(when string, want grpc_health_v1.HealthCheckResponse_ServingStatus) {
			t.Helper()
			for _, name := range healthNames {
				h, err := grpc_health_v1.NewHealthClient(b.conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: name})
				if err != nil || h.Status != want {
					t.Errorf("%s: health of %q is %v, %v; want %s", when, name, h, err, want)
				}
			}
		}
		check("at first", notServing)
		b.ready()
		check("when ready", serving)
		stopped := make(chan struct{})
		go func() {
			b.stop(5*time.Second, slog.New(slog.DiscardHandler))
			close(stopped)
		}()
		synctest.Wait() // for the drain to begin
		check("while draining", notServing)
		b.ready()
		check("while draining, after ready", notServing)
		<-stopped
	})
}

// TestStop: streams under way after the drain have half a minute.
func TestStop(t *testing.T) {
	const drain = 5 * time.Second
	rows := []struct {
		name       string
		ends, want time.Duration // after SIGTERM; 0 for a stream that never ends
	}{
		{"a stream that ends while draining is not waited for", time.Second, drain},
		{"one that ends later is", 20 * time.Second, 20 * time.Second},
		{"one that never ends is ended", 0, drain + stopTimeout - 2*closeTimeout},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b bubble) {
				x := b.open(t)
				began := time.Now()
				if r.ends > 0 {
					time.AfterFunc(r.ends, x.End)
				}
				b.stop(drain, slog.New(slog.NewJSONHandler(b.log, nil)))
				if took := time.Since(began); took != r.want {
					t.Errorf("took %s, want %s", took, r.want)
				}
				warned := len(b.log.Entries(t, "streams are still under way; ending them"))
				if (r.ends == 0) != (warned == 1) {
					t.Errorf("warned %d times", warned)
				}
				if r.ends > 0 {
					return // and end has received the last there is
				}
				if _, err := x.Recv(); status.Code(err) != codes.Unavailable {
					t.Errorf("the stream ended with %v", err)
				}
			})
		})
	}
}

// TestKeepalive: Envoy pings while all streams wait for a slow application. Under
// grpc-go's own limits that would cut the connection.
func TestKeepalive(t *testing.T) {
	often := keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true}
	inBubble(t, func(t *testing.T, b bubble) {
		x := b.open(t)
		time.Sleep(time.Hour)
		if got := servetest.AllowOrigin(x.Exchange(servetest.Response())); got != servetest.OldPage {
			t.Errorf("after an hour: allows %q", got)
		}
		x.End()
		time.Sleep(time.Hour) // without a stream
		b.open(t).End()
		if n := b.dials.Load(); n != 1 {
			t.Errorf("%d connections, want one", n)
		}
	}, grpc.WithKeepaliveParams(often), grpc.WithIdleTimeout(0))
}
