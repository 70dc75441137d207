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

// listenAll opens every listener, or none.
func listenAll(ctx context.Context, addresses []string, mode fs.FileMode, logger *slog.Logger) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, address := range addresses {
		l, err := listen(ctx, address, mode)
		if err != nil {
			closeAll(listeners)
			return nil, err
		}
		logger.Info("listening", "address", l.Addr().String(), "network", l.Addr().Network())
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // nothing was served
	}
}

func listen(ctx context.Context, address string, mode fs.FileMode) (net.Listener, error) {
	var config net.ListenConfig
	path, isUnix := strings.CutPrefix(address, "unix:")
	if !isUnix {
		l, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("--listen %s: %w; write HOST:PORT or unix:PATH", address, err)
		}
		return l, nil
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, fmt.Errorf("--listen %s: %w", address, err)
	}
	config.Control = withMode(mode)
	l, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", address, err)
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
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("the path exists and is not a socket; use another path, or remove it")
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		return errors.Join(errors.New("another process listens on the socket; stop it, or use another path"), c.Close())
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return err
}
