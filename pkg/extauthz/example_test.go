package extauthz_test

import (
	"log/slog"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/corsd/corsd/pkg/extauthz"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// A server that decides by the live engine, which a reload may replace at any time.
func Example() {
	engine, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{{Name: "shop", Spec: spec.PolicySpec{
		Hosts: []string{"api.shop.example"}, CORS: &spec.CORS{AllowOrigins: []string{"https://www.shop.example"}},
	}}}})
	if err != nil {
		panic(err)
	}
	var live atomic.Pointer[policy.Engine]
	live.Store(engine)

	s, err := extauthz.New(extauthz.Options{Engine: live.Load, Logger: slog.Default()})
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer(s.ServerOption())
	if err := s.Register(server); err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
}
