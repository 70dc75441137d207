package limits

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/mem"
)

// Charges of peers, in bytes of this process's memory. The sizes were measured; docs/operations.md has them.
const (
	// StreamCost is the memory of a stream that waits for its next message: mostly a stack of 8 KiB.
	StreamCost = 16 << 10
	// answerCost is the memory of an answer until gRPC has written it.
	answerCost = 4 << 10
	// floorStreams is how many streams a connection may have in any case, beside those that all share.
	floorStreams = 4
	// connFloor is the memory that a connection may use for messages, and for answers, in any case.
	connFloor = 64 << 10
	// connCost is the memory for which there may be one connection. One that is idle needs some 80 KiB, of which
	// 32 KiB are gRPC's buffer for reading.
	connCost = 5 << 18
)

// Event is something that is refused to a peer, or fails.
type Event uint8

// The values of [Event].
const (
	// StreamRefused is a stream beyond the bound. The peer gets RESOURCE_EXHAUSTED.
	StreamRefused Event = iota
	// ConnRefused is a connection beyond the bound. It is closed at once.
	ConnRefused
	// ConnClosed is a connection that was closed because its peer does not read answers or does not finish messages.
	ConnClosed
	// AcceptFailed is a connection that could not be accepted, for lack of file descriptors as a rule.
	AcceptFailed
	// HandshakeFailed is a connection without a good TLS handshake: of a peer that may not connect, as a rule.
	HandshakeFailed
)

// Config has the values that bounds are derived from.
type Config struct {
	// Memory is how much the process may use, in bytes; 0 if nothing limits it.
	Memory int64
	// MaxStreams bounds the streams of all connections together; 0 derives it from Memory.
	MaxStreams uint32
	// MaxMessage is the size of the largest message that gRPC accepts, in bytes.
	MaxMessage uint32
	// Buffers is the pool of answers' buffers.
	Buffers mem.BufferPool
	// Observe is called for each event.
	Observe func(Event)
	// Logger receives a line for events, at most one in ten seconds for each kind.
	Logger *slog.Logger
}

// Limits bounds the memory and streams of all peers together. Make one with [New].
type Limits struct {
	config  Config
	conns   *Pool // connections, by host
	streams *Pool // bytes of streams, by connection, as are the next three
	partial *Pool // of messages and header blocks that are not complete
	burst   *Pool // of bytes that are read while something waits to be written
	answers *Pool // of answers that are not written
	logs    [HandshakeFailed + 1]eventLog

	admitted atomic.Int64 // streams that have a handler

	mu    sync.Mutex
	hosts map[string]*host
	open  map[*counted]struct{}
}

// Without a memory limit there may be as many streams and connections as under this one.
const unlimitedMemory = 4 << 30

// New returns the bounds for a configuration. Of the memory, ten parts of 32 are for streams, three for messages and
// answers under way, and there is one connection for each 1.25 MiB, with some 270 KiB at worst: seven parts. At
// least three tenths are left for the policy, its reload, and garbage.
func New(c Config) *Limits {
	memory := c.Memory
	if memory == 0 {
		memory = unlimitedMemory
	}
	streams := int64(c.MaxStreams) * StreamCost
	if streams == 0 {
		streams = max(memory/16*5, StreamCost)
	}
	l := &Limits{
		config: c, conns: NewPool(max(memory/connCost, 16), 0), streams: NewPool(streams, floorStreams*StreamCost),
		partial: NewPool(memory/32, connFloor), burst: NewPool(memory/32, 0), answers: NewPool(memory/32, connFloor),
		hosts: map[string]*host{}, open: map[*counted]struct{}{},
	}
	for i := range l.logs {
		l.logs[i].limiter = rate.NewLimiter(rate.Every(10*time.Second), 1)
	}
	return l
}

// MaxStreams is how many streams all connections share. Each has [floorStreams] beside.
func (l *Limits) MaxStreams() uint32 { return uint32(l.streams.size / StreamCost) }

// MaxConns is how many connections there may be.
func (l *Limits) MaxConns() int { return int(l.conns.size) }

// backlog is about how many streams have begun and are not admitted or refused yet.
func (l *Limits) backlog() int64 {
	const perConn = 4 // reading, writing, keepalive, accepting
	return int64(runtime.NumGoroutine()) - l.admitted.Load() - perConn*l.conns.used.Load()
}

// eventLog bounds the log lines of one kind of event.
type eventLog struct {
	limiter *rate.Limiter
	passed  atomic.Int64 // over, since the last line
}

var eventMessages = [...]string{
	StreamRefused: "a stream was refused: too many are open",
	ConnRefused:   "a connection was refused: too many are open",
	ConnClosed:    "a connection was closed: its peer does not read answers, or does not finish messages",
	AcceptFailed:  "a connection could not be accepted",

	HandshakeFailed: "a TLS handshake failed",
}

func (l *Limits) event(e Event, attrs ...slog.Attr) {
	l.config.Observe(e)
	log := &l.logs[e]
	if !log.limiter.Allow() {
		log.passed.Add(1)
		return
	}
	if n := log.passed.Swap(0); n > 0 {
		attrs = append(attrs, slog.Int64("notLogged", n))
	}
	l.config.Logger.LogAttrs(context.Background(), slog.LevelWarn, eventMessages[e], attrs...)
}

// outOfDescriptors reports whether an error of accept may pass as soon as others close files.
func outOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
