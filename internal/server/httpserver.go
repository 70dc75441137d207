package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// httpServer serves HTTP on one address. The zero httpServer serves nothing.
type httpServer struct {
	name     string
	listener net.Listener
	http     *http.Server
}

// listenHTTP opens the listener of a flag, if there is to be one. Without tls it is plain HTTP.
func listenHTTP(
	ctx context.Context, name, flag, address string, h http.Handler, config *tls.Config, logger *slog.Logger,
) (*httpServer, error) {
	if address == "" {
		return &httpServer{}, nil
	}
	listener, err := listenTCP(ctx, address, "HOST:PORT")
	if err != nil {
		return nil, &listenError{flag: flag, address: address, err: err}
	}
	// No client can hold this server: each step has a bound.
	return &httpServer{name: name, listener: listener, http: &http.Server{
		Handler: h, TLSConfig: config, MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute,
		ErrorLog:    slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}}, nil
}

func (s *httpServer) logListening(logger *slog.Logger) {
	if s.listener != nil {
		logger.Info(s.name+" is listening", "address", s.listener.Addr().String())
	}
}

func (s *httpServer) serve() error {
	if s.http == nil {
		return nil
	}
	var err error
	if s.http.TLSConfig != nil {
		err = s.http.ServeTLS(s.listener, "", "")
	} else {
		err = s.http.Serve(s.listener)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

func (s *httpServer) stop() error {
	if s.http == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close() // a slow client
	}
	return nil
}

// close closes the listener of a server that has not served.
func (s *httpServer) close() {
	if s != nil && s.listener != nil {
		_ = s.listener.Close()
	}
}
