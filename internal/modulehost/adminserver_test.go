package modulehost

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsd/corsd/internal/servetest"
)

// pages answers with the path of a request, and panics for /panic.
var pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/panic" {
		panic("on purpose")
	}
	_, _ = io.WriteString(w, r.URL.Path+"\n")
})

// TestAdminServer: a client gets a whole response and the end of its connection, whatever it sends.
func TestAdminServer(t *testing.T) {
	t.Parallel()
	log := &servetest.Log{}
	s := adminServer{handler: pages, logger: slog.New(slog.NewJSONHandler(log, nil))}
	for _, row := range []struct{ request, status, body string }{
		{"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n", "200 OK", "/a\n"},
		{"GET /a HTTP/1.0\r\n\r\n", "200 OK", "/a\n"},
		{"HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n", "200 OK", ""},
		{"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "200 OK", "/a\n"},
		{"hello\r\n\r\n", "400 Bad Request", "This is not an HTTP/1.1 request: malformed HTTP request \"hello\"\n"},
		{"GET /panic HTTP/1.1\r\nHost: localhost\r\n\r\n", "", ""},
	} {
		client, server := net.Pipe()
		go s.answer(server)
		go func() { _, _ = io.WriteString(client, row.request) }()
		method, _, _ := strings.Cut(row.request, " ")
		response, err := http.ReadResponse(bufio.NewReader(client), &http.Request{Method: method})
		if row.status == "" {
			if err == nil {
				t.Errorf("%q is answered with %s", row.request, response.Status)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%q: %v", row.request, err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if response.Status != row.status || string(body) != row.body || err != nil || !response.Close {
			t.Errorf("%q is answered with %s %q, closed: %v, %v", row.request, response.Status, body, response.Close, err)
		}
		if got := response.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
			t.Errorf("%q is answered with the type %q", row.request, got)
		}
	}
	if lines := log.Entries(t, "panic on the admin port"); len(lines) != 1 || lines[0]["panic"] != "on purpose" {
		t.Errorf("logged %v", lines)
	}
}

// TestAdminBounds: neither a slow client nor a long request holds a connection.
func TestAdminBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := adminServer{handler: pages, logger: slog.New(slog.DiscardHandler)}
		client, server := net.Pipe()
		go s.answer(server)
		began := time.Now()
		if got, err := io.ReadAll(client); err != nil || time.Since(began) != adminTime {
			t.Errorf("a silent client gets %q, %v after %s", got, err, time.Since(began))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := adminServer{handler: pages, logger: slog.New(slog.DiscardHandler)}
		client, server := net.Pipe()
		go s.answer(server)
		sent := make(chan int64)
		go func() {
			n, _ := io.Copy(client, io.MultiReader(strings.NewReader("GET /"), endless{}))
			sent <- n
		}()
		answer, _ := io.ReadAll(client)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
			t.Errorf("a long request is answered with %q", answer)
		}
		client.Close()
		if n := <-sent; n > 2*maxAdminRequest {
			t.Errorf("%d bytes are read", n)
		}
	})
}

// endless is text without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	return copy(b, "aaaaaaaaaaaaaaaa"), nil
}

// failing accepts nothing, and is closed after some attempts.
type failing struct {
	net.Listener
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left--; f.left < 0 {
		return nil, net.ErrClosed
	}
	return nil, syscall.EMFILE
}

// TestAdminAccepts: while no connection can be accepted, the server tries again, at a rate that leaves time for others.
func TestAdminAccepts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &servetest.Log{}
		s := adminServer{listener: &failing{left: 3}, logger: slog.New(slog.NewJSONHandler(log, nil))}
		began := time.Now()
		s.serve()
		if lines := log.Entries(t, "a connection to the admin port cannot be accepted"); len(lines) != 3 || time.Since(began) != 3*adminAcceptPeriod {
			t.Errorf("in %s logged %v", time.Since(began), lines)
		}
	})
}
