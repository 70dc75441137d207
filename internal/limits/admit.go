package limits

import (
	"context"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// usualHeaders is the wire length of a header block that StreamCost includes.
const usualHeaders = 128

// headerFactor is how much memory a byte of a header block's first frame may need. A block of 64 KiB, the
// bound of MaxHeaderListSize, has a first frame of an eighth at least. Each field may need fieldCost, and has a byte
// at least.
const (
	headerFactor = 8
	fieldCost    = 64
)

// Credentials returns the transport credentials of a server whose connections are bounded. They encrypt as the
// listener's [Port] does.
func (l *Limits) Credentials() credentials.TransportCredentials {
	return transport{insecure.NewCredentials(), l}
}

type transport struct {
	credentials.TransportCredentials
	limits *Limits
}

// ServerHandshake is that of [credentials.TransportCredentials].
func (t transport) ServerHandshake(accepted net.Conn) (net.Conn, credentials.AuthInfo, error) {
	var port Port
	inner := accepted
	if c, ok := accepted.(*counted); ok {
		port = c.port
	}
	if port.TLS != nil {
		var err error
		if inner, err = t.limits.secure(accepted, port.TLS); err != nil {
			return nil, nil, err
		}
	}
	c := t.limits.newConn(inner, port)
	return c, c, nil
}

// ConnOf returns the connection of a stream or call, nil if it is not one of ours.
func ConnOf(ctx context.Context) *Conn {
	if p, ok := peer.FromContext(ctx); ok {
		c, _ := p.AuthInfo.(*Conn)
		return c
	}
	return nil
}

// Registrar returns a registrar that bounds the streams and calls of every service.
func (l *Limits) Registrar(server *grpc.Server) *Registrar { return &Registrar{server, l} }

// Registrar is a server whose services are bounded.
type Registrar struct {
	*grpc.Server
	limits *Limits
}

// RegisterService is that of [grpc.ServiceRegistrar].
func (r *Registrar) RegisterService(service *grpc.ServiceDesc, impl any) {
	bounded := *service
	bounded.Methods = make([]grpc.MethodDesc, len(service.Methods))
	for i, m := range service.Methods {
		bounded.Methods[i] = r.limits.boundCall(m)
	}
	bounded.Streams = make([]grpc.StreamDesc, len(service.Streams))
	for i, s := range service.Streams {
		bounded.Streams[i] = r.limits.boundStream(s)
	}
	r.Server.RegisterService(&bounded, impl)
}

// boundCall wraps the handler, as an interceptor would; but grpc makes an object for each call of an interceptor.
func (l *Limits) boundCall(m grpc.MethodDesc) grpc.MethodDesc {
	handler := m.Handler
	m.Handler = func(
		impl any, ctx context.Context, decode func(any) error, i grpc.UnaryServerInterceptor,
	) (any, error) {
		c, cost, err := l.admit(ctx)
		if err != nil {
			return nil, err
		}
		defer c.leave(cost)
		return handler(impl, ctx, decode, i)
	}
	return m
}

func (l *Limits) boundStream(s grpc.StreamDesc) grpc.StreamDesc {
	handler := s.Handler
	s.Handler = func(impl any, stream grpc.ServerStream) error {
		c, cost, err := l.admit(stream.Context())
		if err != nil {
			return err
		}
		defer c.leave(cost)
		return handler(impl, stream)
	}
	return s
}

var (
	errTooMany = status.Error(codes.ResourceExhausted, "too many streams are open: see --max-streams of corsd")
	errNoConn  = status.Error(codes.Internal, "the stream's connection is not bounded")
)

// admit charges a stream to its connection.
func (l *Limits) admit(ctx context.Context) (c *Conn, cost int64, err error) {
	if c = ConnOf(ctx); c == nil {
		return nil, 0, errNoConn
	}
	cost = streamCost(ctx)
	if !c.streams.Take(cost) {
		l.event(StreamRefused, slog.String("peer", c.RemoteAddr().String()))
		return nil, 0, errTooMany
	}
	l.admitted.Add(1)
	return c, cost, nil
}

func (c *Conn) leave(cost int64) {
	c.limits.admitted.Add(-1)
	c.streams.Give(cost)
}

// wireHeaders is implemented by grpc-go's streams: the length of the first frame of their header block.
type wireHeaders interface{ HeaderWireLength() int }

// streamCost is the charge of a stream. It estimates the memory of the headers by their length on the wire: to read
// the metadata, grpc-go would copy them.
func streamCost(ctx context.Context) int64 {
	s, ok := grpc.ServerTransportStreamFromContext(ctx).(wireHeaders)
	if !ok {
		return StreamCost
	}
	more := int64(max(s.HeaderWireLength()-usualHeaders, 0))
	return StreamCost + more*headerFactor + min(more, maxFields)*fieldCost
}
