package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/corsd/corsd/internal/reload"
)

// admin serves probes and metrics. The zero admin serves nothing.
type admin struct {
	listener net.Listener
	http     *http.Server
}

// newAdmin opens the admin listener, if there is to be one.
func newAdmin(ctx context.Context, o *Options, ready http.Handler) (*admin, error) {
	if o.Admin == "" {
		return &admin{}, nil
	}
	listener, err := listenTCP(ctx, o.Admin, "HOST:PORT")
	if err != nil {
		return nil, &listenError{flag: "--admin", address: o.Admin, err: err}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.Handle("GET /readyz", ready)
	mux.Handle("GET /metrics", o.MetricsPage)
	return &admin{listener: listener, http: &http.Server{
		Handler: withKnownHost(o.AdminHosts, mux), MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute,
		ErrorLog:    slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}}, nil
}

func (a *admin) logListening(logger *slog.Logger) {
	if a.listener != nil {
		logger.Info("admin is listening", "address", a.listener.Addr().String())
	}
}

func (a *admin) serve() error {
	if a.http == nil {
		return nil
	}
	if err := a.http.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}

// stop is called last, so that probes and metrics work while the gRPC server stops.
func (a *admin) stop() error {
	if a.http == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := a.http.Shutdown(ctx); err != nil {
		return a.http.Close() // a slow scrape
	}
	return nil
}

// readiness is the handler of /readyz. corsd is ready while a policy is live, even if a newer one
// was refused. The page has a line if the policy is that of the snapshot, and with ?verbose the state
// of the policies.
func readiness(stopping func() bool, state func() reload.State) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		word := "ok"
		if stopping() {
			word = "stopping"
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, word+"\n")
		policies := state()
		policies.WriteSnapshot(w)
		if r.URL.Query().Has("verbose") {
			policies.WriteText(w)
		}
	}
}
