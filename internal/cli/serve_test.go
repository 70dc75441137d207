package cli

import (
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/corsd/corsd/internal/servetest"
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
	socket := filepath.Join(servetest.ShortDir(t), "corsd.sock")
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

// TestServeWithoutRawSyscalls: the same, by sockets of Go's net package.
func TestServeWithoutRawSyscalls(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", servetest.PolicyFile(t), "--raw-syscalls=false")
	if got := s.verdict(s.conn(), servetest.OldPage); got != "allow" {
		t.Errorf("verdict %s", got)
	}
}

// TestReflection: it is served with --reflection only.
func TestReflection(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", servetest.PolicyFile(t), "--reflection")
	if got, err := reflected(s, s.conn()); err != nil || !slices.Contains(got, extproc.ServiceName) || !slices.Contains(got, extauthz.ServiceName) {
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
