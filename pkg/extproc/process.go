package extproc

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corsd/corsd/pkg/extproc/internal/wire"
	"github.com/corsd/corsd/pkg/policy"
)

// process serves one HTTP exchange. Every message of a known kind is answered by
// exactly one: two answers, or one of the wrong kind, are a 500 for the client
// (Envoy 1.35 and later), or a body that is cut off (1.36 in the response phase).
func (s *Server) process(stream grpc.ServerStream) error {
	s.observer.StreamStarted()
	x := s.newExchange(stream.Context())
	err := x.run(stream)
	x.release()
	s.observer.StreamEnded(err)
	return err
}

// exchange is the state of one stream. It must not be copied: its decision points
// to its request. Exchanges are used again, for what their lists have grown to.
type exchange struct {
	server   *Server
	engine   *policy.Engine
	metadata streamMetadata

	headersOnly bool // Envoy has said that it sends no bodies

	message  wire.ProcessingRequest
	request  policy.Request
	reader   requestReader
	decision policy.Decision
	decided  bool
	final    bool // the reply is the last that Envoy needs
	change   policy.Response
	fields   []policy.Field
	reply    wire.Answer
}

func (s *Server) newExchange(ctx context.Context) *exchange {
	x, _ := s.exchanges.Get().(*exchange)
	if x == nil {
		x = &exchange{server: s}
	}
	x.engine, x.metadata, x.reply.Outbox = s.engine(), metadataOf(ctx), s.outbox(ctx)
	return x
}

// release gives the exchange back, unless its buffers have grown too large. What it refers
// to of the engine may outlive a reload, for as long as nobody takes it.
func (x *exchange) release() {
	if x.message.Large() {
		return
	}
	x.reply.Outbox = nil
	x.engine, x.metadata, x.decision, x.decided, x.final, x.headersOnly = nil, streamMetadata{}, policy.Decision{}, false, false, false
	x.server.exchanges.Put(x)
}

func (x *exchange) run(stream grpc.ServerStream) error {
	for {
		if err := stream.RecvMsg(&x.message); err != nil {
			return endOfStream(err)
		}
		x.headersOnly = x.headersOnly || x.message.HeadersOnly
		answered := x.answer()
		x.message.Release()
		if !answered {
			continue
		}
		if err := stream.SendMsg(&x.reply); err != nil {
			return endOfStream(err)
		}
		if x.final && x.headersOnly {
			// Nothing else comes, and Envoy would only end the stream itself. Ending it with the
			// answer saves a wake-up and a write of ours; Envoy takes the answer and goes on
			// without us (1.36 to 1.40).
			return nil
		}
	}
}

// endOfStream gives nil for the ends that are normal: Envoy half-closes, or, by
// default, resets the stream once it needs no more of it.
func endOfStream(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) || status.Code(err) == codes.Canceled {
		return nil
	}
	return err
}

// answer makes the reply to the message. It reports false where there is to be none.
func (x *exchange) answer() (answered bool) {
	defer func() {
		if p := recover(); p != nil {
			x.server.contained(p)
			x.reply.Unchanged(x.message.Kind)
		}
		// In observability mode Envoy does not wait for answers, and takes none; and
		// what is of no known kind has no answer (1.40 may send flow control).
		answered = x.message.Kind != wire.KindUnknown && !x.message.Observability
	}()
	switch {
	case x.engine == nil:
		x.reply.Unchanged(x.message.Kind)
	case x.message.Kind == wire.KindRequestHeaders:
		x.requestHeaders()
	case x.message.Kind == wire.KindResponseHeaders:
		x.responseHeaders()
	default:
		x.reply.Unchanged(x.message.Kind)
	}
	return
}

// requestHeaders decides, and answers in upstream's place or says whether the
// response is wanted too. Where it is not, the virtual host is told what to set.
func (x *exchange) requestHeaders() {
	x.request.Reset()
	x.reader.read(&x.request, x.message.Headers)
	if x.request.Method == "" && x.request.Authority == "" && x.request.Path == "" {
		x.server.notices.unknown(x.server.log, x.engine)
	}
	x.decide(TwoPhase)
	d := &x.decision
	if d.Action() == policy.ActionRespond {
		d.Respond(&x.change)
		x.reply.Immediate(d, &x.change)
		x.final = true
		return
	}
	wantsResponse := d.NeedsResponse(x.metadata.static)
	if !wantsResponse {
		d.EditAhead(&x.change)
	}
	x.reply.Proceed(d, wantsResponse, x.change.Set)
	x.final = !wantsResponse
}

// responseHeaders changes the response by the decision of the request phase, or,
// where the stream begins here, by what Envoy says of the request elsewhere.
func (x *exchange) responseHeaders() {
	var first *policy.Decision // what has not been said yet
	if !x.decided {
		x.request.Reset()
		if !x.metadata.readRequest(&x.request) && !readAttributes(&x.request, x.message.Attributes) {
			x.unknownRequest()
			return
		}
		x.decide(Lean)
		x.decision = x.decision.Late()
		first = &x.decision
	}
	var status int
	status, x.fields = readFields(x.fields[:0], x.message.Headers, x.decision.ReadsAllFields())
	x.change.Reset()
	x.decision.Edit(&x.change, status, x.fields)
	x.reply.Mutated(first, &x.change)
	x.final = true
}

// unknownRequest changes nothing. A 4xx is mostly an error of Envoy's own, before it
// knew the request; anything else is a configuration that does not say it.
func (x *exchange) unknownRequest() {
	if status, _ := readFields(nil, x.message.Headers, false); status < 400 {
		x.server.notices.unknown(x.server.log, x.engine)
	}
	x.reply.Unchanged(x.message.Kind)
}

func (x *exchange) decide(p Profile) {
	x.request.Selector = x.metadata.selector
	x.decision = x.engine.Decide(&x.request)
	x.decided = true
	x.change.Reset()
	x.server.decided(x.engine, p, &x.decision, &x.request)
	if x.metadata.static.Strip {
		x.server.checkStrip(x.engine, &x.decision)
	}
}
