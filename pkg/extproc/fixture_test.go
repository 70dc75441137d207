package extproc_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a server, and everything that it reports.
type fixture struct {
	exchangetest.Fixture
	process func(grpc.ServerStream) error
	unusual bool // messages are sent in a layout that Envoy does not use
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	return serving(t, exchangetest.Engine(t))
}

func serving(t testing.TB, engine *policy.Engine) *fixture {
	t.Helper()
	f := &fixture{Fixture: exchangetest.Fixture{Engine: engine}}
	f.process = handler(t, f.Options())
	return f
}

// handler returns the handler of a server, which gRPC calls.
func handler(t testing.TB, o extproc.Options) func(grpc.ServerStream) error {
	t.Helper()
	s := newServer(t, o)
	s.ServerOption()
	var services services
	if err := s.Register(&services); err != nil {
		t.Fatal(err)
	}
	return func(stream grpc.ServerStream) error { return services[0].Streams[0].Handler(nil, stream) }
}

func newServer(t testing.TB, o extproc.Options) *extproc.Server {
	t.Helper()
	s, err := extproc.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// services are the services that are registered.
type services []*grpc.ServiceDesc

func (s *services) RegisterService(desc *grpc.ServiceDesc, _ any) { *s = append(*s, desc) }

// answers plays a stream that ends as Envoy's do, and returns the answers.
func (f *fixture) answers(t testing.TB, lines []string, messages ...sent) []answer {
	t.Helper()
	s := &script{md: md(lines), in: messages, unusual: f.unusual}
	if err := f.process(s); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	return s.out
}

// md is gRPC metadata, a value for each "key: value" line.
func md(lines []string) metadata.MD {
	m := metadata.MD{}
	for _, line := range lines {
		m.Append(exchangetest.Field(line))
	}
	return m
}

// script is Envoy's side of a stream. Its messages are encoded, and decoded by the codec of the
// server.
type script struct {
	grpc.ServerStream // nil: only the methods below are called
	md                metadata.MD
	in                []sent
	unusual           bool
	end               error // of receiving, after the last message; nil for io.EOF
	unsendable        error // of sending

	out []answer
}

func (s *script) Context() context.Context {
	return metadata.NewIncomingContext(context.Background(), s.md)
}

func (s *script) RecvMsg(m any) error {
	if len(s.in) == 0 {
		if s.end != nil {
			return s.end
		}
		return io.EOF
	}
	next := s.in[0]
	s.in = s.in[1:]
	return exchangetest.Receive(next, m, s.unusual)
}

func (s *script) SendMsg(m any) error {
	if s.unsendable != nil {
		return s.unsendable
	}
	a := &extprocv3.ProcessingResponse{}
	err := exchangetest.Deliver(m, a)
	s.out = append(s.out, a)
	return err
}

// responseOnly is the metadata with the request of a stream that begins with the response.
func responseOnly(method, url string, lines ...string) []string {
	host, path, _ := strings.Cut(url, "/")
	known := []string{"corsd-method: " + method, "corsd-scheme: https", "corsd-host: " + host, "corsd-path: /" + path}
	for _, line := range lines {
		known = append(known, "corsd-"+line)
	}
	return known
}

// inOneLine returns the metadata with the data of the request in one value.
func inOneLine(metadata []string) []string {
	keys := []string{"corsd-method", "corsd-scheme", "corsd-host", "corsd-path", "corsd-fetch-site", "corsd-upgrade", "corsd-origin"}
	values, rest, some := make([]string, len(keys)), []string(nil), false
	for _, line := range metadata {
		key, value, _ := strings.Cut(line, ": ")
		if i := slices.Index(keys, key); i >= 0 {
			values[i], some = value, true
		} else {
			rest = append(rest, line)
		}
	}
	if !some {
		return metadata
	}
	return append(rest, "corsd-request: "+strings.Join(values, "\t"))
}

// eventually polls until what is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so after 20 s: %s", what)
		}
	}
}
