//go:build !race

package cli

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sys/unix"

	"github.com/corsd/corsd/internal/limits"
	"github.com/corsd/corsd/internal/servetest"
)

// TestHostileMemory runs the binary with the limit of a 256 MiB container, and compares its peak memory with that.
// GOMEMLIMIT stands in for the container.
func TestHostileMemory(t *testing.T) {
	const container = 256 << 20
	t.Setenv("GOMEMLIMIT", fmt.Sprint(limits.SoftLimit(container)))
	s := startProcess(t, "--policy", servetest.PolicyFile(t))
	// Beyond the container's limit the test fails; beyond this one the process does.
	limit := unix.Rlimit{Cur: 1 << 30, Max: 1 << 30}
	if err := unix.Prlimit(s.process.Pid, unix.RLIMIT_DATA, &limit, nil); err != nil {
		t.Skipf("no limit of memory can be set here: %v", err)
	}
	address := s.address("listening")
	victim := s.conn()
	closed := []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}
	for _, row := range []struct {
		why      string
		conns    int
		settings []http2.Setting
		attack   func(h *servetest.Hostile)
	}{
		{"references to one header", 5, nil, func(h *servetest.Hostile) {
			block := h.Headers(servetest.ProcessPath, hpack.HeaderField{Name: "x", Value: "y"})
			h.Open(append(block, bytes.Repeat([]byte{0x80 | 62}, 400_000)...))
		}},
		{"empty headers", 2, nil, func(h *servetest.Hostile) {
			for i := range 100 {
				h.Send(h.Open(h.Headers(servetest.ProcessPath)), servetest.Framed(servetest.EmptyHeaders(60_000, i%2 == 0)), servetest.FrameSize)
			}
		}},
		{"answers that are not read", 20, closed, func(h *servetest.Hostile) {
			m := bytes.Repeat(servetest.Framed(servetest.Encoded(h.T, servetest.RequestOf(servetest.OldPage))), 100)
			for range 200 {
				h.Send(h.Open(h.Headers(servetest.ProcessPath)), m, servetest.FrameSize)
			}
		}},
		{"the smallest messages, whose answers are not read", 100, closed, func(h *servetest.Hostile) {
			m := bytes.Repeat(servetest.Framed([]byte{2<<3 | 2, 0}), 4000)
			for range 20 {
				h.Send(h.Open(h.Headers(servetest.ProcessPath)), m, servetest.FrameSize)
			}
		}},
		{"messages that are never complete", 20, nil, func(h *servetest.Hostile) {
			for range 100 {
				h.Send(h.Open(h.Headers(servetest.ProcessPath)), servetest.Framed(make([]byte, 60_000))[:60_000], servetest.FrameSize)
			}
		}},
		{"messages in frames of a byte", 20, nil, func(h *servetest.Hostile) {
			for range 5 {
				h.Send(h.Open(h.Headers(servetest.ProcessPath)), servetest.Framed(make([]byte, 60_000))[:60_000], 1)
			}
		}},
		{"metadata", 100, nil, func(h *servetest.Hostile) {
			for range 30 {
				h.Open(h.Headers(servetest.ProcessPath, servetest.HeaderList(60_000)...))
			}
		}},
		{"streams", 10, nil, func(h *servetest.Hostile) {
			for range 2000 {
				h.Send(h.Open(h.Headers(servetest.ProcessPath)), servetest.Framed(servetest.Encoded(h.T, servetest.RequestOf(servetest.OldPage))), servetest.FrameSize)
			}
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			for range row.conns {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				h := servetest.Attack(t, conn, row.settings...)
				if err := conn.SetWriteDeadline(time.Now().Add(2 * time.Second)); err != nil { // reading may have stopped
					t.Fatal(err)
				}
				row.attack(h)
			}
			if got := s.verdict(victim, servetest.OldPage); got != "allow" {
				t.Errorf("the victim gets %q", got)
			}
			if peak := peakMemory(t, s.process.Pid); peak > container {
				t.Errorf("the process has had %d MiB", peak>>20)
			}
		})
	}
}

// peakMemory is the most that a process has had at once.
func peakMemory(t *testing.T, pid int) (bytes int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if _, err := fmt.Sscan(value, &bytes); err != nil {
				t.Fatal(err)
			}
			return bytes << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
