package extproc_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// asked gives the answer of ext_authz.
func (b *bench) asked(t testing.TB, r *authv3.CheckRequest) *authv3.CheckResponse {
	t.Helper()
	got, err := b.check(func(m any) error { return receive(r, m, b.unusual) })
	if err != nil {
		t.Fatal(err)
	}
	response := &authv3.CheckResponse{}
	if err := deliver(got, response); err != nil {
		t.Fatal(err)
	}
	return response
}

// checkRequest is a request as Envoy sends it with encode_raw_headers: pseudo-headers
// are in the header map too.
func checkRequest(method, url string, lines ...string) *authv3.CheckRequest {
	lines = slices.Concat(pseudo(method, url), lines)
	r := bareCheckRequest(lines)
	r.Attributes.Request.Http.HeaderMap = headerMap(lines)
	return r
}

// joined is the request as Envoy sends it without encode_raw_headers: one value for
// each name.
func joined(r *authv3.CheckRequest) *authv3.CheckRequest {
	r = proto.CloneOf(r)
	http := r.Attributes.Request.Http
	http.Headers = map[string]string{}
	for _, h := range http.HeaderMap.Headers {
		if before, repeated := http.Headers[h.Key]; repeated {
			http.Headers[h.Key] = before + "," + string(h.RawValue)
		} else {
			http.Headers[h.Key] = string(h.RawValue)
		}
	}
	http.HeaderMap = nil
	return r
}

func bareCheckRequest(lines []string) *authv3.CheckRequest {
	http := &authv3.AttributeContext_HttpRequest{Protocol: "HTTP/1.1"}
	for _, line := range lines {
		switch name, value := field(line); name {
		case ":method":
			http.Method = value
		case ":scheme":
			http.Scheme = value
		case ":authority":
			http.Host = value
		case ":path":
			http.Path = value
		}
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: http}}}
}

// selecting adds the route's context extension.
func selecting(r *authv3.CheckRequest, selector string) *authv3.CheckRequest {
	r.Attributes.ContextExtensions = map[string]string{"corsd-policy": selector}
	return r
}

// passes lets the request go on, and adds lines to the response: append is false,
// since unset it means to append.
func passes(w why, lines ...string) *authv3.CheckResponse {
	ok := &authv3.OkHttpResponse{}
	for _, line := range lines {
		name, value := field(line)
		ok.ResponseHeadersToAdd = append(ok.ResponseHeadersToAdd, &corev3.HeaderValueOption{
			Header: &corev3.HeaderValue{Key: name, Value: value},
			Append: wrapperspb.Bool(false), //nolint:staticcheck // deprecated, and what every version of Envoy goes by
		})
	}
	return &authv3.CheckResponse{
		Status:          &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse:    &authv3.CheckResponse_OkResponse{OkResponse: ok},
		DynamicMetadata: w.fields(),
	}
}

// denies answers in the application's place: append is unset, since Envoy drops
// a header that has it set to true.
func denies(w why, status int, lines ...string) *authv3.CheckResponse {
	denied := &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: typev3.StatusCode(status)}}
	for _, line := range lines {
		name, value := field(line)
		denied.Headers = append(denied.Headers, &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, Value: value}})
	}
	return &authv3.CheckResponse{
		Status:          &rpcstatus.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse:    &authv3.CheckResponse_DeniedResponse{DeniedResponse: denied},
		DynamicMetadata: w.fields(),
	}
}

// TestCheck is ext_authz. It never sets Vary on a response, which is the route's,
// and sees nothing of what upstream sends.
func TestCheck(t *testing.T) {
	rows := []struct {
		name string // a sentence
		sent *authv3.CheckRequest
		want *authv3.CheckResponse
	}{
		{
			"an allowed origin may read", checkRequest("GET", "api.shop.example/cart", page),
			passes(allowed, acao, acac, aceh),
		},
		{
			"an allowed origin may read, without encode_raw_headers", joined(checkRequest("GET", "api.shop.example/cart", page)),
			passes(allowed, acao, acac, aceh),
		},
		{"a refused origin may not", checkRequest("GET", "api.shop.example/cart", evil), passes(refused)},
		{"a request without an Origin", checkRequest("GET", "api.shop.example/cart"), passes(notCORS)},
		{
			"a public rule lets everyone read", checkRequest("GET", "api.shop.example/catalogue?x=1", evil),
			passes(public, acaoAny, "access-control-expose-headers: X-Total"),
		},
		{
			"a page of the host itself needs no grant", checkRequest("GET", "api.shop.example/cart", "origin: https://api.shop.example"),
			passes(why{"none", "same_origin", "shop", ""}),
		},
		{
			"an Origin that is not UTF-8 is malformed", checkRequest("GET", "api.shop.example/cart", junk),
			passes(why{"deny", "origin_malformed", "shop", ""}),
		},
		{
			"an Origin that Envoy rewrote is malformed", joined(checkRequest("GET", "api.shop.example/cart", "origin: https://!!.example")),
			passes(why{"deny", "origin_malformed", "shop", ""}),
		},
		{
			"two lines of Origin are malformed", checkRequest("GET", "api.shop.example/cart", page, page),
			passes(why{"deny", "origin_malformed", "shop", ""}),
		},
		{
			"two lines of Origin that Envoy joined are malformed", joined(checkRequest("GET", "api.shop.example/cart", page, page)),
			passes(why{"deny", "origin_malformed", "shop", ""}),
		},
		{
			"a preflight's answer is a denial to Envoy", checkRequest("OPTIONS", "api.shop.example/cart", page, "access-control-request-method: PUT"),
			denies(allowed, 204, acao, acac, acam, acah, acma, aceh, varyPreflight),
		},
		{
			"two lines of requested headers are one list",
			checkRequest("OPTIONS", "api.shop.example/cart", page, "access-control-request-method: PUT",
				"access-control-request-headers: content-type", "access-control-request-headers: x-trace"),
			denies(allowed, 204, acao, acac, acam, acah, acma, aceh, varyPreflight),
		},
		{
			"a refused preflight", checkRequest("OPTIONS", "api.shop.example/cart", evil, "access-control-request-method: PUT"),
			denies(refused, 403, varyPreflight),
		},
		{
			"a preflight that lacks a method", joined(checkRequest("OPTIONS", "api.shop.example/cart", page, "access-control-request-method: PATCH")),
			denies(why{"deny", "method_not_allowed", "shop", ""}, 204, acao, acac, acam, acah, varyPreflight),
		},
		{
			"a forwarded preflight", checkRequest("OPTIONS", "forward.shop.example/", page, "access-control-request-method: PUT"),
			passes(allowed.by("forward"), acao, "access-control-allow-methods: PUT"),
		},
		{"Block refuses", checkRequest("GET", "block.shop.example/", evil), denies(refused.by("block"), 403, varyOrigin)},
		{"Block lets an allowed origin through", checkRequest("GET", "block.shop.example/", page), passes(allowed.by("block"), acao)},
		{
			"a checked WebSocket is refused", checkRequest("GET", "block.shop.example/", evil, "upgrade: websocket"),
			denies(refused.by("block"), 403, varyOrigin),
		},
		{
			"a checked WebSocket is refused by extended CONNECT", checkRequest("CONNECT", "block.shop.example/", ":protocol: websocket", evil),
			denies(refused.by("block"), 403, varyOrigin),
		},
		{
			"a WebSocket that is not checked passes", checkRequest("GET", "api.shop.example/cart", evil, "upgrade: websocket"),
			passes(why{"none", "origin_not_allowed", "shop", ""}),
		},
		{"Shadow changes nothing", checkRequest("GET", "shadow.shop.example/", page), passes(allowed.by("shadow"))},
		{
			"Shadow answers no preflight", checkRequest("OPTIONS", "shadow.shop.example/", evil, "access-control-request-method: PUT"),
			passes(refused.by("shadow")),
		},
		{"Disabled decides nothing", checkRequest("GET", "off.shop.example/", page), passes(why{"none", "disabled", "off", ""})},
		{"Preserve is as Override", checkRequest("GET", "preserve.shop.example/", page), passes(allowed.by("preserve"), acao)},
		{"Merge is as Override", checkRequest("GET", "merge.shop.example/", page), passes(allowed.by("merge"), acao, aceh)},
		{"expandExposeHeaders adds nothing", checkRequest("GET", "expand.shop.example/", page), passes(allowed.by("expand"), acao, acac)},
		{"what no rule takes is refused", checkRequest("GET", "strict.shop.example/", page), passes(why{"deny", "no_rule", "strict", ""})},
		{"an ambiguous path is refused", checkRequest("GET", "api.shop.example/a;b", page), passes(why{"deny", "path_ambiguous", "shop", ""})},
		{"a host that no policy names", checkRequest("GET", "other.example/", page), passes(noPolicy)},
		{
			"a selector replaces host and path", selecting(checkRequest("GET", "other.example/", page), "shop"),
			passes(allowed, acao, acac, aceh),
		},
		{
			"a selector names a rule", selecting(checkRequest("GET", "other.example/", evil), "shop#catalogue"),
			passes(public, acaoAny, "access-control-expose-headers: X-Total"),
		},
		{
			"an unknown selector is refused", selecting(checkRequest("GET", "api.shop.example/cart", page), "nosuch"),
			passes(why{"deny", "selector_unknown", "", ""}),
		},
		{
			"a client cannot select", checkRequest("GET", "api.shop.example/cart", page, "corsd-policy: shop#catalogue"),
			passes(allowed, acao, acac, aceh),
		},
		{"a request without anything", &authv3.CheckRequest{}, passes(noPolicy)},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			for _, unusual := range []bool{false, true} {
				b := newBench(t)
				b.unusual = unusual
				equal(t, r.want, b.asked(t, r.sent))
			}
		})
	}
}

// TestCheckInterceptor: a server's interceptor is asked, as with any other service.
func TestCheckInterceptor(t *testing.T) {
	b := newBench(t)
	asked := ""
	handle := b.services[authv3.Authorization_ServiceDesc.ServiceName].Methods[0].Handler
	decode := func(m any) error { return receive(checkRequest("GET", "api.shop.example/cart", page), m, false) }
	got, err := handle(nil, t.Context(), decode, func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		asked = info.FullMethod
		return next(ctx, req)
	})
	if err != nil {
		t.Fatal(err)
	}
	response := &authv3.CheckResponse{}
	if err := deliver(got, response); err != nil {
		t.Fatal(err)
	}
	equal(t, passes(allowed, acao, acac, aceh), response)
	if asked != authv3.Authorization_Check_FullMethodName {
		t.Errorf("the interceptor was asked about %q", asked)
	}
	broken := errors.New("broken")
	if _, err := handle(nil, t.Context(), func(any) error { return broken }, nil); !errors.Is(err, broken) {
		t.Errorf("a message that cannot be read: %v", err)
	}
}

// TestCheckWithoutEngine: while there is no policy nothing is changed.
func TestCheckWithoutEngine(t *testing.T) {
	b := newBench(t)
	b.engine = nil
	want := passes(why{})
	want.DynamicMetadata = nil
	equal(t, want, b.asked(t, checkRequest("OPTIONS", "api.shop.example/cart", page, "access-control-request-method: PUT")))
}
