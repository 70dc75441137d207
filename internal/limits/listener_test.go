package limits

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/mem"
)

// events records what is observed.
type events struct {
	mu    sync.Mutex
	count map[Event]int
	log   strings.Builder
}

func (e *events) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.Write(b)
}

func (e *events) of(kind Event) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.count[kind]
}

func limited(memory int64) (*Limits, *events) {
	e := &events{count: map[Event]int{}}
	return New(Config{
		Memory: memory, MaxMessage: 1000, Buffers: mem.NopBufferPool{},
		Logger: slog.New(slog.NewTextHandler(e, nil)),
		Observe: func(kind Event) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.count[kind]++
		},
	}), e
}

// accepting accepts connections until the test ends.
func accepting(t *testing.T, l *Limits) (address string, accepted <-chan net.Conn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns, done := make(chan net.Conn, 100), make(chan struct{})
	go func() {
		defer close(done)
		for listener := l.Listener(inner, Port{}); ; {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			conns <- c
		}
	}()
	t.Cleanup(func() {
		inner.Close()
		<-done
		l.CloseAll()
	})
	return inner.Addr().String(), conns
}

func dialed(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ends waits for the end of a connection.
func ends(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the connection is open: %v", err)
	}
}

// One host gets its share of the connections, and each that is closed makes room.
func TestConnections(t *testing.T) {
	l, e := limited(16 * connCost)
	address, accepted := accepting(t, l)
	const lone = 8 * (16 + 1) / 9
	var served []net.Conn
	for range lone {
		dialed(t, address)
		served = append(served, <-accepted)
	}
	ends(t, dialed(t, address))
	if got := e.of(ConnRefused); got != 1 {
		t.Errorf("%d connections are refused, want 1", got)
	}
	if !strings.Contains(e.log.String(), eventMessages[ConnRefused]) {
		t.Errorf("logged %s", e.log.String())
	}
	for range 2 { // the second time it does not count
		served[0].Close()
	}
	open := dialed(t, address)
	<-accepted
	ends(t, dialed(t, address))
	l.CloseAll()
	ends(t, open)
	if n := l.conns.used.Load(); n != 0 || len(l.hosts) != 0 || len(l.open) != 0 {
		t.Errorf("%d connections are in use after all are closed; %v", n, l.hosts)
	}
}

// failing is a listener whose Accept fails.
type failing struct {
	net.Listener
	err error
}

func (f failing) Accept() (net.Conn, error) { return nil, f.err }

func TestAcceptFails(t *testing.T) {
	for _, row := range []struct {
		err     error
		counted int
		says    string
	}{
		{&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}, 3, "descriptors=true"},
		{&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ENFILE)}, 3, "descriptors=true"},
		{&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ECONNABORTED)}, 3, "descriptors=false"},
		{net.ErrClosed, 0, ""},
	} {
		l, e := limited(0)
		listener := l.Listener(failing{err: row.err}, Port{})
		for range 3 {
			if _, err := listener.Accept(); !errors.Is(err, row.err) {
				t.Errorf("%v becomes %v", row.err, err)
			}
		}
		if got := e.of(AcceptFailed); got != row.counted {
			t.Errorf("%v: counted %d, want %d", row.err, got, row.counted)
		}
		logged := e.log.String()
		if strings.Count(logged, "\n") != min(row.counted, 1) || !strings.Contains(logged, row.says) {
			t.Errorf("%v: logged %q", row.err, logged)
		}
	}
}

// The bounds that are derived from a memory limit are within it: streams, connections and pending data.
func TestBoundsAreWithinMemory(t *testing.T) {
	const idleConn, lastBlock = 80 << 10, 64 << 10 // measured
	for _, memory := range []int64{64 << 20, 256 << 20, 1 << 30} {
		l, _ := limited(memory)
		conns := l.conns.size
		held := l.streams.size + l.partial.size + l.burst.size + l.answers.size +
			conns*(idleConn+lastBlock+2*connFloor) + conns*floorStreams*StreamCost
		if most := memory * 7 / 10; held > most {
			t.Errorf("of %d MiB peers may hold %d MiB, and may hold %d", memory>>20, held>>20, most>>20)
		}
	}
	if l, _ := limited(256 << 20); l.MaxStreams() != 5120 || l.MaxConns() != 204 {
		t.Errorf("256 MiB: %d streams and %d connections, want 5120 and 204", l.MaxStreams(), l.MaxConns())
	}
}

// A connection that reads nothing has its reads stopped, and everything is returned when it is closed.
func TestClosedConnectionHoldsNothing(t *testing.T) {
	l, _ := limited(16 << 20)
	ours, peer := net.Pipe()
	defer peer.Close()
	c := l.newConn(ours, Port{})
	c.Queued()
	go func() { _, _ = peer.Write(make([]byte, 1000)) }()
	if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if l.answers.used.Load() != answerCost || l.burst.used.Load() != 1000*stuckFactor {
		t.Errorf("charged %d for an answer and %d for reading", l.answers.used.Load(), l.burst.used.Load())
	}
	c.Close()
	c.Put(new([]byte))
	for what, p := range map[string]*Pool{"partial": l.partial, "burst": l.burst, "answers": l.answers} {
		if n := p.used.Load(); n != 0 {
			t.Errorf("%s: %d are in use", what, n)
		}
	}
}
