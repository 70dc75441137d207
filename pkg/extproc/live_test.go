package extproc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/pkg/extauthz"
	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// connect serves ext_proc and ext_authz over a gRPC connection, with health, and returns the client's
// side.
func connect(t *testing.T, o extproc.Options) *grpc.ClientConn {
	t.Helper()
	process := newServer(t, o)
	check, err := extauthz.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server, reports := grpc.NewServer(process.ServerOption(), check.ServerOption(), grpc.WaitForHandlers(true)), health.NewServer()
	if err := errors.Join(process.Register(server), check.Register(server)); err != nil {
		t.Fatal(err)
	}
	grpc_health_v1.RegisterHealthServer(server, reports)
	for _, name := range []string{extproc.ServiceName, extauthz.ServiceName} {
		reports.SetServingStatus(name, grpc_health_v1.HealthCheckResponse_SERVING)
	}
	listener := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:corsd", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return conn
}

// converse sends messages over one stream and returns the answer to each.
func converse(ctx context.Context, conn *grpc.ClientConn, messages ...sent) ([]answer, error) {
	stream, err := extprocv3.NewExternalProcessorClient(conn).Process(ctx)
	if err != nil {
		return nil, err
	}
	var answers []answer
	for _, m := range messages {
		if err := stream.Send(m); err != nil {
			return nil, err
		}
		a, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	if a, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("after the last answer: %v, %w", a, err)
	}
	return answers, nil
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestConnection is both services over one connection.
func TestConnection(t *testing.T) {
	f := newFixture(t)
	conn, ctx := connect(t, f.Options()), deadline(t)

	got, err := converse(ctx, conn, get("api.shop.example/cart", page), requestBody, responds("200", acaoAny), responseTrailers)
	if err != nil {
		t.Fatal(err)
	}
	exchangetest.Equal(t, []answer{awaits(allowed), untouchedRequestBody(), changes(nil, acao, acac, aceh, varyOrigin), untouchedResponseTrailers()}, got)

	known := metadata.NewOutgoingContext(ctx, md(append(responseOnly("GET", "other.example/", evil), "corsd-policy: shop#catalogue")))
	if got, err = converse(known, conn, responds("200")); err != nil {
		t.Fatal(err)
	}
	exchangetest.Equal(t, []answer{reports(public, changes(nil, acaoAny, "access-control-expose-headers: X-Total"))}, got)

	checked, err := authv3.NewAuthorizationClient(conn).Check(ctx, &authv3.CheckRequest{
		Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Scheme: "https", Host: "block.shop.example", Path: "/", HeaderMap: exchangetest.HeaderMap([]string{evil}),
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if code := checked.GetDeniedResponse().GetStatus().GetCode(); code != 403 {
		t.Errorf("the check answers %v", checked)
	}

	for _, name := range []string{extproc.ServiceName, extauthz.ServiceName} {
		h, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: name})
		if err != nil || h.Status != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("health of %s: %v, %v", name, h, err)
		}
	}
}

// TestConnectionResets: Envoy resets streams that it no longer needs, which is not an error. A stream
// that breaks does not end others.
func TestConnectionResets(t *testing.T) {
	f := newFixture(t)
	conn, ctx := connect(t, f.Options()), deadline(t)
	const resets = 20
	for range resets {
		one, reset := context.WithCancel(ctx)
		stream, err := extprocv3.NewExternalProcessorClient(conn).Process(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(get("api.shop.example/cart", page)); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		reset()
		if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
			t.Fatalf("after the reset: %v", err)
		}
	}
	eventually(t, "all streams have ended", func() bool {
		var ends int
		f.Observer.With(func() { ends = len(f.Observer.Ends) })
		return ends == resets
	})
	for _, err := range f.Observer.Ends {
		if err != nil {
			t.Errorf("a reset is an error: %v", err)
		}
	}
	if _, err := converse(ctx, conn, get("api.shop.example/cart", page)); err != nil {
		t.Error(err)
	}
}

// named compiles a policy that is called and exposes a name.
func named(t *testing.T, name string) *policy.Engine {
	t.Helper()
	engine, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{{Name: name, Spec: spec.PolicySpec{
		Hosts: []string{"api.shop.example"},
		CORS:  &spec.CORS{AllowOrigins: []string{"https://www.shop.example"}, ExposeHeaders: []string{name}},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// TestReload: whatever is reloaded in between, both phases of an exchange see one
// policy.
func TestReload(t *testing.T) {
	engines := []*policy.Engine{named(t, "one"), named(t, "two")}
	var live atomic.Pointer[policy.Engine]
	live.Store(engines[0])
	conn := connect(t, extproc.Options{Engine: live.Load, Logger: slog.New(slog.DiscardHandler)})

	done := make(chan struct{})
	swapping := make(chan struct{})
	go func() {
		defer close(swapping)
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
				live.Store(engines[i%2])
				time.Sleep(50 * time.Microsecond)
			}
		}
	}()

	group, ctx := errgroup.WithContext(deadline(t))
	var seen [2]atomic.Int64
	for range 4 {
		group.Go(func() error {
			for n := 0; n < 100 || seen[0].Load() == 0 || seen[1].Load() == 0; n++ {
				got, err := converse(ctx, conn, get("api.shop.example/cart", page), responds("200"))
				if err != nil {
					return err
				}
				name := got[0].GetDynamicMetadata().GetFields()["corsd"].GetStructValue().GetFields()["policy"].GetStringValue()
				for _, h := range got[1].GetResponseHeaders().GetResponse().GetHeaderMutation().GetSetHeaders() {
					if key := h.GetHeader().GetKey(); key == "access-control-expose-headers" && string(h.GetHeader().GetRawValue()) != name {
						return fmt.Errorf("the request saw policy %s, the response %s", name, h.GetHeader().GetRawValue())
					}
				}
				seen[map[string]int{"one": 0, "two": 1}[name]].Add(1)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	close(done)
	<-swapping
}
