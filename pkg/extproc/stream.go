package extproc

import (
	"context"
	"errors"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/wire"
	"github.com/corsd/corsd/pkg/policy"
)

// process serves one HTTP exchange. Every message of a known kind has exactly one answer. Two
// answers, or one of the wrong kind, are a 500 for the client (Envoy 1.35 and later), or a body that
// is cut off (1.36 in the response phase).
func (s *Server) process(gs grpc.ServerStream) error {
	ctx := gs.Context()
	s.service.StreamStarted(ctx)
	x := s.begin(ctx)
	err := x.run(gs)
	s.end(x)
	s.service.StreamEnded(ctx, err)
	return err
}

// stream is the state of one stream. It is reused for later streams, so that its buffers need not
// grow again.
type stream struct {
	exchange    exchange.Exchange
	metadata    streamMetadata
	headersOnly bool // Envoy sends no bodies
	last        bool // the answer is the last that Envoy needs

	message wire.ProcessingRequest
	answer  wire.Answer

	decision wire.Metadata // of the answer
}

func (s *Server) begin(ctx context.Context) *stream {
	x, _ := s.streams.Get().(*stream)
	if x == nil {
		x = &stream{}
	}
	x.exchange.Begin(ctx, s.service)
	x.metadata, x.answer.Outbox = metadataOf(ctx, x.exchange.Static), wire.OutboxOf(ctx)
	x.exchange.Static = x.metadata.static
	x.headersOnly, x.last = false, false
	return x
}

// end keeps the stream for another one, unless its buffers have grown far beyond the usual size.
func (s *Server) end(x *stream) {
	x.exchange.End()
	if x.message.Large() {
		return
	}
	x.metadata, x.answer.Outbox = streamMetadata{}, nil
	s.streams.Put(x)
}

// run reads messages and answers them. RecvMsg fills x.message and SendMsg sends the bytes that
// handle has written, both by [wire.Codec].
func (x *stream) run(gs grpc.ServerStream) error {
	for {
		if err := gs.RecvMsg(&x.message); err != nil {
			return endOfStream(err)
		}
		x.headersOnly = x.headersOnly || x.message.HeadersOnly
		answered := x.handle()
		x.message.Release()
		if !answered {
			continue
		}
		if err := gs.SendMsg(&x.answer); err != nil {
			return endOfStream(err)
		}
		if x.last && x.headersOnly {
			// Envoy sends no more messages, and would only end the stream itself. Ending it with the
			// answer saves a wake-up and a write. Envoy accepts the answer and continues by itself
			// (1.36 to 1.40).
			return nil
		}
	}
}

// endOfStream returns nil for a normal end: Envoy half-closes the stream, or, by default, resets it
// when it needs no more answers.
func endOfStream(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) || status.Code(err) == codes.Canceled {
		return nil
	}
	return err
}

// handle writes the answer to the message. It returns false if the message has no answer.
func (x *stream) handle() (answered bool) {
	kind := x.message.Kind
	defer func() {
		if p := recover(); p != nil {
			x.exchange.Panicked(p)
			x.answer.Unchanged(kind)
		}
	}()
	// In observability mode Envoy ignores answers. A message of an unknown kind has none (1.40 may
	// send flow control).
	answered = kind != wire.KindUnknown && !x.message.Observability
	switch {
	case kind == wire.KindUnknown:
	case x.exchange.HasPolicy() && kind == wire.KindRequestHeaders:
		x.requestHeaders()
	case x.exchange.HasPolicy() && kind == wire.KindResponseHeaders:
		x.responseHeaders()
	default:
		x.answer.Unchanged(kind)
	}
	return answered
}

// requestHeaders decides. It answers in upstream's place, or lets the request continue and requests
// the response if it is needed. If not, the route is sent the headers to set.
func (x *stream) requestHeaders() {
	e := &x.exchange
	e.Reset()
	for _, h := range x.message.Headers {
		e.AddHeader(h.Name, h.Value)
	}
	e.Request.Selector = x.metadata.selector
	e.Decide(exchange.RequestResponse)
	if e.Request.Method == "" && e.Request.Authority == "" && e.Request.Path == "" {
		e.WarnUnknownRequest()
	}
	if r, ok := e.Respond(); ok {
		x.answer.Immediate(r.Status, mutation(r), e.Details(), x.facts(nil))
		x.last = true
		return
	}
	ahead, needsResponse := e.Continue()
	x.answer.Proceed(needsResponse, x.facts(ahead))
	x.last = !needsResponse
}

// responseHeaders edits the response by the decision of the request phase. If the stream begins with
// the response, it decides first, by the request data in the stream's metadata or attributes.
func (x *stream) responseHeaders() {
	e := &x.exchange
	var decision *wire.Metadata // nil if it was sent in the request phase
	if !e.Decided() {
		e.Reset()
		if !x.metadata.readRequest(&e.Request) && !readAttributes(&e.Request, x.message.Attributes) {
			x.unknownRequest()
			return
		}
		e.Request.Selector = x.metadata.selector
		e.Decide(exchange.ResponseOnly)
		decision = x.facts(nil)
	}
	x.readResponse()
	x.answer.Edit(mutation(e.Edit()), decision)
	x.last = true
}

// unknownRequest changes nothing. A response of 4xx is usually an error of Envoy's own, from before
// it knew the request. Every other response is a sign that Envoy's configuration sends no request
// data.
func (x *stream) unknownRequest() {
	if x.readResponse(); x.exchange.Status() < 400 {
		x.exchange.WarnUnknownRequest()
	}
	x.answer.Unchanged(x.message.Kind)
}

// readResponse reads the headers of upstream's response.
func (x *stream) readResponse() {
	x.exchange.ResetResponse()
	for _, h := range x.message.Headers {
		x.exchange.AddResponseHeader(h.Name, h.Value)
	}
}

// mutation returns the change of headers that a response makes.
func mutation(r *policy.Response) *wire.Mutation { return &wire.Mutation{Set: r.Set, Remove: r.Remove} }

// facts returns the decision as dynamic metadata, as in %DYNAMIC_METADATA(corsd:reason)% in Envoy's
// access log, if the filter's metadata_options allow it. The headers that the route sets are in it
// by short names, as in %DYNAMIC_METADATA(corsd:allow-origin)%: Envoy stores a name of up to 22
// bytes without allocating.
func (x *stream) facts(ahead []policy.Field) *wire.Metadata {
	m := &x.decision
	m.Namespace, m.Pairs, m.Fields = "corsd", m.Pairs[:0], m.Fields[:0]
	for _, f := range x.exchange.Facts() {
		m.Pairs = append(m.Pairs, wire.Pair(f))
	}
	for _, f := range ahead {
		m.Fields = append(m.Fields, wire.Field{Name: strings.TrimPrefix(f.Name, "access-control-"), Value: f.Value})
	}
	return m
}
