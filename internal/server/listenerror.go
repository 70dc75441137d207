package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"syscall"
)

// listenError is an address that cannot be listened on. Its text ends with what to do about it.
type listenError struct {
	flag, address string
	err           error
}

func (e *listenError) Error() string { return fmt.Sprintf("%s %s: %s", e.flag, e.address, e.err) }
func (e *listenError) Unwrap() error { return e.err }

// checkTCP refuses text that is not an address. forms names the valid ones.
func checkTCP(ctx context.Context, address, forms string) error {
	_, port, err := net.SplitHostPort(address)
	var malformed *net.AddrError
	if errors.As(err, &malformed) {
		if strings.Contains(malformed.Err, "too many colons") {
			forms = "[HOST]:PORT if the host is an IPv6 address"
		}
		return fmt.Errorf("%s; write %s", malformed.Err, forms)
	}
	if _, err := net.DefaultResolver.LookupPort(ctx, "tcp", port); err != nil {
		return fmt.Errorf("%q is not a valid port; write a number from 1 to 65535, or 0 for any free port", port)
	}
	return nil
}

// explainTCP adds to an error what to do about it.
func explainTCP(err error) error {
	var unresolved *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; stop the process that listens there, or use another port", cause(err))
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w; use a port from 1024 on, or grant the process CAP_NET_BIND_SERVICE", cause(err))
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
		return fmt.Errorf("%w; use an address of this machine, or omit the host to listen on all of them", cause(err))
	case errors.As(err, &unresolved):
		return fmt.Errorf("%w; use a name that resolves to this machine, or its IP address", err)
	}
	return err
}

// maxUnixPath is the size of a path in the kernel's address of a Unix socket, with its final NUL
// unless the socket is abstract.
const maxUnixPath = len(syscall.RawSockaddrUnix{}.Path)

// checkUnixPath refuses a path that the kernel would refuse as an invalid argument.
func checkUnixPath(path string) error {
	most := maxUnixPath
	if !strings.HasPrefix(path, "@") {
		most--
	}
	if len(path) > most {
		return fmt.Errorf("the path has %d bytes, and a Unix socket allows %d; use a shorter path", len(path), most)
	}
	return nil
}

// explainUnix adds to an error about a socket's path what to do about it.
func explainUnix(err error, path string) error {
	dir := filepath.Dir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the directory %s does not exist; create it, or use another path", dir)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s is not a directory; use another path", dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; let corsd's user write to the directory %s, or use another path", cause(err), dir)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; mount a writable volume at %s, or use another path", cause(err), dir)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; stop the process that listens there, or use another path", cause(err))
	}
	return err
}

// explainForeign is about a socket that exists, and for which it is unknown whether a process
// listens on it.
func explainForeign(err error) error {
	return fmt.Errorf("a socket exists that cannot be tried (%w); remove it if no process uses it, or use another path",
		cause(err))
}

// explainStale is about a socket that no process listens on.
func explainStale(err error) error {
	return fmt.Errorf("the socket of a process that has ended cannot be removed (%w); remove it, or use another path",
		cause(err))
}

// cause returns the system's error alone: the rest repeats the address.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
