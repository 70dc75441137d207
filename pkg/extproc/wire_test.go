package extproc_test

import (
	"maps"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsd/corsd/internal/exchange/exchangetest"
)

// Messages in the words of a row. What Envoy sends:
type (
	sent   = *extprocv3.ProcessingRequest
	answer = *extprocv3.ProcessingResponse
)

// The words of a row.
const (
	page          = exchangetest.Page
	evil          = exchangetest.Evil
	junk          = exchangetest.Junk
	null          = exchangetest.Null
	acao          = exchangetest.AllowOrigin
	acaoAny       = exchangetest.AllowAny
	acac          = exchangetest.AllowCredentials
	acam          = exchangetest.AllowMethods
	acah          = exchangetest.AllowHeaders
	acma          = exchangetest.MaxAge
	aceh          = exchangetest.ExposeHeaders
	varyOrigin    = exchangetest.VaryOrigin
	varyPreflight = exchangetest.VaryPreflight
)

type why = exchangetest.Why

var (
	allowed    = exchangetest.Allowed
	refused    = exchangetest.Refused
	notCORS    = exchangetest.NotCORS
	public     = exchangetest.Public
	publicNone = exchangetest.PublicNone
	noPolicy   = exchangetest.NoPolicy
)

const varyPublic = "vary: Access-Control-Request-Method, Access-Control-Request-Headers"

// get, do and preflight are request headers as Envoy sends them. url is a host
// and a path.
func get(url string, lines ...string) sent { return do("GET", url, lines...) }

func do(method, url string, lines ...string) sent {
	return requestHeaders(slices.Concat(exchangetest.Pseudo(method, url), lines)...)
}

func preflight(url, method string, lines ...string) sent {
	return do("OPTIONS", url, slices.Concat(lines, []string{"access-control-request-method: " + method})...)
}

func webSocket(url string, lines ...string) sent {
	return get(url, slices.Concat(lines, []string{"connection: Upgrade", "upgrade: websocket"})...)
}

func requestHeaders(lines ...string) sent {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{
		RequestHeaders: &extprocv3.HttpHeaders{Headers: exchangetest.HeaderMap(lines)},
	}}
}

// responds is upstream's response with a status and header lines.
func responds(status string, lines ...string) sent {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{
		ResponseHeaders: &extprocv3.HttpHeaders{Headers: exchangetest.HeaderMap(append([]string{":status: " + status}, lines...))},
	}}
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

// observed is a message of observability_mode, in which Envoy ignores answers.
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
		RequestTrailers: &extprocv3.HttpTrailers{Trailers: exchangetest.HeaderMap([]string{"x-sum: 1"})},
	}}
	responseTrailers = &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseTrailers{
		ResponseTrailers: &extprocv3.HttpTrailers{Trailers: exchangetest.HeaderMap([]string{"grpc-status: 0"})},
	}}
)

// corsd's answers. They have no other fields: values are in raw_value, append and append_action are
// unset, and there is no body.

// reports adds the dynamic metadata of the decision.
func reports(w why, a answer) answer {
	a.DynamicMetadata = &structpb.Struct{Fields: map[string]*structpb.Value{"corsd": structpb.NewStructValue(w.Fields())}}
	return a
}

// awaits lets the request continue, and requests the response.
func awaits(w why) answer { return proceeds(w, modev3.ProcessingMode_SEND) }

// ends lets the request continue and needs no response. The virtual host sets the lines.
func ends(w why, ahead ...string) answer {
	a := proceeds(w, modev3.ProcessingMode_SKIP)
	for _, line := range ahead {
		name, value := exchangetest.Field(line)
		a.DynamicMetadata.Fields["corsd"].GetStructValue().Fields[strings.TrimPrefix(name, "access-control-")] = structpb.NewStringValue(value)
	}
	return a
}

func proceeds(w why, mode modev3.ProcessingMode_HeaderSendMode) answer {
	a := untouchedRequest()
	a.ModeOverride = &modev3.ProcessingMode{ResponseHeaderMode: mode}
	return reports(w, a)
}

// replies is an answer in the application's place.
func replies(w why, status int, lines ...string) answer {
	return reports(w, &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{
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
		name, value := exchangetest.Field(line)
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

func sorted(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }
