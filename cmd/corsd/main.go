// Command corsd decides CORS for Envoy: it serves policies over ext_proc and
// ext_authz, and checks and explains them before they go live.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv}))
}
