package wire

import "google.golang.org/grpc/mem"

// held is the buffer that a message's parts are parts of. gRPC uses it again when it
// is given back.
type held struct {
	buffer mem.Buffer
	size   int // of the largest message so far
}

func (h *held) hold(data mem.BufferSlice) []byte {
	h.buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
	h.size = max(h.size, h.buffer.Len())
	return h.buffer.ReadOnlyData()
}

func (h *held) giveBack() {
	if h.buffer != nil {
		h.buffer.Free()
		h.buffer = nil
	}
}
