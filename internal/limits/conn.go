package limits

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/mem"
)

const (
	// No request can be finished while something waits to be written: even a stream that is refused lasts until the
	// refusal is written. blockedFactor is how much memory a byte may need that is read while the peer does not read
	// the socket, stuckFactor while it has closed a window of HTTP/2. In the second case there is room for more, since
	// the peer may open the window by the bytes that are still to be read.
	blockedFactor = 128
	stuckFactor   = 16
	// stallTimeout is how long a peer that has filled its share may leave answers unread.
	stallTimeout = 10 * time.Second
	// answerInterval is how often an answer that must wait for room tries again.
	answerInterval = 10 * time.Millisecond

	// A peer can begin and reset streams faster than their handlers run. Reading waits, for overloadPause at most,
	// while so many goroutines have no stream that was admitted, if the last read began more than fewStreams.
	maxBacklog    = 500
	fewStreams    = 8
	overloadPause = 100 * time.Millisecond
)

// Conn is a connection whose peer is charged for the memory that it makes gRPC keep.
type Conn struct {
	net.Conn
	limits  *Limits
	port    Port
	streams *Share
	partial *Share
	burst   *Share
	answers *Share

	unwritten atomic.Int64 // answers that gRPC has and has not written
	writing   atomic.Bool
	waiting   atomic.Bool   // Read waits until all is written
	drained   chan struct{} // receives a value then
	closed    chan struct{}
	once      sync.Once
	killed    sync.Once

	// Of the goroutine that reads.
	frames frames
	read   int64 // charged to burst
	full   bool  // more could not be charged
}

var _ interface {
	credentials.AuthInfo
	mem.BufferPool
} = (*Conn)(nil)

func (l *Limits) newConn(inner net.Conn, port Port) *Conn {
	c := &Conn{
		Conn: inner, limits: l, port: port,
		streams: l.streams.Share(), partial: l.partial.Share(), burst: l.burst.Share(), answers: l.answers.Share(),
		drained: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	c.frames = newFrames(c.partial, l.config.MaxMessage)
	return c
}

// AuthType is that of [credentials.AuthInfo]: a stream finds its connection in what authenticates it.
func (c *Conn) AuthType() string {
	if c.port.TLS != nil {
		return "tls"
	}
	return "insecure"
}

// Tag returns the Tag of the listener's [Port].
func (c *Conn) Tag() any { return c.port.Tag }

// Read is that of [net.Conn].
func (c *Conn) Read(b []byte) (int, error) {
	if err := c.awaitRoom(); err != nil {
		return 0, err
	}
	c.awaitHandlers()
	n, err := c.Conn.Read(b)
	if err := c.frames.read(b[:n]); err != nil {
		return 0, c.kill(err)
	}
	switch {
	case c.writing.Load():
		c.chargeBurst(int64(n) * blockedFactor)
	case c.unwritten.Load() > 0:
		c.chargeBurst(int64(n) * stuckFactor)
	}
	return n, err
}

// awaitHandlers lets the handlers of streams that have begun run before more begin.
func (c *Conn) awaitHandlers() {
	if c.frames.begun > fewStreams {
		for end := time.Now().Add(overloadPause); c.limits.backlog() > maxBacklog && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	}
	c.frames.begun = 0
}

// busy reports whether something is not written yet.
func (c *Conn) busy() bool { return c.unwritten.Load() > 0 || c.writing.Load() }

// chargeBurst stops reading if the memory that the bytes read may need exceeds the room left.
func (c *Conn) chargeBurst(n int64) {
	if c.burst.Take(n) {
		c.read += n
	} else {
		c.full = true
	}
}

// awaitRoom waits, if too much was read while something was not written, until everything is.
func (c *Conn) awaitRoom() error {
	if c.full {
		if err := c.awaitWritten(); err != nil {
			return err
		}
		c.full = false
	} else if c.busy() {
		return nil
	}
	if c.read > 0 {
		c.burst.Give(c.read)
		c.read = 0
	}
	return nil
}

var errStalled = errors.New("answers are not read")

func (c *Conn) awaitWritten() error {
	c.waiting.Store(true)
	defer c.waiting.Store(false)
	timeout := time.NewTimer(stallTimeout)
	defer timeout.Stop()
	for c.busy() {
		select {
		case <-c.drained:
		case <-c.closed:
			return net.ErrClosed
		case <-timeout.C:
			return c.kill(errStalled)
		}
	}
	return nil
}

// progress wakes Read once everything is written.
func (c *Conn) progress() {
	if c.waiting.Load() && !c.busy() {
		select {
		case c.drained <- struct{}{}:
		default:
		}
	}
}

// Write is that of [net.Conn]. gRPC writes from one goroutine.
func (c *Conn) Write(b []byte) (int, error) {
	c.writing.Store(true)
	n, err := c.Conn.Write(b)
	c.writing.Store(false)
	c.progress()
	return n, err
}

// kill closes the connection of a peer that behaves as Envoy never does.
func (c *Conn) kill(why error) error {
	c.killed.Do(func() {
		c.limits.event(ConnClosed, slog.String("peer", c.RemoteAddr().String()), slog.String("reason", why.Error()))
	})
	_ = c.Close() // why is the error that counts
	return why
}

// Close is that of [net.Conn].
func (c *Conn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.partial.Close()
		c.burst.Close()
		c.answers.Close()
	})
	return c.Conn.Close()
}

// Queued is called when gRPC has an answer to write. It waits if there are too many.
func (c *Conn) Queued() {
	if !c.answers.Take(answerCost) {
		c.awaitAnswers()
	}
	c.unwritten.Add(1)
}

// awaitAnswers charges an answer once there is room. Others may make it as well as this connection's peer, hence the
// ticker.
func (c *Conn) awaitAnswers() {
	again := time.NewTicker(answerInterval)
	defer again.Stop()
	for end := time.Now().Add(stallTimeout); !c.answers.Take(answerCost); {
		select {
		case <-c.closed:
			return
		case now := <-again.C:
			if now.After(end) {
				_ = c.kill(errStalled) // what is sent next fails
				return
			}
		}
	}
}

// Get is that of [mem.BufferPool].
func (c *Conn) Get(length int) *[]byte { return c.limits.config.Buffers.Get(length) }

// Put is that of [mem.BufferPool]: gRPC calls it when it has written an answer.
func (c *Conn) Put(b *[]byte) {
	c.limits.config.Buffers.Put(b)
	c.answers.Give(answerCost)
	c.unwritten.Add(-1)
	c.progress()
}
