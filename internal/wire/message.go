package wire

import "google.golang.org/grpc/mem"

// message is the buffer that a message's headers are slices of. gRPC uses it again after free.
type message struct {
	buffer mem.Buffer
	size   int // of the largest message so far
}

func (m *message) open(data mem.BufferSlice) []byte {
	m.buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
	m.size = max(m.size, m.buffer.Len())
	return m.buffer.ReadOnlyData()
}

func (m *message) free() {
	if m.buffer != nil {
		m.buffer.Free()
		m.buffer = nil
	}
}
