// Package extauthz serves Envoy's external authorization protocol (ext_authz) over gRPC: it reads a
// request from Envoy's message, and answers with the decision that package policy makes.
//
//	s, err := extauthz.New(extauthz.Options{Engine: engine.Load, Logger: slog.Default()})
//	server := grpc.NewServer(s.ServerOption())
//	err = s.Register(server)
//
// ext_authz can neither see nor remove headers of upstream's response: the route has to remove its
// CORS headers. The package contains no rule of CORS.
package extauthz
