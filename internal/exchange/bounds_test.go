package exchange

import (
	"bytes"
	"log/slog"
	"strconv"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
)

// TestKeptBuffers: End keeps buffers of the usual size, and drops those that are far larger.
func TestKeptBuffers(t *testing.T) {
	engine := &policy.Engine{}
	s, err := New(Options{Engine: func() *policy.Engine { return engine }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		why  string
		fill func(*Exchange)
		kept bool
	}{
		{"a usual response", func(x *Exchange) { x.upstream = make([]policy.Field, 0, maxKept) }, true},
		{"room for one more header", func(x *Exchange) { x.upstream = make([]policy.Field, 0, maxKept+1) }, false},
		{"names to remove", func(x *Exchange) { x.response.Remove = make([]string, 0, maxKept+1) }, false},
		{"a usual request", func(x *Exchange) { x.text.values = make([]byte, 0, maxKeptText) }, true},
		{"a byte more", func(x *Exchange) { x.text.values = make([]byte, 0, maxKeptText+1) }, false},
		{"lines of a request", func(x *Exchange) { x.text.picks = make([]pick, 0, maxKept+1) }, false},
	} {
		var x Exchange
		x.Begin(t.Context(), s)
		row.fill(&x)
		x.End()
		kept := cap(x.upstream)+cap(x.response.Remove)+cap(x.text.values)+cap(x.text.picks) > 0
		if kept != row.kept {
			t.Errorf("%s: kept %v", row.why, kept)
		}
	}
}

// TestExchangeAllocates: an exchange allocates the text of its request once, whatever it has, and
// nothing for its response.
func TestExchangeAllocates(t *testing.T) {
	engine := &policy.Engine{}
	s, err := New(Options{
		Engine: func() *policy.Engine { return engine }, Logger: slog.New(slog.DiscardHandler), Observers: []Observer{Discard{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names, values [][]byte
	for i := range 30 {
		names, values = append(names, []byte("x-header-"+strconv.Itoa(i))), append(values, bytes.Repeat([]byte("v"), 20))
	}
	names = append(names, []byte(":authority"), []byte("origin"), []byte(":path"))
	values = append(values, []byte("a.example"), []byte("https://a.example"), []byte("/"))
	vary, accept := []byte("vary"), []byte("accept")
	var x Exchange
	n := testing.AllocsPerRun(100, func() {
		x.Begin(t.Context(), s)
		for i := range names {
			x.AddHeader(names[i], values[i])
		}
		x.Decide(RequestResponse)
		if _, ok := x.Respond(); ok {
			t.Fatal("answered")
		}
		x.Continue()
		x.ResetResponse()
		x.AddResponseHeader(vary, accept)
		x.Edit()
		x.End()
	})
	if n > 1 {
		t.Errorf("%v allocations", n)
	}
}
