package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// load describes the traffic of a client that imitates Envoy: one stream for each exchange,
// over a few connections that stay open.
type load struct {
	method      string // of gRPC
	scripts     []script
	connections int
	streams     int                          // at once, over all connections
	verify      func(script, [][]byte) error // checks the answers to an exchange; nil: none is checked
	rate        float64                      // exchanges a second, at random moments; 0: each begins when another ends
	warm, run   time.Duration
}

const (
	processMethod = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
	checkMethod   = "/envoy.service.auth.v3.Authorization/Check"
)

// outcome is the result of a client.
type outcome struct {
	exchanges int
	seconds   float64
	latencies []time.Duration // sorted; from the moment an exchange was due
}

func (o *outcome) quantile(q float64) time.Duration {
	if len(o.latencies) == 0 {
		return 0
	}
	return o.latencies[int(q*float64(len(o.latencies)-1))]
}

// drive runs the load against a server. began and ended are called before and after the
// measured part.
func (l load) drive(listen string, began, ended func()) (*outcome, error) {
	var recording, stopping atomic.Bool
	var group sync.WaitGroup
	clients := make([]*client, l.connections)
	failed := make(chan error, 2*l.connections) // a reader and a pacer for each connection
	for i := range clients {
		c, err := l.connect(listen, i, &recording, &stopping)
		if err != nil {
			return nil, err
		}
		defer c.conn.Close()
		clients[i] = c
		group.Go(func() { failed <- c.read() })
		if l.rate > 0 {
			group.Go(func() { failed <- c.pace(l.rate / float64(l.connections)) })
		}
	}
	wait := func(d time.Duration) error {
		select {
		case err := <-failed:
			return cmpError(err)
		case <-time.After(d):
			return nil
		}
	}
	if err := wait(l.warm); err != nil {
		return nil, err
	}
	began()
	start := time.Now()
	recording.Store(true)
	err := wait(l.run)
	recording.Store(false)
	o := &outcome{seconds: time.Since(start).Seconds()}
	ended()
	stopping.Store(true)
	for _, c := range clients {
		_ = c.conn.Close() // which ends its reader
	}
	group.Wait()
	o.add(clients)
	return o, err
}

// add adds the latencies of the clients, sorted.
func (o *outcome) add(clients []*client) {
	for _, c := range clients {
		o.exchanges += len(c.latencies)
		o.latencies = append(o.latencies, c.latencies...)
	}
	slices.Sort(o.latencies)
}

func cmpError(err error) error {
	if err == nil {
		return errors.New("the client ended too early")
	}
	return err
}

// client is one connection. A goroutine that holds mu writes frames, in batches: all frames
// that follow from one turn of reading leave in one write, as in an event loop.
type client struct {
	load      load
	conn      net.Conn
	mu        sync.Mutex
	out       *bufio.Writer
	writer    *http2.Framer
	reader    *http2.Framer
	in        *bufio.Reader
	block     bytes.Buffer // of the request's headers
	encoder   *hpack.Encoder
	decoder   *hpack.Decoder
	recording *atomic.Bool
	stopping  *atomic.Bool

	nextID    uint32
	next      int // index of the next script
	open      map[uint32]*exchange
	idle      []*exchange
	window    int64 // bytes that may be sent on the connection
	consumed  uint32
	waiting   []data // until the window has room
	latencies []time.Duration
	status    string
}

type data struct {
	id   uint32
	body []byte
	end  bool
}

// exchange is one stream.
type exchange struct {
	id      uint32
	script  *script
	due     time.Time
	answers [][]byte // only if load.verify is set
	partial []byte
	got     int
}

// window is the number of bytes that the server may send before the client grants more. The
// server never reaches it.
const window = 1 << 30

func split(listen string) (network, address string) {
	if path, isUnix := strings.CutPrefix(listen, "unix:"); isUnix {
		return "unix", path
	}
	return "tcp", listen
}

func (l load) connect(listen string, index int, recording, stopping *atomic.Bool) (*client, error) {
	network, address := split(listen)
	conn, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	c := &client{
		load: l, conn: conn, out: bufio.NewWriterSize(conn, 256<<10), in: bufio.NewReaderSize(conn, 256<<10),
		recording: recording, stopping: stopping,
		nextID: 1, next: index * 37, open: map[uint32]*exchange{}, window: 65535,
		latencies: make([]time.Duration, 0, 1<<20),
	}
	c.writer, c.reader = http2.NewFramer(c.out, nil), http2.NewFramer(nil, c.in)
	c.reader.SetReuseFrames()
	c.encoder, c.decoder = hpack.NewEncoder(&c.block), hpack.NewDecoder(4096, c.header)
	if _, err := c.out.WriteString(http2.ClientPreface); err != nil {
		return nil, err
	}
	err = errors.Join(
		c.writer.WriteSettings(
			http2.Setting{ID: http2.SettingEnablePush, Val: 0},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: window},
		),
		c.writer.WriteWindowUpdate(0, window),
	)
	if l.rate > 0 {
		c.idle = make([]*exchange, 4096)
		for i := range c.idle {
			c.idle[i] = &exchange{}
		}
		return c, errors.Join(err, c.out.Flush())
	}
	for range l.streams / l.connections {
		err = errors.Join(err, c.begin(&exchange{}, time.Now()))
	}
	return c, errors.Join(err, c.out.Flush())
}

func (c *client) header(f hpack.HeaderField) {
	if f.Name == "grpc-status" {
		c.status = f.Value
	}
}

// begin opens a stream with the first message of the next script.
func (c *client) begin(x *exchange, due time.Time) error {
	s := &c.load.scripts[c.next%len(c.load.scripts)]
	c.next++
	*x = exchange{id: c.nextID, script: s, due: due, answers: x.answers[:0], partial: x.partial[:0]}
	c.nextID += 2
	c.open[x.id] = x
	c.block.Reset()
	for _, h := range [...][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", c.load.method},
		{":authority", "corsd"},
		{"te", "trailers"},
		{"content-type", "application/grpc"},
		{"x-envoy-internal", "true"},
		{"x-forwarded-for", "192.0.2.1"},
	} {
		if err := c.encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
			return err
		}
	}
	head := http2.HeadersFrameParam{StreamID: x.id, BlockFragment: c.block.Bytes(), EndHeaders: true}
	if err := c.writer.WriteHeaders(head); err != nil {
		return err
	}
	return c.send(data{x.id, s.messages[0], c.load.method == checkMethod})
}

// send writes a message, or keeps it until the server's window has room for it.
func (c *client) send(d data) error {
	if len(c.waiting) > 0 || c.window < int64(len(d.body)) {
		c.waiting = append(c.waiting, d)
		return nil
	}
	c.window -= int64(len(d.body))
	return c.writer.WriteData(d.id, d.end, d.body)
}

// read reads frames until the connection is closed.
func (c *client) read() error {
	for {
		frame, err := c.reader.ReadFrame()
		if err != nil {
			if c.stopping.Load() {
				return nil
			}
			return fmt.Errorf("reading from the server: %w", err)
		}
		c.mu.Lock()
		err = c.handle(frame)
		if err == nil && c.in.Buffered() < 9 { // no further frame: the end of this turn
			err = c.out.Flush()
		}
		c.mu.Unlock()
		if err != nil && !c.stopping.Load() {
			return err
		}
	}
}

func (c *client) handle(frame http2.Frame) error {
	switch f := frame.(type) {
	case *http2.DataFrame:
		return c.handleData(f)
	case *http2.HeadersFrame:
		c.status = ""
		if _, err := c.decoder.Write(f.HeaderBlockFragment()); err != nil {
			return err
		}
		if f.StreamEnded() {
			return c.end(f.StreamID)
		}
	case *http2.RSTStreamFrame:
		// A stream that the server has ended may be reset as well, without an error.
		if c.open[f.StreamID] != nil {
			return fmt.Errorf("stream reset: %v", f.ErrCode)
		}
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return c.writer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return c.writer.WritePing(true, f.Data)
		}
	case *http2.GoAwayFrame:
		return fmt.Errorf("the server goes away: %v %s", f.ErrCode, f.DebugData())
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			return c.widen(int64(f.Increment))
		}
	}
	return nil
}

// widen enlarges the window and sends the data that waits for it.
func (c *client) widen(n int64) error {
	c.window += n
	for len(c.waiting) > 0 && c.window >= int64(len(c.waiting[0].body)) {
		d := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.window -= int64(len(d.body))
		if err := c.writer.WriteData(d.id, d.end, d.body); err != nil {
			return err
		}
	}
	return nil
}

// handleData splits data, which may hold a part of a message or several messages.
func (c *client) handleData(f *http2.DataFrame) error {
	x := c.open[f.StreamID]
	if x == nil {
		return fmt.Errorf("data for stream %d, which is not open", f.StreamID)
	}
	body := f.Data()
	if c.consumed += uint32(len(body)); c.consumed > window/4 {
		if err := c.writer.WriteWindowUpdate(0, c.consumed); err != nil {
			return err
		}
		c.consumed = 0
	}
	x.partial = append(x.partial, body...)
	for len(x.partial) >= 5 {
		n := 5 + int(binary.BigEndian.Uint32(x.partial[1:]))
		if len(x.partial) < n {
			break
		}
		if err := c.answered(x, x.partial[5:n]); err != nil {
			return err
		}
		x.partial = append(x.partial[:0], x.partial[n:]...)
	}
	return nil
}

// answered checks an answer and sends the next message.
func (c *client) answered(x *exchange, answer []byte) error {
	x.got++
	if c.load.verify != nil {
		x.answers = append(x.answers, slices.Clone(answer))
	}
	switch n := len(x.script.messages); {
	case x.got < n:
		return c.send(data{x.id, x.script.messages[x.got], false})
	case x.got > n:
		return fmt.Errorf("%d answers to %d messages", x.got, n)
	}
	if c.recording.Load() {
		c.latencies = append(c.latencies, time.Since(x.due))
	}
	if c.load.method == checkMethod {
		return nil // the request has ended with its message
	}
	return c.send(data{x.id, nil, true})
}

// end handles the trailers of a stream.
func (c *client) end(id uint32) error {
	x := c.open[id]
	if x == nil || x.got < len(x.script.messages) || c.status != "0" {
		return fmt.Errorf("stream %d ended early, or with status %q", id, c.status)
	}
	delete(c.open, id)
	if c.load.verify != nil {
		if err := c.load.verify(*x.script, x.answers); err != nil {
			return err
		}
	}
	if c.load.rate > 0 {
		c.idle = append(c.idle, x)
		return nil
	}
	return c.begin(x, time.Now())
}

// pace begins exchanges at random moments, whether others have ended or not. A server that
// stalls gets as many requests as one that does not.
func (c *client) pace(rate float64) error {
	rng := rand.New(rand.NewPCG(1, uint64(c.next)))
	due := time.Now()
	for !c.stopping.Load() {
		due = due.Add(time.Duration(rng.ExpFloat64() / rate * float64(time.Second)))
		if d := time.Until(due); d > 20*time.Microsecond {
			time.Sleep(d)
		}
		c.mu.Lock()
		n := len(c.idle)
		if n == 0 {
			c.mu.Unlock()
			return errors.New("the server does not keep up with the rate")
		}
		x := c.idle[n-1]
		c.idle = c.idle[:n-1]
		err := errors.Join(c.begin(x, due), c.out.Flush())
		c.mu.Unlock()
		if err != nil && !c.stopping.Load() {
			return err
		}
	}
	return nil
}
