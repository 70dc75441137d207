package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/pkg/policy"
)

// TestListenErrors: an address that cannot be listened on is refused with what to do about it.
func TestListenErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := servetest.ShortDir(t)
	servetest.Write(t, filepath.Join(dir, "file"), "precious")
	in := func(name string) string { return "unix:" + filepath.Join(dir, name) }
	longest := strings.Repeat("x", maxUnixPath-1-len(dir)-1)
	datagrams := datagramSocket(t, filepath.Join(dir, "datagrams"))
	defer datagrams.Close()
	for _, row := range []struct {
		name    string // a sentence
		address string
		want    string // "" if it can be listened on
	}{
		{"a port is in use", taken.Addr().String(), "address already in use; stop the process that listens there, or use another port"},
		{
			"the address is another machine's", "192.0.2.1:0",
			"cannot assign requested address; use an address of this machine, or omit the host to listen on all of them",
		},
		{"the port is missing", "127.0.0.1", "missing port in address; write HOST:PORT or unix:PATH"},
		{"the address is empty", "", "missing port in address; write HOST:PORT or unix:PATH"},
		{"the port is not a number", "127.0.0.1:nosuch", `"nosuch" is not a valid port; write a number from 1 to 65535, or 0 for any free port`},
		{"the port is too large", "127.0.0.1:65536", `"65536" is not a valid port; write a number from 1 to 65535, or 0 for any free port`},
		{"the port is negative", "127.0.0.1:-1", `"-1" is not a valid port; write a number from 1 to 65535, or 0 for any free port`},
		{"an IPv6 address has no brackets", "::1:9002", "too many colons in address; write [HOST]:PORT if the host is an IPv6 address"},
		{"a bracket is not closed", "[::1:9002", "missing ']' in address; write HOST:PORT or unix:PATH"},
		{"a scheme is written as of a URL", "tcp://127.0.0.1:0", "too many colons in address; write [HOST]:PORT if the host is an IPv6 address"},
		{
			"the directory of a socket does not exist", in("nosuch/corsd.sock"),
			"the directory " + dir + "/nosuch does not exist; create it, or use another path",
		},
		{"the directory of a socket is a file", in("file/corsd.sock"), dir + "/file is not a directory; use another path"},
		{"the path of a socket has the longest length", in(longest), ""},
		{
			"the path of a socket has a byte more", in(longest + "x"),
			fmt.Sprintf("the path has %d bytes, and a Unix socket allows %d; use a shorter path", maxUnixPath, maxUnixPath-1),
		},
		{
			"the path is a socket of datagrams", in("datagrams"), "a socket exists that cannot be tried (protocol wrong type for socket); " +
				"remove it if no process uses it, or use another path",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			listeners, err := listenAll(t.Context(), []endpoint{{address: "127.0.0.1:0"}, {address: row.address}}, 0o660)
			closeAll(listeners)
			if row.want == "" && err == nil {
				return
			}
			if want := "--listen " + row.address + ": " + row.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// TestPermissionErrors has the errors that the superuser does not meet.
func TestPermissionErrors(t *testing.T) {
	denied := func(call string) error { return os.NewSyscallError(call, syscall.EACCES) }
	bind := func(err error) error { return &net.OpError{Op: "listen", Net: "tcp", Err: err} }
	for _, row := range []struct {
		name string // a sentence
		got  error
		want string
	}{
		{
			"a port needs privileges", explainTCP(bind(denied("bind"))),
			"permission denied; use a port from 1024 on, or grant the process CAP_NET_BIND_SERVICE",
		},
		{
			"the system has no IPv6", explainTCP(bind(os.NewSyscallError("socket", syscall.EAFNOSUPPORT))),
			"address family not supported by protocol; use an address of this machine, or omit the host to listen on all of them",
		},
		{
			"a name does not resolve", explainTCP(bind(&net.DNSError{Err: "no such host", Name: "nosuch", IsNotFound: true})),
			"listen tcp: lookup nosuch: no such host; use a name that resolves to this machine, or its IP address",
		},
		{
			"a directory is not writable", explainUnix(bind(denied("bind")), "/run/corsd.sock"),
			"permission denied; let corsd's user write to the directory /run, or use another path",
		},
		{
			"a directory is read-only", explainUnix(bind(os.NewSyscallError("bind", syscall.EROFS)), "/run/corsd.sock"),
			"read-only file system; mount a writable volume at /run, or use another path",
		},
		{
			"a socket appears in the last moment", explainUnix(bind(os.NewSyscallError("bind", syscall.EADDRINUSE)), "/run/corsd.sock"),
			"address already in use; stop the process that listens there, or use another path",
		},
		{
			"a socket belongs to another user", explainForeign(bind(denied("connect"))),
			"a socket exists that cannot be tried (permission denied); remove it if no process uses it, or use another path",
		},
		{
			"a stale socket cannot be removed", explainStale(&os.PathError{Op: "remove", Path: "x", Err: syscall.EPERM}),
			"the socket of a process that has ended cannot be removed (operation not permitted); remove it, or use another path",
		},
	} {
		if row.got.Error() != row.want {
			t.Errorf("%s: %s", row.name, row.got)
		}
	}
}

// TestListeningIsLoggedWhenAllAre: if one listener cannot be opened, none is reported.
func TestListeningIsLoggedWhenAllAre(t *testing.T) {
	socket := "unix:" + filepath.Join(servetest.ShortDir(t), "corsd.sock")
	for _, row := range []struct {
		listen []string
		admin  string
		lines  int // -1 if New fails
	}{
		{[]string{"127.0.0.1:0", socket}, "127.0.0.1:0", 3},
		{[]string{"127.0.0.1:0", "127.0.0.1"}, "127.0.0.1:0", -1},
		{[]string{"127.0.0.1:0", socket}, "127.0.0.1", -1},
	} {
		log := &servetest.Log{}
		s, err := New(t.Context(), Options{
			Listen: row.listen, SocketMode: 0o660, Admin: row.admin, Policies: noPolicies{},
			MetricsPage: http.NotFoundHandler(), Logger: slog.New(slog.NewJSONHandler(log, nil)),
		})
		if err == nil {
			ctx, stop := context.WithCancel(t.Context())
			stop()
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		}
		var failed *listenError
		if (row.lines < 0) != errors.As(err, &failed) {
			t.Errorf("%v: %v", row, err)
		}
		lines := len(log.Entries(t, "listening")) + len(log.Entries(t, "admin is listening"))
		if lines != max(row.lines, 0) {
			t.Errorf("%v: logged %s", row, log)
		}
	}
}

// noPolicies is the source of an engine without policies.
type noPolicies struct{}

func (noPolicies) Engine() *policy.Engine { return &policy.Engine{} }
func (noPolicies) State() reload.State    { return reload.State{} }
func (noPolicies) Ready() <-chan struct{} { return alwaysReady }

func datagramSocket(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
