package extproc

import (
	"context"
	"errors"
	"io"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corsd/corsd/pkg/policy"
)

// Process serves one HTTP exchange. Every message of a known kind is answered by
// exactly one: two answers, or one of the wrong kind, are a 500 for the client
// (Envoy 1.35 and later), or a body that is cut off (1.36 in the response phase).
func (s *Server) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	s.observer.StreamStarted()
	err := s.exchange(stream)
	s.observer.StreamEnded(err)
	return err
}

func (s *Server) exchange(stream extprocv3.ExternalProcessor_ProcessServer) error {
	x := newExchange(stream.Context(), s)
	for {
		req, err := stream.Recv()
		if err != nil {
			return endOfStream(err)
		}
		resp := x.answer(req)
		if resp == nil {
			continue
		}
		if err := stream.Send(resp); err != nil {
			return endOfStream(err)
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

// exchange is the state of one stream. It must not be copied: its decision
// points to its request.
type exchange struct {
	server   *Server
	engine   *policy.Engine
	metadata streamMetadata

	request  policy.Request
	decision policy.Decision
	decided  bool
	result   policy.Answer
	fields   []policy.Field
}

func newExchange(ctx context.Context, s *Server) *exchange {
	return &exchange{server: s, engine: s.engine(), metadata: metadataOf(ctx)}
}

// answer gives the answer to one message, nil where there is to be none.
func (x *exchange) answer(req *extprocv3.ProcessingRequest) (resp *extprocv3.ProcessingResponse) {
	defer func() {
		if p := recover(); p != nil {
			x.server.contained(p)
			resp = unchanged(req)
		}
		if req.GetObservabilityMode() {
			resp = nil // Envoy does not wait for answers, and takes none
		}
	}()
	if x.engine != nil {
		switch m := req.GetRequest().(type) {
		case *extprocv3.ProcessingRequest_RequestHeaders:
			resp = x.requestHeaders(m.RequestHeaders)
		case *extprocv3.ProcessingRequest_ResponseHeaders:
			resp = x.responseHeaders(m.ResponseHeaders, req)
		}
	}
	if resp == nil {
		return unchanged(req)
	}
	return resp
}

// requestHeaders decides, and answers in upstream's place or says whether the
// response is wanted too.
func (x *exchange) requestHeaders(h *extprocv3.HttpHeaders) *extprocv3.ProcessingResponse {
	x.request = policy.Request{Selector: x.metadata.selector}
	readHeaders(&x.request, h.GetHeaders())
	x.decide(TwoPhase)
	d := &x.decision
	if d.Action == policy.ActionRespond {
		d.AppendRequestPhase(&x.result)
		return immediate(d, &x.result)
	}
	return proceed(d, d.NeedsResponsePhase(x.metadata.static))
}

// responseHeaders changes the response by the decision of the request phase, or,
// where the stream begins here, by what Envoy says of the request elsewhere.
func (x *exchange) responseHeaders(h *extprocv3.HttpHeaders, req *extprocv3.ProcessingRequest) *extprocv3.ProcessingResponse {
	first := !x.decided
	if first {
		x.request = policy.Request{}
		if !x.metadata.readRequest(&x.request) && !readAttributes(&x.request, req.GetAttributes()) {
			return nil // an error of Envoy's own, before it knew the request
		}
		x.request.Selector = x.metadata.selector
		x.decide(Lean)
		x.decision = x.decision.Late()
	}
	var status int
	status, x.fields = readFields(x.fields[:0], h.GetHeaders())
	x.result.Reset()
	x.decision.AppendResponsePhase(&x.result, status, x.fields)
	resp := mutated(&x.result)
	if first {
		resp.DynamicMetadata = dynamicMetadata(&x.decision)
	}
	return resp
}

func (x *exchange) decide(p Profile) {
	x.decision = x.engine.Decide(&x.request)
	x.decided = true
	x.result.Reset()
	x.server.decided(x.engine, p, &x.decision, &x.request)
	if x.metadata.static.Strip {
		x.server.checkStrip(x.engine, &x.decision)
	}
}
