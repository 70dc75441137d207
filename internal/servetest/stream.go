package servetest

import (
	"errors"
	"io"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

// Stream is an ext_proc stream to a server.
type Stream struct {
	T testing.TB
	extprocv3.ExternalProcessor_ProcessClient
}

// Exchange sends a message and returns the answer.
func (s Stream) Exchange(m *extprocv3.ProcessingRequest) *extprocv3.ProcessingResponse {
	s.T.Helper()
	if err := Sent(s.Send(m)); err != nil {
		s.T.Fatal(err)
	}
	answer, err := s.Recv()
	if err != nil {
		s.T.Fatal(err)
	}
	return answer
}

// Sent returns an error of Send, nil if the server has ended the stream already: Recv returns the
// reason.
func Sent(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// End half-closes the stream, as Envoy does.
func (s Stream) End() {
	s.T.Helper()
	if err := s.CloseSend(); err != nil {
		s.T.Fatal(err)
	}
	if m, err := s.Recv(); !errors.Is(err, io.EOF) {
		s.T.Fatalf("at the end: %v, %v", m, err)
	}
}

// RequestOf returns the message of a page's request.
func RequestOf(origin string) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{
		RequestHeaders: &extprocv3.HttpHeaders{
			Headers: Headers(":method", "GET", ":scheme", "https", ":authority", "api.shop.example", ":path", "/",
				"origin", origin),
		},
	}}
}

// Response returns the message of a plain response.
func Response() *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{
		ResponseHeaders: &extprocv3.HttpHeaders{Headers: Headers(":status", "200")},
	}}
}

// Headers returns the headers with these names and values.
func Headers(namesAndValues ...string) *corev3.HeaderMap {
	m := &corev3.HeaderMap{}
	for i := 0; i < len(namesAndValues); i += 2 {
		name, value := namesAndValues[i], namesAndValues[i+1]
		m.Headers = append(m.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	return m
}

// AllowOrigin returns the Access-Control-Allow-Origin that an answer sets, "" if none.
func AllowOrigin(m *extprocv3.ProcessingResponse) string {
	for _, h := range m.GetResponseHeaders().GetResponse().GetHeaderMutation().GetSetHeaders() {
		if h.GetHeader().GetKey() == "access-control-allow-origin" {
			return string(h.GetHeader().GetRawValue())
		}
	}
	return ""
}
