package lab

import (
	"context"
	"errors"
	"net"
	"net/http"

	accesslog "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/corsd/corsd/test/harness/app/upstream"
)

// servers are the servers that the lab's Envoy calls beside corsd.
type servers struct {
	page, app, grpc net.Listener

	end   context.CancelFunc
	ended chan error // one for each of the three
}

// serve starts the servers, on free ports.
func (l *Lab) serve() (*servers, error) {
	ctx, end := context.WithCancel(context.Background())
	s := &servers{end: end, ended: make(chan error, 3)}
	var opened []net.Listener
	for _, listener := range []*net.Listener{&s.page, &s.app, &s.grpc} {
		var err error
		if *listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			for _, o := range opened {
				o.Close()
			}
			end()
			return nil, err
		}
		opened = append(opened, *listener)
	}
	go func() { s.ended <- upstream.Serve(ctx, s.page, l.page()) }()
	go func() { s.ended <- upstream.Serve(ctx, s.app, upstream.Gallery()) }()
	go func() { s.ended <- serveGRPC(ctx, s.grpc, l.record) }()
	return s, nil
}

// serveGRPC serves gRPC's health service, which the page calls by gRPC-Web. It also receives Envoy's
// access log.
func serveGRPC(ctx context.Context, l net.Listener, r *record) error {
	s := grpc.NewServer()
	healthpb.RegisterHealthServer(s, health.NewServer())
	accesslog.RegisterAccessLogServiceServer(s, r)
	stop := context.AfterFunc(ctx, s.Stop)
	defer stop()
	return s.Serve(l) // nil after s is stopped
}

// addresses maps the addresses in additions.yaml to the servers' real ones.
func (s *servers) addresses() map[string]string {
	return map[string]string{
		"lab:8080": s.page.Addr().String(), "lab:8081": s.app.Addr().String(), "lab:9000": s.grpc.Addr().String(),
	}
}

// stop ends the servers and waits until they have ended.
func (s *servers) stop() error {
	s.end()
	return errors.Join(<-s.ended, <-s.ended, <-s.ended)
}

// page serves the page and the requests that it sends about the lab.
func (l *Lab) page() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", assets())
	mux.HandleFunc("GET /lab.json", l.serveDescription)
	mux.HandleFunc("GET /exchanges", l.serveExchanges)
	mux.HandleFunc("GET /explanation", l.serveExplanation)
	mux.HandleFunc("GET /policy", l.servePolicy)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-l.started:
			mux.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
}
