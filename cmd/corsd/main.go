// Command corsd decides CORS for Envoy: it serves policies over ext_proc and
// ext_authz, and checks and explains them before they go live.
package main

import (
	"context"
	"io"
	"os"

	"google.golang.org/grpc/grpclog"
)

func main() {
	if os.Getenv("GRPC_GO_LOG_SEVERITY_LEVEL") == "" {
		// By itself grpc-go writes its errors straight to standard error, which blocks the
		// connection that has one when nobody reads.
		grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	}
	os.Exit(run(context.Background(), os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv}))
}
