package extauthz

import (
	"context"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/wire"
	"github.com/corsd/corsd/pkg/policy"
)

// keyPolicy is the context extension of a route that selects a policy or rule. Clients cannot set
// it.
const keyPolicy = "corsd-policy"

// call is the state of one call. It is used for many calls, one after the other, since its buffers
// have grown.
type call struct {
	exchange exchange.Exchange
	message  wire.CheckRequest

	// Parts of the answer.
	set      []wire.Field
	decision wire.Metadata
}

// handleCheck serves the method Check.
func (s *Server) handleCheck(
	ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor,
) (any, error) {
	c, _ := s.calls.Get().(*call)
	if c == nil {
		c = &call{}
	}
	defer s.end(c)
	if err := decode(&c.message); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return s.check(ctx, c), nil
	}
	info := &grpc.UnaryServerInfo{Server: s, FullMethod: authv3.Authorization_Check_FullMethodName}
	return interceptor(ctx, &c.message, info, func(ctx context.Context, _ any) (any, error) {
		return s.check(ctx, c), nil
	})
}

// end keeps the call for another one, unless its buffers have grown far beyond the usual size.
func (s *Server) end(c *call) {
	c.message.Release()
	c.exchange.End()
	if !c.message.Large() {
		s.calls.Put(c)
	}
}

// check answers one request. The answer to a preflight is a denial: that is ext_authz's word for
// every answer in upstream's place.
func (s *Server) check(ctx context.Context, c *call) (answer *wire.Answer) {
	answer = &wire.Answer{Outbox: wire.OutboxOf(ctx)}
	defer func() {
		if p := recover(); p != nil {
			s.service.Panicked(ctx, p)
			answer.Passed(nil, nil)
		}
	}()
	x := &c.exchange
	x.Begin(ctx, s.service)
	if !x.HasPolicy() {
		answer.Passed(nil, nil)
		return answer
	}
	c.read()
	x.Decide(exchange.ExtAuthz)
	if r, ok := x.Respond(); ok {
		c.setFields(r, false)
		answer.Denied(r.Status, c.set, c.facts())
		return answer
	}
	x.ResetResponse()
	c.setFields(x.Edit(), true)
	answer.Passed(c.set, c.facts())
	return answer
}

// read reads the request. Method, scheme, host and path have fields of their own, which replace the
// pseudo-headers if the message has both.
func (c *call) read() {
	x, m := &c.exchange, &c.message
	for _, h := range m.Headers {
		x.AddHeader(h.Name, h.Value)
	}
	x.SetText(&x.Request.Method, m.Method)
	x.SetText(&x.Request.Scheme, m.Scheme)
	x.SetText(&x.Request.Authority, m.Host)
	x.SetText(&x.Request.Path, m.Path)
	for _, e := range m.Extensions {
		if string(e.Name) == keyPolicy {
			x.SetText(&x.Request.Selector, e.Value)
		}
	}
}

// setFields makes the answer's headers those of a response. Vary of a request that passes is left to
// the route: a header that is added here would replace upstream's, or repeat the route's.
func (c *call) setFields(r *policy.Response, passes bool) {
	c.set = c.set[:0]
	for _, f := range r.Set {
		if !passes || f.Name != "vary" {
			c.set = append(c.set, f)
		}
	}
}

// facts returns the decision as dynamic metadata, which Envoy puts under the name of its filter.
func (c *call) facts() *wire.Metadata {
	m := &c.decision
	m.Pairs = m.Pairs[:0]
	for _, f := range c.exchange.Facts() {
		m.Pairs = append(m.Pairs, wire.Pair(f))
	}
	return m
}
