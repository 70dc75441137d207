package cli

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/pkg/extproc"
)

const (
	serving    = grpc_health_v1.HealthCheckResponse_SERVING
	notServing = grpc_health_v1.HealthCheckResponse_NOT_SERVING
)

var healthNames = append(extproc.ServiceNames(), "")

// TestServe: both services and their health, on a port that was free.
func TestServe(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", servetest.PolicyFile(t))
	if _, port, err := net.SplitHostPort(s.address("listening")); err != nil || port == "0" {
		t.Errorf("the port that is logged is %s, %v", port, err)
	}
	conn := s.conn()
	for _, name := range healthNames {
		if got := s.health(conn, name); got != serving {
			t.Errorf("health of %q is %s", name, got)
		}
	}
	if got := s.verdict(conn, servetest.OldPage); got != "allow" {
		t.Errorf("ext_authz: verdict %s", got)
	}
	x := s.stream(conn)
	x.Exchange(servetest.RequestOf(servetest.OldPage))
	if got := servetest.AllowOrigin(x.Exchange(servetest.Response())); got != servetest.OldPage {
		t.Errorf("ext_proc: allows %q", got)
	}
	x.End()
}

// TestServeByEnvironment: lists are separated by commas, and a flag wins.
func TestServeByEnvironment(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(shortDir(t), "corsd.sock")
	env := map[string]string{
		"CORSD_POLICY": servetest.PolicyFile(t) + ", " + servetest.Write(t, filepath.Join(t.TempDir(), "more.yaml"), strings.NewReplacer("shop}", "more}", "api.", "more.").Replace(servetest.Allowing(servetest.NewPage))),
		"CORSD_LISTEN": "127.0.0.1:0,unix:" + socket, "CORSD_ADMIN": "nowhere", "CORSD_DRAIN": "0s", "CORSD_REFLECTION": "true",
		"CORSD_SOCKET_MODE": "0600", "CORSD_LOG_LEVEL": "debug", "CORSD_MAX_STREAMS": "10", "CORSD_HELP": "true",
	}
	s := startWith(t, func(name string) string { return env[name] }, "serve", "--admin", "127.0.0.1:0")
	summary, _ := s.waitForLine("policy is live")["summary"].(string)
	if !strings.HasPrefix(summary, "policies: 2,") {
		t.Errorf("live: %s", summary)
	}
	s.eventually("both listeners", func() bool { return len(s.log.Entries(t, "listening")) == 2 })
	for _, line := range s.log.Entries(t, "listening") {
		conn := s.dial(line["address"].(string))
		s.healthy(conn)
		if got := s.verdict(conn, servetest.OldPage); got != "allow" {
			t.Errorf("at %s: verdict %s", line["address"], got)
		}
	}
	if mode := modeOf(t, socket); mode != 0o600 {
		t.Errorf("mode of the socket is %o", mode)
	}
	if status, _ := s.get("/livez"); status != 200 {
		t.Errorf("the flag did not win: %d", status)
	}
}

// TestServeWithoutAdmin: without --admin there is no admin listener.
func TestServeWithoutAdmin(t *testing.T) {
	t.Parallel()
	s := startWith(t, func(string) string { return "" }, "serve", "--listen", "127.0.0.1:0", "--drain", "0s", "--policy", servetest.PolicyFile(t))
	s.conn()
	if lines := s.log.Entries(t, "admin is listening"); len(lines) > 0 {
		t.Errorf("logged %v", lines)
	}
}

// TestReflection: it is served with --reflection only.
func TestReflection(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", servetest.PolicyFile(t), "--reflection")
	if got, err := reflected(s, s.conn()); err != nil || !slices.Contains(got, extproc.ServiceNames()[0]) || !slices.Contains(got, extproc.ServiceNames()[1]) {
		t.Errorf("services %v, %v", got, err)
	}
	s = start(t, "--policy", servetest.PolicyFile(t))
	if got, err := reflected(s, s.conn()); status.Code(err) != codes.Unimplemented {
		t.Errorf("without the flag: services %v, %v", got, err)
	}
}

func reflected(s *served, conn *grpc.ClientConn) ([]string, error) {
	stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(s.ctx())
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.CloseSend() }() // the connection is closed after it
	if err := servetest.Sent(stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
	})); err != nil {
		return nil, err
	}
	answer, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, service := range answer.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	return names, nil
}

// maxMessage is the bound of package server, in bytes.
const maxMessage = 128 << 10

// TestMessageBound: a message of maxMessage bytes is read, one more is refused.
func TestMessageBound(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", servetest.PolicyFile(t))
	conn := s.conn()
	message := servetest.RequestOf(servetest.OldPage)
	padding := message.GetRequestHeaders().GetHeaders()
	padding.Headers = append(padding.Headers, servetest.Headers("x-padding", strings.Repeat("x", maxMessage-1000)).Headers...)
	value := &padding.Headers[len(padding.Headers)-1].RawValue
	for n := maxMessage; n <= maxMessage+1; n++ {
		*value = append(*value, make([]byte, n-proto.Size(message))...)
		if got := proto.Size(message); got != n {
			t.Fatalf("the message has %d bytes, want %d", got, n)
		}
		x := s.stream(conn)
		if err := servetest.Sent(x.Send(message)); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Recv(); (err == nil) != (n == maxMessage) || n > maxMessage && status.Code(err) != codes.ResourceExhausted {
			t.Errorf("a message of %d bytes: %v", n, err)
		}
		if n == maxMessage {
			x.End()
		}
	}
	if got := s.verdict(conn, servetest.OldPage); got != "allow" {
		t.Errorf("after that: verdict %s", got)
	}
}

// TestShutdown: health is NOT_SERVING at once after SIGTERM. During --drain streams are served,
// including new ones. Then streams under way may end.
func TestShutdown(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(shortDir(t), "corsd.sock")
	s := startProcess(t, "--policy", servetest.PolicyFile(t), "--listen", "unix:"+socket, "--drain", "4s")
	address := s.log.Entries(t, "listening")[0]["address"].(string)
	conn := s.dial(address)
	// Nobody ends this watch: it must not hold up the stop.
	watch, err := grpc_health_v1.NewHealthClient(conn).Watch(s.ctx(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if h, err := watch.Recv(); err != nil || h.Status != serving {
		t.Fatalf("before: %v, %v", h, err)
	}
	if status, body := s.get("/readyz"); status != 200 || body != "ok\n" {
		t.Errorf("before: readyz is %d %q", status, body)
	}
	underWay := s.stream(conn)
	underWay.Exchange(servetest.RequestOf(servetest.OldPage))

	s.signal(syscall.SIGTERM)
	if h, err := watch.Recv(); err != nil || h.Status != notServing {
		t.Fatalf("watched: %v, %v", h, err)
	}
	for _, name := range healthNames {
		if got := s.health(conn, name); got != notServing {
			t.Errorf("health of %q is %s", name, got)
		}
	}
	for _, target := range []string{address, "unix:" + socket} {
		fresh := s.dial(target)
		if got := s.verdict(fresh, servetest.OldPage); got != "allow" {
			t.Errorf("while draining, by a new connection to %s: verdict %s", target, got)
		}
		x := s.stream(fresh)
		x.Exchange(servetest.RequestOf(servetest.OldPage))
		if got := servetest.AllowOrigin(x.Exchange(servetest.Response())); got != servetest.OldPage {
			t.Errorf("while draining: allows %q", got)
		}
		x.End()
	}
	if status, body := s.get("/readyz"); status != 503 || body != "stopping\n" {
		t.Errorf("while draining: readyz is %d %q", status, body)
	}
	if status, _ := s.get("/livez"); status != 200 {
		t.Errorf("while draining: livez is %d", status)
	}

	s.eventually("no more connections are taken", func() bool {
		c, err := net.Dial("tcp", address)
		return err != nil || c.Close() != nil
	})
	if s.hasEnded() {
		t.Fatal("a stream was under way, and corsd has ended")
	}
	if got := servetest.AllowOrigin(underWay.Exchange(servetest.Response())); got != servetest.OldPage {
		t.Errorf("the stream that was under way: allows %q", got)
	}
	underWay.End()
	s.endsWith(exitOK)
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if lines := s.log.Entries(t, "stopping"); len(lines) != 1 || lines[0]["drain"] != "4s" {
		t.Errorf("logged %v", lines)
	}
}

// TestSilentPeersDelayNoExit: idle connections, to either listener, do not delay the exit.
func TestSilentPeersDelayNoExit(t *testing.T) {
	t.Parallel()
	s := startProcess(t, "--policy", servetest.PolicyFile(t))
	for _, listener := range []string{"listening", "admin is listening"} {
		c, err := net.Dial("tcp", s.address(listener))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	s.signal(syscall.SIGTERM)
	s.endsWith(exitOK)
}

// TestInterrupt: SIGINT stops as SIGTERM does.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	s := startProcess(t, "--policy", servetest.PolicyFile(t))
	s.signal(os.Interrupt)
	s.endsWith(exitOK)
}

// TestSecondSignal: a second signal ends the process at once, unless it comes with the first.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	s := startProcess(t, "--policy", servetest.PolicyFile(t), "--drain", "10m")
	s.signal(syscall.SIGTERM)
	s.waitForLine("stopping")
	first := time.Now()
	for !s.hasEnded() && time.Since(first) < 20*time.Second {
		_ = s.process.Signal(syscall.SIGTERM) // it may have ended by now
		time.Sleep(50 * time.Millisecond)
	}
	s.endsWith(-1) // by the signal
	if took := time.Since(first); took < 900*time.Millisecond {
		t.Errorf("ended %s after the first signal", took)
	}
}

// shortDir returns a directory whose name leaves room for that of a socket, which is limited to about
// 100 bytes.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "corsd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// TestSocket: what happens to the path of a Unix socket.
func TestSocket(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string // a sentence
		before func(t *testing.T, path string)
		flags  []string
		mode   os.FileMode // 0 where corsd refuses to start
		want   string      // then, in the message
	}{
		{"a new socket is for the owner and the group", func(*testing.T, string) {}, nil, 0o660, ""},
		{"its mode can be chosen", func(*testing.T, string) {}, []string{"--socket-mode", "0606"}, 0o606, ""},
		{"one of a process that was killed is replaced", func(t *testing.T, path string) {
			l := listenUnix(t, path)
			l.SetUnlinkOnClose(false)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}, nil, 0o660, ""},
		{"one that someone listens on is not", func(t *testing.T, path string) {
			l := listenUnix(t, path)
			t.Cleanup(func() {
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
		}, nil, 0, "another process listens on the socket"},
		{"a file is not", func(t *testing.T, path string) { servetest.Write(t, path, "precious") }, nil, 0, "the path exists and is not a socket"},
		{"a directory is not", func(t *testing.T, path string) { servetest.Write(t, filepath.Join(path, "file"), "precious") }, nil, 0, "the path exists and is not a socket"},
		{"a symbolic link is not", func(t *testing.T, path string) {
			if err := os.Symlink(servetest.Write(t, path+".target", "precious"), path); err != nil {
				t.Fatal(err)
			}
		}, nil, 0, "the path exists and is not a socket"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			path := filepath.Join(shortDir(t), "corsd.sock")
			r.before(t, path)
			args := append([]string{"serve", "--policy", servetest.PolicyFile(t), "--drain", "0s", "--listen", "unix:" + path}, r.flags...)
			if r.mode == 0 {
				before, _ := os.Lstat(path)
				var log servetest.Log
				if got := Run(t.Context(), args, Stdio{Err: &log, Env: func(string) string { return "" }}); got != exitUsage || !strings.Contains(log.String(), r.want) {
					t.Errorf("exit status %d, want %d:\n%s", got, exitUsage, log.String())
				}
				if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) || before.Mode() != after.Mode() || before.Size() != after.Size() {
					t.Errorf("the path was touched: %v, %v", after, err)
				}
				return
			}
			t.Cleanup(func() { // runs after corsd has ended
				if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the socket is still there: %v", err)
				}
			})
			s := startWith(t, func(string) string { return "" }, args...)
			if got := s.verdict(s.conn(), servetest.OldPage); got != "allow" {
				t.Errorf("verdict %s", got)
			}
			if got := modeOf(t, path); got != r.mode {
				t.Errorf("mode %o, want %o", got, r.mode)
			}
		})
	}
}

func listenUnix(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestPortTaken: a port in use is a usage error, and no listener is left open.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	socket := filepath.Join(shortDir(t), "corsd.sock")
	for _, flag := range []string{"--listen", "--admin"} {
		var log servetest.Log
		args := []string{"serve", "--policy", servetest.PolicyFile(t), "--listen", "unix:" + socket, flag, taken.Addr().String()}
		got := Run(t.Context(), args, Stdio{Err: &log, Env: func(string) string { return "" }})
		if got != exitUsage || !strings.Contains(log.String(), flag+" "+taken.Addr().String()+": ") {
			t.Errorf("exit status %d:\n%s", got, log.String())
		}
		if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the socket is still there: %v", flag, err)
		}
	}
}

// TestStreamsBound: --max-streams bounds the streams of a connection.
func TestStreamsBound(t *testing.T) {
	t.Parallel()
	const most = 3
	s := start(t, "--policy", servetest.PolicyFile(t), "--max-streams", strconv.Itoa(most))
	conn := s.conn()
	var open []servetest.Stream
	for range most {
		x := s.stream(conn)
		x.Exchange(servetest.RequestOf(servetest.OldPage))
		open = append(open, x)
	}
	next := make(chan func() (extprocv3.ExternalProcessor_ProcessClient, error), 1)
	go func() {
		client, err := extprocv3.NewExternalProcessorClient(conn).Process(s.ctx()) // waits
		next <- func() (extprocv3.ExternalProcessor_ProcessClient, error) { return client, err }
	}()
	if got := s.metric("corsd_streams_active"); got != strconv.Itoa(most) {
		t.Errorf("%s streams are active, want %d", got, most)
	}
	open[0].End()
	client, err := (<-next)()
	if err != nil {
		t.Fatal(err)
	}
	open[0] = servetest.Stream{T: t, ExternalProcessor_ProcessClient: client}
	for _, x := range open {
		x.Exchange(servetest.Response())
		x.End()
	}
	if got := s.metric("corsd_streams_total"); got != strconv.Itoa(most+1) {
		t.Errorf("%s streams in all, want %d", got, most+1)
	}
}
