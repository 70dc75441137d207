package extproc

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	"github.com/corsd/corsd/pkg/extproc/internal/wire"
)

// Codec is the codec of the gRPC server that a [Server] is registered with: give it
// to grpc.ForceServerCodecV2. It reads and writes Envoy's messages without making
// objects of them, and leaves those of all other services (health, reflection) to
// the standard codec, which it calls itself by the name of.
func Codec() encoding.CodecV2 { return codec{encoding.GetCodecV2(proto.Name)} }

type codec struct {
	encoding.CodecV2 // the standard one
}

// readable is a message of Envoy's.
type readable interface {
	Read(data mem.BufferSlice) error
}

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(readable); ok {
		return m.Read(data)
	}
	return c.CodecV2.Unmarshal(data, v)
}

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if a, ok := v.(*wire.Answer); ok {
		return a.Buffers(), nil
	}
	return c.CodecV2.Marshal(v)
}

// Buffers is the pool of the buffers that answers are written in.
func Buffers() mem.BufferPool { return wire.Answers }
