package wire

import (
	"context"
	"sync"

	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/peer"
)

// Outbox counts the answers of a connection that are not written yet. It stands in front of
// [Buffers]: gRPC returns the buffer of each answer to it once the answer is written, or never
// will be.
type Outbox interface {
	mem.BufferPool
	// Queued is called for each answer that gRPC is to write.
	Queued()
}

// OutboxOf returns the outbox of a stream's or call's connection: the peer's AuthInfo, if it is
// one. Otherwise it returns nil.
func OutboxOf(ctx context.Context) Outbox {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	o, _ := p.AuthInfo.(Outbox)
	return o
}

// Buffers is the pool of the buffers that answers are written to. Without it, an answer is a tenth
// of the allocations of a request, gRPC included.
var Buffers mem.BufferPool = &bufferPool{}

// bufferPool is like gRPC's own pools, but does not clear each buffer.
type bufferPool struct{ pool sync.Pool }

// usualAnswer is the capacity of the buffers that are kept. gRPC returns only buffers of more than
// 1 KiB to their pool; few answers are longer than this.
const usualAnswer = 2 << 10

// Get is of mem.BufferPool.
func (p *bufferPool) Get(length int) *[]byte {
	if length <= usualAnswer {
		if b, ok := p.pool.Get().(*[]byte); ok {
			*b = (*b)[:length]
			return b
		}
	}
	b := make([]byte, length, max(length, usualAnswer))
	return &b
}

// Put is of mem.BufferPool.
func (p *bufferPool) Put(b *[]byte) {
	if cap(*b) == usualAnswer {
		p.pool.Put(b)
	}
}
