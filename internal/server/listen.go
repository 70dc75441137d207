package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
)

// listener is a listener for Envoy.
type listener struct {
	net.Listener
	endpoint endpoint
}

// listenAll opens every listener, or none.
func listenAll(ctx context.Context, endpoints []endpoint, mode fs.FileMode) ([]listener, error) {
	var listeners []listener
	for _, e := range endpoints {
		l, err := listen(ctx, e.address, mode)
		if err != nil {
			closeAll(listeners)
			return nil, &listenError{flag: "--listen", address: e.address, err: err}
		}
		listeners = append(listeners, listener{l, e})
	}
	return listeners, nil
}

func closeAll(listeners []listener) {
	for _, l := range listeners {
		_ = l.Close() // nothing was served
	}
}

// logListening is called when all listeners are open: a line that reports one is true of all.
func logListening(listeners []listener, logger *slog.Logger) {
	for _, l := range listeners {
		attrs := []any{"address", l.Addr().String(), "network", l.Addr().Network(), "tls", l.endpoint.tls}
		if l.endpoint.words != "" {
			attrs = append(attrs, "static", l.endpoint.words)
		}
		logger.Info("listening", attrs...)
	}
}

func listen(ctx context.Context, address string, mode fs.FileMode) (net.Listener, error) {
	if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
		return listenUnix(ctx, path, mode)
	}
	return listenTCP(ctx, address, "HOST:PORT or unix:PATH")
}

func listenTCP(ctx context.Context, address, forms string) (net.Listener, error) {
	if err := checkTCP(ctx, address, forms); err != nil {
		return nil, err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, explainTCP(err)
	}
	return l, nil
}

func listenUnix(ctx context.Context, path string, mode fs.FileMode) (net.Listener, error) {
	if err := checkUnixPath(path); err != nil {
		return nil, err
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: withMode(mode)}
	l, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, explainUnix(err, path)
	}
	if strings.HasPrefix(path, "@") { // Linux's abstract sockets have no file
		return l, nil
	}
	if err := os.Chmod(path, mode); err != nil { // sets the bits that the umask has removed
		return nil, errors.Join(fmt.Errorf("--socket-mode: %w", err), l.Close())
	}
	return l, nil
}

// removeStale removes the socket of a process that was killed. It does not touch other files, or a
// socket on which a process listens.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return explainUnix(err, path)
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("the path exists and is not a socket; use another path, or remove it")
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		return errors.Join(errors.New("a process listens on the socket; stop it, or use another path"), c.Close())
	case !errors.Is(err, syscall.ECONNREFUSED):
		return explainForeign(err)
	}
	if err := os.Remove(path); err != nil {
		return explainStale(err)
	}
	return nil
}
