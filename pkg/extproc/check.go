package extproc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/corsd/corsd/pkg/extproc/internal/wire"
	"github.com/corsd/corsd/pkg/policy"
)

// call is the state of one call of ext_authz. Like exchanges, calls are used again.
type call struct {
	message  wire.CheckRequest
	request  policy.Request
	reader   requestReader
	decision policy.Decision
	change   policy.Response
}

// handleCheck serves the method Check.
func (s *Server) handleCheck(ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	c, _ := s.calls.Get().(*call)
	if c == nil {
		c = &call{}
	}
	defer c.release(s)
	if err := decode(&c.message); err != nil {
		return nil, err
	}
	outbox := s.outbox(ctx)
	if interceptor == nil {
		return s.check(c, outbox), nil
	}
	info := &grpc.UnaryServerInfo{Server: s, FullMethod: "/" + authorizationName + "/" + checkName}
	return interceptor(ctx, &c.message, info, func(context.Context, any) (any, error) { return s.check(c, outbox), nil })
}

// release gives the call back, unless its buffers have grown too large.
func (c *call) release(s *Server) {
	c.message.Release()
	if !c.message.Large() {
		s.calls.Put(c)
	}
}

// check serves one request of ext_authz. A preflight's answer is a denial, as
// Envoy calls every answer that is not upstream's. What upstream sends can be
// neither seen nor removed: the route has to remove its CORS headers.
func (s *Server) check(c *call, outbox Outbox) (reply *wire.Answer) {
	reply = &wire.Answer{Outbox: outbox}
	c.change.Reset()
	defer func() {
		if p := recover(); p != nil {
			s.contained(p)
			c.change.Reset()
			reply.Passed(nil, &c.change)
		}
	}()
	engine := s.engine()
	if engine == nil {
		reply.Passed(nil, &c.change)
		return reply
	}
	c.read()
	c.decision = engine.Decide(&c.request)
	d := &c.decision
	s.decided(engine, ExtAuthz, d, &c.request)
	if d.Action() == policy.ActionRespond {
		d.Respond(&c.change)
		reply.Denied(d, &c.change)
		return reply
	}
	d.Edit(&c.change, 0, nil)
	reply.Passed(d, &c.change)
	return reply
}

// read reads the request. Method, scheme, host and path have fields of their own,
// which come last and count: where the headers have them too, they are the same.
func (c *call) read() {
	r, p := &c.request, &c.reader
	r.Reset()
	p.pickHeaders(r, c.message.Headers)
	p.pick(&r.Method, c.message.Method)
	p.pick(&r.Scheme, c.message.Scheme)
	p.pick(&r.Authority, c.message.Host)
	p.pick(&r.Path, c.message.Path)
	for i := range c.message.Extensions {
		if e := &c.message.Extensions[i]; string(e.Name) == keyPolicy {
			p.pick(&r.Selector, e.Value)
		}
	}
	p.finish(r)
}
