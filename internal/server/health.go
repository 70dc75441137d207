package server

import (
	"context"

	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// watchableHealth ends watches of health when the server stops. The embedded server ends one when
// the client does, and until then GracefulStop waits for it. (An interceptor could do it too, but
// every stream would pass through it.)
type watchableHealth struct {
	*health.Server
	stopping context.Context
}

// Watch is that of the embedded server.
func (h watchableHealth) Watch(
	in *grpc_health_v1.HealthCheckRequest, stream grpc_health_v1.Health_WatchServer,
) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(h.stopping, cancel)()
	return h.Server.Watch(in, watchStream{stream, ctx})
}

// watchStream is a stream with another context.
type watchStream struct {
	grpc_health_v1.Health_WatchServer
	ctx context.Context
}

// Context returns the other context.
func (s watchStream) Context() context.Context { return s.ctx }
