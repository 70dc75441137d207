package rawhttp_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/websocket"

	"github.com/corsd/corsd/test/harness/app/upstream"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// serve runs a handler on a free port and returns its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go upstream.Serve(t.Context(), l, h)
	return l.Addr().String()
}

func TestBothProtocolsShowWhatWasSent(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Access-Control-Got"] = r.Header["Origin"]
		w.Header()["Vary"] = []string{r.Host}
		w.WriteHeader(418)
		w.Write([]byte("short and stout"))
	})
	r := rawhttp.Request{
		Method: "GET", Authority: "api.example", Path: "/a",
		Header: []rawhttp.Field{{Name: "Origin", Value: "one"}, {Name: "Origin", Value: "\xff"}},
	}
	for _, p := range []rawhttp.Protocol{rawhttp.HTTP1, rawhttp.HTTP2} {
		t.Run(string(p), func(t *testing.T) {
			got, err := p.Do(t.Context(), address, r)
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != 418 || string(got.Body) != "short and stout" {
				t.Errorf("%d %q", got.Status, got.Body)
			}
			want := []string{"access-control-got: one", "access-control-got: \xff", "vary: api.example"}
			if diff := cmp.Diff(want, got.CORS()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBodiesEndWhereTheyShould(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunked":
			w.(http.Flusher).Flush()
			w.Write([]byte("in "))
			w.(http.Flusher).Flush()
			w.Write([]byte("pieces"))
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Write([]byte("whole"))
		}
	})
	for _, tt := range []struct {
		name string
		r    rawhttp.Request
		want string
	}{
		{"a body of a given length", rawhttp.Request{Method: "GET", Path: "/"}, "whole"},
		{"a body in chunks", rawhttp.Request{Method: "GET", Path: "/chunked"}, "in pieces"},
		{"no body after a 204", rawhttp.Request{Method: "GET", Path: "/empty"}, ""},
		{"no body after a 204 on a connection that ends", rawhttp.Request{Method: "GET", Path: "/empty", Close: true}, ""},
		{"no body for HEAD", rawhttp.Request{Method: "HEAD", Path: "/"}, ""},
		{"a body on a connection that ends", rawhttp.Request{Method: "GET", Path: "/", Close: true}, "whole"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.r.Authority = "api.example"
			got, err := rawhttp.HTTP1.Do(t.Context(), address, tt.r)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Body) != tt.want {
				t.Errorf("body %q, want %q", got.Body, tt.want)
			}
		})
	}
}

func TestWebSocketIsAnsweredThrough(t *testing.T) {
	address := serve(t, websocket.Handler(func(c *websocket.Conn) {
		var text string
		websocket.Message.Receive(c, &text)
		websocket.Message.Send(c, "you said "+text)
	}).ServeHTTP)
	r := rawhttp.Request{
		Method: "GET", Authority: "api.example", Path: "/", Text: "ping",
		Header: []rawhttp.Field{{Name: "Origin", Value: "http://api.example"}},
	}
	got, err := rawhttp.HTTP1.Do(t.Context(), address, r)
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != 101 || string(got.Body) != "you said ping" {
		t.Errorf("%d %q", got.Status, got.Body)
	}
}

func TestRawShowsEverything(t *testing.T) {
	address := serve(t, func(http.ResponseWriter, *http.Request) {})
	got, err := rawhttp.Raw(t.Context(), address, "GET / HTTP/1.1\r\nno colon here\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got, "HTTP/1.1 400 Bad Request") {
		t.Errorf("%q", got)
	}
}
