package extauthz

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/wire"
)

// ServiceName is the name of the gRPC service, under which its health is reported.
const ServiceName = "envoy.service.auth.v3.Authorization"

// Options configures a [Server].
type Options = exchange.Options

// Observer receives what happens in exchanges. An observer of some events embeds [Discard].
type Observer = exchange.Observer

// Discard is an [Observer] that does nothing.
type Discard = exchange.Discard

// Event is a decision with its request and profile.
type Event = exchange.Event

// Server serves ext_authz. Make one with [New].
type Server struct {
	service  *exchange.Service
	calls    sync.Pool // of *call
	hasCodec atomic.Bool
}

// New makes a server. It returns an error if a required option is missing.
func New(o Options) (*Server, error) {
	service, err := exchange.New(o)
	if err != nil {
		return nil, fmt.Errorf("extauthz: %w", err)
	}
	return &Server{service: service}, nil
}

// ServerOption returns the option that the gRPC server must be made with: the codec of Envoy's
// messages. The codec also serves ext_proc, and leaves all other services to the standard one.
func (s *Server) ServerOption() grpc.ServerOption {
	s.hasCodec.Store(true)
	return grpc.ForceServerCodecV2(wire.Codec())
}

// Register registers the service on a gRPC server that was made with [Server.ServerOption]. It
// returns an error if the option was never requested: every message would fail.
func (s *Server) Register(r grpc.ServiceRegistrar) error {
	if !s.hasCodec.Load() {
		return errors.New("extauthz: make the gRPC server with ServerOption before Register")
	}
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: ServiceName,
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Check",
			Handler: func(
				_ any, ctx context.Context, decode func(any) error, i grpc.UnaryServerInterceptor,
			) (any, error) {
				return s.handleCheck(ctx, decode, i)
			},
		}},
		Metadata: authv3.Authorization_ServiceDesc.Metadata, // for reflection
	}, s)
	return nil
}
