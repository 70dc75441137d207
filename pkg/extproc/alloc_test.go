//go:build !race

package extproc_test

import "testing"

// TestStreamAllocates: an exchange allocates only its request's text, gRPC's buffers for each answer, and
// gRPC's copies of the metadata.
func TestStreamAllocates(t *testing.T) {
	process := quietHandler(t)
	for _, x := range exchanges {
		s := newEncodedStream(t, x.metadata, x.messages)
		n := testing.AllocsPerRun(200, func() {
			s.next = 0
			if err := process(s); err != nil {
				t.Fatal(err)
			}
		})
		if n > x.allocs {
			t.Errorf("%s: %v allocations, at most %v are expected", x.name, n, x.allocs)
		}
	}
}
