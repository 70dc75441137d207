package extproc

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/wire"
)

// ServiceName is the name of the gRPC service, under which its health is reported.
const ServiceName = "envoy.service.ext_proc.v3.ExternalProcessor"

// Options configures a [Server].
type Options = exchange.Options

// Observer receives what happens in exchanges. An observer of some events embeds [Discard].
type Observer = exchange.Observer

// Discard is an [Observer] that does nothing.
type Discard = exchange.Discard

// Event is a decision with its request and profile.
type Event = exchange.Event

// Profile is a way in which Envoy requests decisions.
type Profile = exchange.Profile

// The profiles of ext_proc.
const (
	RequestResponse = exchange.RequestResponse
	ResponseOnly    = exchange.ResponseOnly
)

// Server serves ext_proc. Make one with [New].
type Server struct {
	service  *exchange.Service
	streams  sync.Pool // of *stream
	hasCodec atomic.Bool
}

// New makes a server. It returns an error if a required option is missing.
func New(o Options) (*Server, error) {
	service, err := exchange.New(o)
	if err != nil {
		return nil, fmt.Errorf("extproc: %w", err)
	}
	return &Server{service: service}, nil
}

// ServerOption returns the option that the gRPC server must be made with: the codec of Envoy's
// messages. The codec also serves ext_authz, and leaves all other services to the standard one.
func (s *Server) ServerOption() grpc.ServerOption {
	s.hasCodec.Store(true)
	return grpc.ForceServerCodecV2(wire.Codec())
}

// Register registers the service on a gRPC server that was made with [Server.ServerOption]. It
// returns an error if the option was never requested: every message would fail.
func (s *Server) Register(r grpc.ServiceRegistrar) error {
	if !s.hasCodec.Load() {
		return errors.New("extproc: make the gRPC server with ServerOption before Register")
	}
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: ServiceName,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName: "Process", ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error { return s.process(stream) },
		}},
		Metadata: extprocv3.ExternalProcessor_ServiceDesc.Metadata, // for reflection
	}, s)
	return nil
}
