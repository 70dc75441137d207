package extproc

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"

	"github.com/corsd/corsd/pkg/extproc/internal/wire"
	"github.com/corsd/corsd/pkg/policy"
)

// Profile is a way in which Envoy asks for decisions.
type Profile uint8

// The values of [Profile].
const (
	// TwoPhase is an ext_proc stream that begins with the request's headers.
	TwoPhase Profile = iota
	// Lean is an ext_proc stream that begins with the response's headers.
	Lean
	// ExtAuthz is a call of ext_authz.
	ExtAuthz
	numProfiles
)

// String gives the profile as metrics and logs write it.
func (p Profile) String() string { return [numProfiles]string{"two_phase", "lean", "ext_authz"}[p] }

// Profiles lists every profile.
func Profiles() []Profile { return []Profile{TwoPhase, Lean, ExtAuthz} }

// Observer is told what happens. Its methods are called on the way of every
// request: they must be quick, and safe for concurrent use. They may not keep
// what they are given.
type Observer interface {
	// StreamStarted and StreamEnded are called for each ext_proc stream. err is nil
	// for the ends that are normal.
	StreamStarted()
	StreamEnded(err error)
	// Decided is called for each decision.
	Decided(p Profile, d *policy.Decision)
	// StripConflict is called for each request whose virtual host removes the
	// upstream headers that the policy says to leave or to merge.
	StripConflict(policy string)
	// Panicked is called for each panic that was contained.
	Panicked()
}

// Options is what a [Server] needs.
type Options struct {
	// Engine gives the engine that is live. It is called once for each stream and
	// call, so that both phases of an exchange see one policy. It may give nil while
	// there is none: then nothing is changed. Required.
	Engine func() *policy.Engine
	// Logger takes warnings and refusals. Required.
	Logger *slog.Logger
	// Observer is told what happens. Required.
	Observer Observer
	// Outbox returns where the answers of a stream or call are counted until gRPC has written them, by its
	// context. It may return nil, and may be nil.
	Outbox func(context.Context) Outbox
}

// Outbox counts answers that are not written yet. It is a pool in front of [Buffers]: Put is called for each answer
// that is written, or never will be.
type Outbox = wire.Outbox

// Server serves both protocols. Make one with [New].
type Server struct {
	engine   func() *policy.Engine
	log      *slog.Logger
	observer Observer
	outbox   func(context.Context) Outbox
	refusals *refusalLog
	notices  notices

	exchanges sync.Pool // of *exchange
	calls     sync.Pool // of *call
}

// New makes a server.
func New(o Options) *Server {
	outbox := o.Outbox
	if outbox == nil {
		outbox = func(context.Context) Outbox { return nil }
	}
	return &Server{engine: o.Engine, log: o.Logger, observer: o.Observer, outbox: outbox, refusals: newRefusalLog(o.Logger)}
}

// The names of the services and their methods.
const (
	processorName     = "envoy.service.ext_proc.v3.ExternalProcessor"
	processName       = "Process"
	authorizationName = "envoy.service.auth.v3.Authorization"
	checkName         = "Check"
)

// Register puts both services on a gRPC server, which must have been made with
// grpc.ForceServerCodecV2([Codec]()).
func (s *Server) Register(r grpc.ServiceRegistrar) {
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: processorName,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName: processName, ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error { return s.process(stream) },
		}},
		Metadata: extprocv3.ExternalProcessor_ServiceDesc.Metadata, // for reflection
	}, s)
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: authorizationName,
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: checkName,
			Handler: func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
				return s.handleCheck(ctx, decode, interceptor)
			},
		}},
		Metadata: authv3.Authorization_ServiceDesc.Metadata,
	}, s)
}

// ServiceNames are the names under which health is to be reported.
func ServiceNames() []string { return []string{processorName, authorizationName} }

// decided tells of a decision whoever wants to know.
func (s *Server) decided(engine *policy.Engine, p Profile, d *policy.Decision, r *policy.Request) {
	s.observer.Decided(p, d)
	s.notices.profile(s.log, engine, p)
	if d.Verdict == policy.VerdictDeny {
		s.refusals.log(p, d, r)
	}
}

// contained tells of a panic that recover gave.
func (s *Server) contained(p any) {
	s.observer.Panicked()
	s.log.LogAttrs(context.Background(), slog.LevelError, "panic while answering Envoy; the message was answered without changes",
		slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
}
