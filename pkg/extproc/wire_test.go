package extproc_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
)

// Messages in the words of a row. What Envoy sends:
type (
	sent   = *extprocv3.ProcessingRequest
	answer = *extprocv3.ProcessingResponse
)

// Who asks.
const (
	page = "origin: https://www.shop.example" // allowed
	evil = "origin: https://evil.example"     // not allowed
	junk = "origin: https://\xff\xfe.example" // not UTF-8
	null = "origin: null"                     // not allowed
)

// Header lines of the answers.
const (
	acao          = "access-control-allow-origin: https://www.shop.example"
	acaoAny       = "access-control-allow-origin: *"
	acac          = "access-control-allow-credentials: true"
	acam          = "access-control-allow-methods: GET, PUT, DELETE"
	acah          = "access-control-allow-headers: Content-Type, X-Trace"
	acma          = "access-control-max-age: 600"
	aceh          = "access-control-expose-headers: ETag"
	varyOrigin    = "vary: Origin"
	varyPreflight = "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
	varyPublic    = "vary: Access-Control-Request-Method, Access-Control-Request-Headers"
)

// get, do and preflight are request headers as Envoy sends them. url is a host
// and a path.
func get(url string, lines ...string) sent { return do("GET", url, lines...) }

func do(method, url string, lines ...string) sent {
	return requestHeaders(slices.Concat(pseudo(method, url), lines)...)
}

func preflight(url, method string, lines ...string) sent {
	return do("OPTIONS", url, slices.Concat(lines, []string{"access-control-request-method: " + method})...)
}

func webSocket(url string, lines ...string) sent {
	return get(url, slices.Concat(lines, []string{"connection: Upgrade", "upgrade: websocket"})...)
}

func pseudo(method, url string) []string {
	host, path, _ := strings.Cut(url, "/")
	return []string{":method: " + method, ":scheme: https", ":authority: " + host, ":path: /" + path}
}

func requestHeaders(lines ...string) sent {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{
		RequestHeaders: &extprocv3.HttpHeaders{Headers: headerMap(lines)},
	}}
}

// responds is upstream's response with a status and header lines.
func responds(status string, lines ...string) sent {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{
		ResponseHeaders: &extprocv3.HttpHeaders{Headers: headerMap(append([]string{":status: " + status}, lines...))},
	}}
}

func headerMap(lines []string) *corev3.HeaderMap {
	m := &corev3.HeaderMap{}
	for _, line := range lines {
		name, value := field(line)
		m.Headers = append(m.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	return m
}

// field takes "name: value" apart. The name of a pseudo-header begins with a colon.
func field(line string) (name, value string) {
	end := 1 + strings.Index(line[1:], ":")
	return line[:end], strings.TrimPrefix(line[end+1:], " ")
}

// inValue moves every header into value, as older versions of Envoy send it.
func inValue(m sent) sent {
	m = proto.CloneOf(m)
	headers := m.GetRequestHeaders().GetHeaders().GetHeaders()
	headers = append(headers, m.GetResponseHeaders().GetHeaders().GetHeaders()...)
	for _, h := range headers {
		h.Value, h.RawValue = string(h.RawValue), nil
	}
	return m
}

// inBoth has another value in value than in raw_value.
func inBoth(m sent, value string) sent {
	m = proto.CloneOf(m)
	for _, h := range m.GetRequestHeaders().GetHeaders().GetHeaders() {
		h.Value = value
	}
	return m
}

// observed is a message of observability_mode, in which Envoy takes no answers.
func observed(m sent) sent {
	m = proto.CloneOf(m)
	m.ObservabilityMode = true
	return m
}

// described adds attributes, as response_attributes has Envoy send them.
func described(m sent, attributes map[string]string) sent {
	m = proto.CloneOf(m)
	fields := map[string]*structpb.Value{}
	for name, value := range attributes {
		fields[name] = structpb.NewStringValue(value)
	}
	m.Attributes = map[string]*structpb.Struct{"envoy.filters.http.ext_proc": {Fields: fields}}
	return m
}

var (
	unknown     = &extprocv3.ProcessingRequest{}
	requestBody = &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestBody{
		RequestBody: &extprocv3.HttpBody{Body: []byte("body"), EndOfStream: true},
	}}
	responseBody = &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseBody{
		ResponseBody: &extprocv3.HttpBody{Body: []byte("body"), EndOfStream: true},
	}}
	requestTrailers = &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestTrailers{
		RequestTrailers: &extprocv3.HttpTrailers{Trailers: headerMap([]string{"x-sum: 1"})},
	}}
	responseTrailers = &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseTrailers{
		ResponseTrailers: &extprocv3.HttpTrailers{Trailers: headerMap([]string{"grpc-status: 0"})},
	}}
)

// What corsd answers. An answer has nothing but what is written here: values in
// raw_value, append and append_action unset, no body.

// why is a decision: verdict, reason, policy and rule.
type why [4]string

func (w why) fields() *structpb.Struct {
	s := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for i, name := range []string{"verdict", "reason", "policy", "rule"} {
		s.Fields[name] = structpb.NewStringValue(w[i])
	}
	return s
}

// said adds the dynamic metadata of the decision.
func (w why) said(a answer) answer {
	a.DynamicMetadata = &structpb.Struct{Fields: map[string]*structpb.Value{"corsd": structpb.NewStructValue(w.fields())}}
	return a
}

// asks lets the request go on, and asks for the response.
func asks(w why) answer { return proceeds(w, modev3.ProcessingMode_SEND) }

// ends lets the request go on, and has seen enough: the virtual host sets the lines.
func ends(w why, ahead ...string) answer {
	a := proceeds(w, modev3.ProcessingMode_SKIP)
	for _, line := range ahead {
		name, value := field(line)
		a.DynamicMetadata.Fields["corsd"].GetStructValue().Fields[strings.TrimPrefix(name, "access-control-")] = structpb.NewStringValue(value)
	}
	return a
}

func proceeds(w why, mode modev3.ProcessingMode_HeaderSendMode) answer {
	a := untouchedRequest()
	a.ModeOverride = &modev3.ProcessingMode{ResponseHeaderMode: mode}
	return w.said(a)
}

// replies is an answer in the application's place.
func replies(w why, status int, lines ...string) answer {
	return w.said(&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{
		ImmediateResponse: &extprocv3.ImmediateResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(status)},
			Headers: &extprocv3.HeaderMutation{SetHeaders: setHeaders(lines)},
			Details: "corsd_" + w[1],
		},
	}})
}

// changes is a response with headers set and others removed.
func changes(removed []string, lines ...string) answer {
	a := untouchedResponse()
	a.GetResponseHeaders().Response = &extprocv3.CommonResponse{
		HeaderMutation: &extprocv3.HeaderMutation{RemoveHeaders: removed, SetHeaders: setHeaders(lines)},
	}
	return a
}

func setHeaders(lines []string) []*corev3.HeaderValueOption {
	var set []*corev3.HeaderValueOption
	for _, line := range lines {
		name, value := field(line)
		set = append(set, &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, RawValue: []byte(value)}})
	}
	return set
}

func untouchedRequest() answer {
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}}}
}

func untouchedResponse() answer {
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{}}}
}

func untouchedRequestBody() answer {
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestBody{RequestBody: &extprocv3.BodyResponse{}}}
}

func untouchedResponseBody() answer {
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseBody{ResponseBody: &extprocv3.BodyResponse{}}}
}

func untouchedRequestTrailers() answer {
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestTrailers{RequestTrailers: &extprocv3.TrailersResponse{}}}
}

func untouchedResponseTrailers() answer {
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseTrailers{ResponseTrailers: &extprocv3.TrailersResponse{}}}
}

// equal compares answers as a whole. The order of headers means nothing.
func equal[T any](t *testing.T, want, got T) {
	t.Helper()
	diff := cmp.Diff(want, got, protocmp.Transform(),
		protocmp.SortRepeated(func(a, b *corev3.HeaderValueOption) bool { return a.GetHeader().GetKey() < b.GetHeader().GetKey() }),
		protocmp.SortRepeatedFields(&extprocv3.HeaderMutation{}, "remove_headers"))
	if diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

// Decisions that many rows come to.
var (
	allowed    = why{"allow", "allowed", "shop", ""}
	refused    = why{"deny", "origin_not_allowed", "shop", ""}
	notCORS    = why{"none", "not_cors", "shop", ""}
	public     = why{"allow", "allowed", "shop", "catalogue"}
	publicNone = why{"none", "not_cors", "shop", "catalogue"}
	noPolicy   = why{"none", "no_policy", "", ""}
)

// by is the same decision of another policy.
func (w why) by(policy string) why { w[2] = policy; return w }

func sorted(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }
