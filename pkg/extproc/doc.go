// Package extproc serves Envoy's external processing protocol (ext_proc): it reads an HTTP exchange
// from Envoy's messages, and answers with the decision that package policy makes.
//
//	s, err := extproc.New(extproc.Options{Engine: engine.Load, Logger: slog.Default()})
//	server := grpc.NewServer(s.ServerOption())
//	err = s.Register(server)
//
// The package contains no rule of CORS. It contains how Envoy behaves: which answer each message
// needs, and where the data of a request comes from if a stream begins with the response. Each such
// fact is noted with the versions of Envoy that it was seen on.
package extproc
