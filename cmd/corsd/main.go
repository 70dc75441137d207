// Command corsd decides CORS for Envoy: it serves policies over ext_proc and ext_authz, and checks
// and explains them before they go live.
package main

import (
	"context"
	"os"

	"github.com/corsd/corsd/internal/cli"
)

func main() {
	cli.SilenceGRPC(os.Getenv)
	std := cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv}
	os.Exit(cli.Run(context.Background(), os.Args[1:], std))
}
