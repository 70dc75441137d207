package modulehost

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"
)

// The bounds of a connection to the admin port.
const (
	adminTime         = 5 * time.Second // for the request and its response
	maxAdminRequest   = 16 << 10        // bytes
	adminAcceptPeriod = time.Second     // after a connection that could not be accepted
)

// adminServer serves a handler, one request on each connection. It stands in for [http.Server], which brings HTTP/2
// and TLS with it: a fifth of the library, in a process that has both.
type adminServer struct {
	listener net.Listener
	handler  http.Handler
	logger   *slog.Logger
}

// serve serves until the listener is closed.
func (s *adminServer) serve() {
	for {
		c, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // too many open files
			s.logger.Error("a connection to the admin port cannot be accepted", "error", err)
			time.Sleep(adminAcceptPeriod)
		default:
			go s.answer(c)
		}
	}
}

// answer reads a request and writes the response. A panic would end Envoy, so it ends the connection instead.
func (s *adminServer) answer(c net.Conn) {
	defer c.Close()
	defer func() {
		if p := recover(); p != nil {
			s.logger.Error("panic on the admin port", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	_ = c.SetDeadline(time.Now().Add(adminTime))
	page := page{status: http.StatusOK, header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
	request, err := http.ReadRequest(bufio.NewReader(io.LimitReader(c, maxAdminRequest)))
	if err == nil {
		s.handler.ServeHTTP(&page, request)
	} else {
		http.Error(&page, "This is not an HTTP/1.1 request: "+err.Error(), http.StatusBadRequest)
	}
	response := http.Response{
		ProtoMajor: 1, ProtoMinor: 1, StatusCode: page.status, Header: page.header, Request: request, Close: true,
		Body: io.NopCloser(&page.body), ContentLength: int64(page.body.Len()),
	}
	_ = response.Write(c)
}

// page implements [http.ResponseWriter].
type page struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (p *page) Header() http.Header         { return p.header }
func (p *page) WriteHeader(status int)      { p.status = status }
func (p *page) Write(b []byte) (int, error) { return p.body.Write(b) }
