package main

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

	"github.com/corsd/corsd/pkg/extauthz"
	"github.com/corsd/corsd/pkg/extproc"
)

const (
	serving    = grpc_health_v1.HealthCheckResponse_SERVING
	notServing = grpc_health_v1.HealthCheckResponse_NOT_SERVING
)

var healthNames = []string{"", extproc.ServiceName, extauthz.ServiceName}

// TestServe: both services and their health, on a port that was free.
func TestServe(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", policyFile(t))
	if _, port, err := net.SplitHostPort(s.address("listening")); err != nil || port == "0" {
		t.Errorf("the port that is logged is %s, %v", port, err)
	}
	conn := s.conn()
	for _, name := range healthNames {
		if got := s.health(conn, name); got != serving {
			t.Errorf("health of %q is %s", name, got)
		}
	}
	if got := s.verdict(conn, oldPage); got != "allow" {
		t.Errorf("ext_authz: verdict %s", got)
	}
	x := s.stream(conn)
	x.exchange(requestOf(oldPage))
	if got := allowOrigin(x.exchange(response())); got != oldPage {
		t.Errorf("ext_proc: allows %q", got)
	}
	x.end()
}

// TestServeByEnvironment: lists are separated by commas, and a flag wins.
func TestServeByEnvironment(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(shortDir(t), "corsd.sock")
	env := map[string]string{
		"CORSD_POLICY": policyFile(t) + ", " + write(t, filepath.Join(t.TempDir(), "more.yaml"), strings.NewReplacer("shop}", "more}", "api.", "more.").Replace(allowing(newPage))),
		"CORSD_LISTEN": "127.0.0.1:0,unix:" + socket, "CORSD_ADMIN": "nowhere", "CORSD_DRAIN": "0s", "CORSD_REFLECTION": "true",
		"CORSD_SOCKET_MODE": "0600", "CORSD_LOG_LEVEL": "debug", "CORSD_MAX_STREAMS": "10", "CORSD_HELP": "true",
	}
	s := startWith(t, func(name string) string { return env[name] }, "serve", "--admin", "127.0.0.1:0")
	summary, _ := s.waitForLine("policy is live")["summary"].(string)
	if !strings.HasPrefix(summary, "policies: 2,") {
		t.Errorf("live: %s", summary)
	}
	s.eventually("both listeners", func() bool { return len(s.log.entries(t, "listening")) == 2 })
	for _, line := range s.log.entries(t, "listening") {
		conn := s.dial(line["address"].(string))
		s.healthy(conn)
		if got := s.verdict(conn, oldPage); got != "allow" {
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

// TestServeWithoutAdmin: there is no admin listener unless asked for.
func TestServeWithoutAdmin(t *testing.T) {
	t.Parallel()
	s := startWith(t, func(string) string { return "" }, "serve", "--listen", "127.0.0.1:0", "--drain", "0s", "--policy", policyFile(t))
	s.conn()
	if lines := s.log.entries(t, "admin is listening"); len(lines) > 0 {
		t.Errorf("logged %v", lines)
	}
}

// TestReflection: only where it is asked for.
func TestReflection(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", policyFile(t), "--reflection")
	if got, err := reflected(s, s.conn()); err != nil || !slices.Contains(got, extproc.ServiceName) || !slices.Contains(got, extauthz.ServiceName) {
		t.Errorf("services %v, %v", got, err)
	}
	s = start(t, "--policy", policyFile(t))
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
	if err := sent(stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
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

// TestMessageBound: a message of maxMessage bytes is read, one more is refused.
func TestMessageBound(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", policyFile(t))
	conn := s.conn()
	message := requestOf(oldPage)
	padding := message.GetRequestHeaders().GetHeaders()
	padding.Headers = append(padding.Headers, headers("x-padding", strings.Repeat("x", maxMessage-1000)).Headers...)
	value := &padding.Headers[len(padding.Headers)-1].RawValue
	for n := maxMessage; n <= maxMessage+1; n++ {
		*value = append(*value, make([]byte, n-proto.Size(message))...)
		if got := proto.Size(message); got != n {
			t.Fatalf("the message has %d bytes, want %d", got, n)
		}
		x := s.stream(conn)
		if err := sent(x.Send(message)); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Recv(); (err == nil) != (n == maxMessage) || n > maxMessage && status.Code(err) != codes.ResourceExhausted {
			t.Errorf("a message of %d bytes: %v", n, err)
		}
		if n == maxMessage {
			x.end()
		}
	}
	if got := s.verdict(conn, oldPage); got != "allow" {
		t.Errorf("after that: verdict %s", got)
	}
}

// TestShutdown: from the first moment of SIGTERM health says NOT_SERVING, and for as
// long as --drain streams are served, new ones too. Then those under way may end.
func TestShutdown(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(shortDir(t), "corsd.sock")
	s := startProcess(t, "--policy", policyFile(t), "--listen", "unix:"+socket, "--drain", "4s")
	address := s.log.entries(t, "listening")[0]["address"].(string)
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
	underWay.exchange(requestOf(oldPage))

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
		if got := s.verdict(fresh, oldPage); got != "allow" {
			t.Errorf("while draining, by a new connection to %s: verdict %s", target, got)
		}
		x := s.stream(fresh)
		x.exchange(requestOf(oldPage))
		if got := allowOrigin(x.exchange(response())); got != oldPage {
			t.Errorf("while draining: allows %q", got)
		}
		x.end()
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
	if got := allowOrigin(underWay.exchange(response())); got != oldPage {
		t.Errorf("the stream that was under way: allows %q", got)
	}
	underWay.end()
	s.endsWith(exitOK)
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if lines := s.log.entries(t, "stopping"); len(lines) != 1 || lines[0]["drain"] != "4s" {
		t.Errorf("logged %v", lines)
	}
}

// TestSilentPeersDelayNoExit: connections that never say anything, to either listener.
func TestSilentPeersDelayNoExit(t *testing.T) {
	t.Parallel()
	s := startProcess(t, "--policy", policyFile(t))
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
	s := startProcess(t, "--policy", policyFile(t))
	s.signal(os.Interrupt)
	s.endsWith(exitOK)
}

// TestSecondSignal: who sends a second one does not want to wait. One that comes with
// the first means the same.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	s := startProcess(t, "--policy", policyFile(t), "--drain", "10m")
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

// shortDir is a directory whose name leaves room for that of a socket, which may
// have about 100 bytes.
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

// TestSocket is what becomes of the path of a unix socket.
func TestSocket(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string // a sentence
		before func(t *testing.T, path string)
		flags  []string
		mode   os.FileMode // 0 where corsd refuses to start
		says   string      // then
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
		{"a file is not", func(t *testing.T, path string) { write(t, path, "precious") }, nil, 0, "the path exists and is no socket"},
		{"a directory is not", func(t *testing.T, path string) { write(t, filepath.Join(path, "file"), "precious") }, nil, 0, "the path exists and is no socket"},
		{"a symbolic link is not", func(t *testing.T, path string) {
			if err := os.Symlink(write(t, path+".target", "precious"), path); err != nil {
				t.Fatal(err)
			}
		}, nil, 0, "the path exists and is no socket"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			path := filepath.Join(shortDir(t), "corsd.sock")
			r.before(t, path)
			args := append([]string{"serve", "--policy", policyFile(t), "--drain", "0s", "--listen", "unix:" + path}, r.flags...)
			if r.mode == 0 {
				before, _ := os.Lstat(path)
				var log journal
				if got := run(t.Context(), args, stdio{err: &log, env: func(string) string { return "" }}); got != exitUsage || !strings.Contains(log.String(), r.says) {
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
			if got := s.verdict(s.conn(), oldPage); got != "allow" {
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

// TestPortTaken: a port that is taken is the caller's to change, and no listener is
// left over.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	socket := filepath.Join(shortDir(t), "corsd.sock")
	for _, flag := range []string{"--listen", "--admin"} {
		var log journal
		args := []string{"serve", "--policy", policyFile(t), "--listen", "unix:" + socket, flag, taken.Addr().String()}
		got := run(t.Context(), args, stdio{err: &log, env: func(string) string { return "" }})
		if got != exitUsage || !strings.Contains(log.String(), flag+" "+taken.Addr().String()+": ") {
			t.Errorf("exit status %d:\n%s", got, log.String())
		}
		if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the socket is still there: %v", flag, err)
		}
	}
}

// TestStreamsBound: one connection has no more streams than it may.
func TestStreamsBound(t *testing.T) {
	t.Parallel()
	const most = 3
	s := start(t, "--policy", policyFile(t), "--max-streams", strconv.Itoa(most))
	conn := s.conn()
	var open []stream
	for range most {
		x := s.stream(conn)
		x.exchange(requestOf(oldPage))
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
	open[0].end()
	client, err := (<-next)()
	if err != nil {
		t.Fatal(err)
	}
	open[0] = stream{t, client}
	for _, x := range open {
		x.exchange(response())
		x.end()
	}
	if got := s.metric("corsd_streams_total"); got != strconv.Itoa(most+1) {
		t.Errorf("%s streams in all, want %d", got, most+1)
	}
}
