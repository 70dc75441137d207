package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// bidi is a connection that speaks WebDriver BiDi: numbered commands, each with one answer, and
// events in between.
// https://w3c.github.io/webdriver-bidi/
type bidi struct {
	conn   *websocket.Conn
	event  func(method string, params json.RawMessage)
	closed chan struct{}

	mu      sync.Mutex
	err     error // the reason why it is closed
	last    int
	waiting map[int]chan answer
}

// answer is the answer to a command, or an event.
type answer struct {
	ID      int             `json:"id"`
	Type    string          `json:"type"` // success, error or event
	Result  json.RawMessage `json:"result"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

// dialBiDi connects. It calls event for each event, one after the other.
func dialBiDi(ctx context.Context, url string, event func(string, json.RawMessage)) (*bidi, error) {
	conn, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(64 << 20)
	b := &bidi{conn: conn, event: event, closed: make(chan struct{}), waiting: map[int]chan answer{}}
	go b.read()
	return b, nil
}

func (b *bidi) read() {
	defer close(b.closed)
	for {
		var a answer
		if err := wsjson.Read(context.Background(), b.conn, &a); err != nil {
			b.mu.Lock()
			b.err = err
			b.mu.Unlock()
			return
		}
		if a.Type == "event" {
			b.event(a.Method, a.Params)
			continue
		}
		b.mu.Lock()
		waiting := b.waiting[a.ID]
		delete(b.waiting, a.ID)
		b.mu.Unlock()
		if waiting != nil {
			waiting <- a
		}
	}
}

// do sends a command, and stores its result in result if that is not nil.
func (b *bidi) do(ctx context.Context, method string, params, result any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id, waiting := b.expect()
	command := map[string]any{"id": id, "method": method, "params": params}
	if err := wsjson.Write(ctx, b.conn, command); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case a := <-waiting:
		if a.Type != "success" {
			return fmt.Errorf("%s: %s: %s", method, a.Error, a.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(a.Result, result)
	case <-b.closed:
		return fmt.Errorf("%s: the connection is closed: %w", method, b.err)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

func (b *bidi) expect() (int, chan answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	waiting := make(chan answer, 1)
	b.waiting[b.last] = waiting
	return b.last, waiting
}

// close closes the connection, without a close frame.
func (b *bidi) close() {
	_ = b.conn.CloseNow()
	<-b.closed
}
