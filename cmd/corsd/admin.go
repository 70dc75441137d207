package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/corsd/corsd/internal/telemetry"
)

// adminServer serves probes and metrics. The zero one serves nothing.
type adminServer struct {
	listener net.Listener
	http     *http.Server
}

func newAdmin(ctx context.Context, f *serveFlags, l *live, m *telemetry.Metrics, logger *slog.Logger) (*adminServer, error) {
	if f.admin == "" {
		return &adminServer{}, nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", f.admin)
	if err != nil {
		return nil, fmt.Errorf("--admin %s: %w; write HOST:PORT", f.admin, err)
	}
	logger.Info("admin is listening", "address", listener.Addr().String())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", l.serveReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{Registry: m.Registry}))
	return &adminServer{listener: listener, http: &http.Server{
		Handler: withKnownHost(f.adminHosts, mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}}, nil
}

func (a *adminServer) serve() error {
	if a.http == nil {
		return nil
	}
	if err := a.http.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}

// stop is the last thing that serve does.
func (a *adminServer) stop() error {
	if a.http == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := a.http.Shutdown(ctx); err != nil {
		return a.http.Close() // a scrape that takes its time
	}
	return nil
}

// serveReady: ready is a policy that is live, be it not the newest. ?verbose says
// what was refused since.
func (l *live) serveReady(w http.ResponseWriter, r *http.Request) {
	ready := !l.stopping.Load()
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if !r.URL.Query().Has("verbose") {
		_, _ = io.WriteString(w, readyWord(ready)+"\n")
		return
	}
	s := l.snapshot()
	fmt.Fprintf(w, "%s\nlive policy: %s since %s\n", readyWord(ready), s.hash, s.since.UTC().Format(time.RFC3339))
	if s.retry.pending() {
		fmt.Fprintf(w, "retry: %s\n", s.retry)
	}
	if s.refused == "" {
		return
	}
	fmt.Fprintf(w, "refused policy: %s\n", s.refused)
	for _, f := range s.faults {
		fmt.Fprintln(w, f.String())
	}
}

func readyWord(ready bool) string {
	if ready {
		return "ok"
	}
	return "stopping"
}
