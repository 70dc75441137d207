package wire

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// Codec returns the codec of a gRPC server that serves ext_proc or ext_authz, for
// grpc.ForceServerCodecV2. It encodes the messages of this package, and leaves those of all other
// services (health, reflection) to the standard codec, whose name it has.
func Codec() encoding.CodecV2 { return codec{encoding.GetCodecV2(proto.Name)} }

type codec struct {
	encoding.CodecV2 // the standard one
}

// readable is a message from Envoy.
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
	if a, ok := v.(*Answer); ok {
		return a.Buffers(), nil
	}
	return c.CodecV2.Marshal(v)
}
