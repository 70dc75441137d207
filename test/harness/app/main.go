// App is the application behind the gateway of the demo. It is a shop whose CORS headers are wrong.
// On a second port it serves a third party's API without CORS headers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/corsd/corsd/test/harness/app/upstream"
)

func main() {
	shop := flag.String("shop", ":8080", "`address` of the shop")
	weather := flag.String("weather", ":8081", "`address` of the third-party API")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *shop, *weather); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

// run serves both until ctx is done or one of them fails.
func run(ctx context.Context, shop, weather string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 2)
	go func() { ended <- serve(ctx, "shop", shop, upstream.Shop()) }()
	go func() { ended <- serve(ctx, "weather", weather, upstream.Weather()) }()
	first := <-ended
	stop()
	return errors.Join(first, <-ended)
}

func serve(ctx context.Context, name, address string, h http.Handler) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("%s listens on %v\n", name, l.Addr())
	return upstream.Serve(ctx, l, h)
}
