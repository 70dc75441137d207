package extproc_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"

	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/internal/wire"
	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
)

// encodedStream is Envoy's side of a stream without gRPC: encoded messages in, encoded answers out.
type encodedStream struct {
	grpc.ServerStream // nil: only the methods below are called
	ctx               context.Context
	in                []mem.BufferSlice
	next              int
}

func (s *encodedStream) Context() context.Context { return s.ctx }

func (s *encodedStream) RecvMsg(m any) error {
	if s.next == len(s.in) {
		return io.EOF
	}
	s.next++
	return wire.Codec().Unmarshal(s.in[s.next-1], m)
}

func (s *encodedStream) SendMsg(m any) error {
	buffers, err := wire.Codec().Marshal(m)
	buffers.Free()
	return err
}

func newEncodedStream(t testing.TB, metadataLines []string, messages []sent) *encodedStream {
	s := &encodedStream{ctx: metadata.NewIncomingContext(context.Background(), md(metadataLines))}
	for _, m := range messages {
		s.in = append(s.in, mem.BufferSlice{mem.SliceBuffer(exchangetest.Marshal(t, m))})
	}
	return s
}

// exchanges are the usual ones.
var exchanges = []struct {
	name     string
	metadata []string
	messages []sent
	allocs   float64 // at most
}{
	{
		"actual",
		[]string{"corsd-static: strip,vary"},
		[]sent{get("api.shop.example/cart", page), responds("200", "content-type: text/html", "vary: accept")},
		4,
	},
	{"refused", []string{"corsd-static: strip,vary"}, []sent{get("api.shop.example/cart", evil)}, 3},
	{
		"set by the route",
		[]string{":authority: strip.vary.set.corsd-static"},
		[]sent{get("api.shop.example/cart", page)},
		3,
	},
	{
		"preflight", nil,
		[]sent{preflight("api.shop.example/cart", "PUT", page, "access-control-request-headers: x-trace")},
		2,
	},
	{"response only", responseOnly("GET", "api.shop.example/cart", page), []sent{responds("200", "vary: accept")}, 6},
}

func quietHandler(t testing.TB) func(grpc.ServerStream) error {
	engine := exchangetest.Engine(t)
	return handler(t, extproc.Options{
		Engine: func() *policy.Engine { return engine }, Logger: slog.New(slog.DiscardHandler),
		Observers: []extproc.Observer{extproc.Discard{}},
	})
}

// BenchmarkStream measures a whole exchange, without gRPC.
func BenchmarkStream(b *testing.B) {
	process := quietHandler(b)
	for _, x := range exchanges {
		b.Run(x.name, func(b *testing.B) {
			s := newEncodedStream(b, x.metadata, x.messages)
			b.ReportAllocs()
			for b.Loop() {
				s.next = 0
				if err := process(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
