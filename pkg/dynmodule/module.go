package dynmodule

import (
	"context"
	"fmt"
	"sync"
	"unsafe"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/pkg/policy"
)

// Options configures a [Module]. Static has no effect: the module sees every response.
type Options = exchange.Options

// Header is a header line in Envoy's memory. It has the layout of an element of the array that Envoy
// fills (envoy_dynamic_module_type_envoy_http_header, Envoy 1.38 to 1.40), which is read in place. Names
// are in lower case, pseudo-headers among them.
type Header struct {
	name        *byte
	nameLength  uintptr
	value       *byte
	valueLength uintptr
}

// NewHeader returns a header line of bytes that must not change while it is used.
func NewHeader(name, value []byte) Header {
	return Header{unsafe.SliceData(name), uintptr(len(name)), unsafe.SliceData(value), uintptr(len(value))}
}

func (h *Header) split() (name, value []byte) {
	return unsafe.Slice(h.name, h.nameLength), unsafe.Slice(h.value, h.valueLength)
}

// Module decides on requests. Make one with [New]. It is safe for concurrent use.
type Module struct {
	service *exchange.Service
	idle    sync.Pool // of *Exchange
}

// New makes a module. It returns an error if a required option is missing.
func New(o Options) (*Module, error) {
	service, err := exchange.New(o)
	if err != nil {
		return nil, fmt.Errorf("dynmodule: %w", err)
	}
	return &Module{service: service}, nil
}

// Exchange is the rest of an exchange whose response has to be seen. It ends with one call of Response or
// of Close, whichever comes first.
type Exchange struct {
	module   *Module
	exchange exchange.Exchange
}

func (m *Module) begin() *Exchange {
	x, _ := m.idle.Get().(*Exchange)
	if x == nil {
		x = &Exchange{module: m}
	}
	x.exchange.Begin(context.Background(), m.service)
	return x
}

// Close ends the exchange without a response.
func (x *Exchange) Close() {
	x.exchange.End()
	x.module.idle.Put(x)
}

// Request decides on a request, and appends the answer to dst. The selector is that of
// [policy.Request], from the route's configuration. Rest is nil unless the answer is Ask. Nothing of the
// headers is kept. If the decision panics, the answer strips the response.
func (m *Module) Request(selector []byte, headers []Header, dst []byte) (answer []byte, rest *Exchange) {
	x := m.begin()
	defer func() {
		if p := recover(); p != nil {
			x.exchange.Panicked(p) // x is not used again
			answer, rest = appendPanicked(dst), nil
		}
	}()
	e := &x.exchange
	if !e.HasPolicy() {
		x.Close()
		return appendHead(dst, Untouched, 0, &policy.Decision{}, 0), nil
	}
	for i := range headers {
		e.AddHeader(headers[i].split())
	}
	e.SetText(&e.Request.Selector, selector)
	e.Decide(exchange.Module)
	if answer, rest = x.answer(dst), x; Kind(answer[len(dst)]) != Ask {
		x.Close()
		rest = nil
	}
	return answer, rest
}

// answer appends the answer to a request that was decided on.
func (x *Exchange) answer(dst []byte) []byte {
	e, d := &x.exchange, x.exchange.Decision()
	if r, ok := e.Respond(); ok {
		dst = x.facts(appendHead(dst, Respond, 0, d, r.Status))
		dst = appendItem(dst, Details, "", e.Details())
		return appendResponse(dst, r)
	}
	if d.Action() == policy.ActionPass {
		return x.facts(appendHead(dst, Untouched, 0, d, 0))
	}
	edit, addOrigin, ok := e.EditUnseen()
	if !ok {
		return x.facts(appendHead(dst, Ask, 0, d, 0))
	}
	flags := Strip
	if addOrigin {
		flags |= VaryOrigin
	}
	return appendResponse(x.facts(appendHead(dst, Edit, flags, d, 0)), edit)
}

func (x *Exchange) facts(dst []byte) []byte {
	for _, f := range x.exchange.Facts() {
		dst = appendItem(dst, Fact, f.Name, f.Value)
	}
	return dst
}

// Response appends the edit of the response with these headers to dst, as an answer of kind Edit, and
// ends the exchange. If it panics, the answer strips the response.
func (x *Exchange) Response(headers []Header, dst []byte) (answer []byte) {
	e := &x.exchange
	defer func() {
		if p := recover(); p != nil {
			e.Panicked(p)
			answer = appendPanicked(dst)
		}
	}()
	e.ResetResponse()
	for i := range headers {
		e.AddResponseHeader(headers[i].split())
	}
	answer = appendResponse(appendHead(dst, Edit, 0, e.Decision(), 0), e.Edit())
	x.Close()
	return answer
}

// appendPanicked appends an answer that lets no page read the response.
func appendPanicked(dst []byte) []byte {
	return appendHead(dst, Edit, Strip|VaryOrigin|Panicked, &policy.Decision{}, 0)
}
