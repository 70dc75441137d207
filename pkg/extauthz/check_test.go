package extauthz_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"go.uber.org/goleak"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/pkg/extauthz"
	"github.com/corsd/corsd/pkg/policy"
)

// The words of a row.
const (
	page          = exchangetest.Page
	evil          = exchangetest.Evil
	junk          = exchangetest.Junk
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
	allowed  = exchangetest.Allowed
	refused  = exchangetest.Refused
	notCORS  = exchangetest.NotCORS
	public   = exchangetest.Public
	noPolicy = exchangetest.NoPolicy
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a server, and everything that it reports.
type fixture struct {
	exchangetest.Fixture
	check   func(decode func(any) error, i grpc.UnaryServerInterceptor) (any, error)
	unusual bool // messages are sent in a layout that Envoy does not use
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	return serving(t, exchangetest.Engine(t))
}

func serving(t testing.TB, engine *policy.Engine) *fixture {
	t.Helper()
	f := &fixture{Fixture: exchangetest.Fixture{Engine: engine}}
	s := newServer(t, f.Options())
	s.ServerOption()
	var services services
	if err := s.Register(&services); err != nil {
		t.Fatal(err)
	}
	f.check = func(decode func(any) error, i grpc.UnaryServerInterceptor) (any, error) {
		return services[0].Methods[0].Handler(nil, context.Background(), decode, i)
	}
	return f
}

func newServer(t testing.TB, o extauthz.Options) *extauthz.Server {
	t.Helper()
	s, err := extauthz.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// services are the services that are registered.
type services []*grpc.ServiceDesc

func (s *services) RegisterService(desc *grpc.ServiceDesc, _ any) { *s = append(*s, desc) }

// answer returns the answer to a request.
func (f *fixture) answer(t testing.TB, r *authv3.CheckRequest) *authv3.CheckResponse {
	t.Helper()
	got, err := f.check(func(m any) error { return exchangetest.Receive(r, m, f.unusual) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	response := &authv3.CheckResponse{}
	if err := exchangetest.Deliver(got, response); err != nil {
		t.Fatal(err)
	}
	return response
}

// checkRequest is a request as Envoy sends it with encode_raw_headers, which has the pseudo-headers in
// the header map, too.
func checkRequest(method, url string, lines ...string) *authv3.CheckRequest {
	lines = slices.Concat(exchangetest.Pseudo(method, url), lines)
	r := bareCheckRequest(lines)
	r.Attributes.Request.Http.HeaderMap = exchangetest.HeaderMap(lines)
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
		switch name, value := exchangetest.Field(line); name {
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

// passes lets the request continue, and adds lines to the response. append is false, since Envoy
// appends if it is unset.
func passes(w why, lines ...string) *authv3.CheckResponse {
	ok := &authv3.OkHttpResponse{}
	for _, line := range lines {
		name, value := exchangetest.Field(line)
		ok.ResponseHeadersToAdd = append(ok.ResponseHeadersToAdd, &corev3.HeaderValueOption{
			Header: &corev3.HeaderValue{Key: name, Value: value},
			Append: wrapperspb.Bool(false), //nolint:staticcheck // deprecated, and the field that every version of Envoy reads
		})
	}
	return &authv3.CheckResponse{
		Status:          &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse:    &authv3.CheckResponse_OkResponse{OkResponse: ok},
		DynamicMetadata: w.Fields(),
	}
}

// denies answers in the application's place. append is unset, since Envoy drops a header in which it
// is true.
func denies(w why, status int, lines ...string) *authv3.CheckResponse {
	denied := &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: typev3.StatusCode(status)}}
	for _, line := range lines {
		name, value := exchangetest.Field(line)
		denied.Headers = append(denied.Headers, &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, Value: value}})
	}
	return &authv3.CheckResponse{
		Status:          &rpcstatus.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse:    &authv3.CheckResponse_DeniedResponse{DeniedResponse: denied},
		DynamicMetadata: w.Fields(),
	}
}

// TestCheck is ext_authz. It never sets Vary on upstream's response, which is left to the route, and
// sees nothing of that response.
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
			passes(allowed.By("forward"), acao, "access-control-allow-methods: PUT"),
		},
		{"Block refuses", checkRequest("GET", "block.shop.example/", evil), denies(refused.By("block"), 403, varyOrigin)},
		{"Block lets an allowed origin through", checkRequest("GET", "block.shop.example/", page), passes(allowed.By("block"), acao)},
		{
			"a checked WebSocket is refused", checkRequest("GET", "block.shop.example/", evil, "upgrade: websocket"),
			denies(refused.By("block"), 403, varyOrigin),
		},
		{
			"a checked WebSocket is refused by extended CONNECT", checkRequest("CONNECT", "block.shop.example/", ":protocol: websocket", evil),
			denies(refused.By("block"), 403, varyOrigin),
		},
		{
			"a WebSocket that is not checked passes", checkRequest("GET", "api.shop.example/cart", evil, "upgrade: websocket"),
			passes(why{"none", "origin_not_allowed", "shop", ""}),
		},
		{"Shadow changes nothing", checkRequest("GET", "shadow.shop.example/", page), passes(allowed.By("shadow"))},
		{
			"Shadow answers no preflight", checkRequest("OPTIONS", "shadow.shop.example/", evil, "access-control-request-method: PUT"),
			passes(refused.By("shadow")),
		},
		{"Disabled decides nothing", checkRequest("GET", "off.shop.example/", page), passes(why{"none", "disabled", "off", ""})},
		{"Preserve is as Override", checkRequest("GET", "preserve.shop.example/", page), passes(allowed.By("preserve"), acao)},
		{"Merge is as Override", checkRequest("GET", "merge.shop.example/", page), passes(allowed.By("merge"), acao, aceh)},
		{"expandExposeHeaders adds nothing", checkRequest("GET", "expand.shop.example/", page), passes(allowed.By("expand"), acao, acac)},
		{"a path that no rule matches is refused", checkRequest("GET", "strict.shop.example/", page), passes(why{"deny", "no_rule", "strict", ""})},
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
				f := newFixture(t)
				f.unusual = unusual
				exchangetest.Equal(t, r.want, f.answer(t, r.sent))
			}
		})
	}
}

// TestCheckInterceptor: an interceptor of the server is called, as for every other service.
func TestCheckInterceptor(t *testing.T) {
	f := newFixture(t)
	method := ""
	decode := func(m any) error {
		return exchangetest.Receive(checkRequest("GET", "api.shop.example/cart", page), m, false)
	}
	got, err := f.check(decode, func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		method = info.FullMethod
		return next(ctx, req)
	})
	if err != nil {
		t.Fatal(err)
	}
	response := &authv3.CheckResponse{}
	if err := exchangetest.Deliver(got, response); err != nil {
		t.Fatal(err)
	}
	exchangetest.Equal(t, passes(allowed, acao, acac, aceh), response)
	if method != authv3.Authorization_Check_FullMethodName {
		t.Errorf("the interceptor was called for %q", method)
	}
	broken := errors.New("broken")
	if _, err := f.check(func(any) error { return broken }, nil); !errors.Is(err, broken) {
		t.Errorf("a message that cannot be read: %v", err)
	}
}

// TestCheckWithoutEngine: nothing is changed while there is no policy.
func TestCheckWithoutEngine(t *testing.T) {
	f := newFixture(t)
	f.Engine = nil
	want := passes(why{})
	want.DynamicMetadata = nil
	exchangetest.Equal(t, want, f.answer(t, checkRequest("OPTIONS", "api.shop.example/cart", page, "access-control-request-method: PUT")))
}

// TestPanics: a panic is contained, counted, and logged with a stack. Its request passes without
// changes, and other requests are answered as usual.
func TestPanics(t *testing.T) {
	f := newFixture(t)
	f.Observer.OnDecided = func(e extauthz.Event) {
		if e.Decision.Reason == policy.ReasonNoRule {
			panic("out of order")
		}
	}
	unchanged := passes(why{})
	unchanged.DynamicMetadata = nil
	for times := 1; times <= 2; times++ {
		exchangetest.Equal(t, unchanged, f.answer(t, checkRequest("GET", "strict.shop.example/", page)))
		exchangetest.Equal(t, passes(allowed, acao, acac, aceh), f.answer(t, checkRequest("GET", "api.shop.example/cart", page)))
		logged := f.Log.Entries(t, "panic while answering Envoy; the message was answered without changes")
		if f.Observer.Panics != times || len(logged) != times {
			t.Fatalf("%d panics counted, %d logged; want %d", f.Observer.Panics, len(logged), times)
		}
		e := logged[times-1]
		if stack, _ := e["stack"].(string); e["level"] != "ERROR" || e["panic"] != "out of order" || !strings.Contains(stack, "check_test.go") {
			t.Errorf("logged %v", e)
		}
	}
}

// TestObserved: observers receive each decision once, and no streams.
func TestObserved(t *testing.T) {
	f := newFixture(t)
	f.answer(t, checkRequest("OPTIONS", "off.shop.example/", page, "access-control-request-method: PUT"))
	exchangetest.Equal(t, []string{"ext_authz preflight none disabled Disabled"}, f.Observer.Decisions)
	if f.Observer.Started != 0 || len(f.Observer.Ends) != 0 {
		t.Errorf("%d streams started, %d ended", f.Observer.Started, len(f.Observer.Ends))
	}
}

// TestWarnings: settings that ext_authz cannot carry out are warned of, once for each engine that has
// them.
func TestWarnings(t *testing.T) {
	f := newFixture(t)
	for engines := 1; engines <= 2; engines++ {
		for range 3 {
			f.answer(t, checkRequest("GET", "api.shop.example/cart", page))
		}
		found := map[string]int{}
		for _, e := range f.Log.Entries(t, "a setting has no effect in this profile") {
			if e["level"] != "WARN" || e["profile"] != "ext_authz" {
				t.Errorf("warning %v", e)
			}
			found[fmt.Sprintf("%v of %v", e["setting"], e["policies"])]++
		}
		exchangetest.Equal(t, map[string]int{
			"expandExposeHeaders of [expand]": engines, "preflight.mode: Forward of [forward]": engines,
			"upstreamHeaders: Merge of [merge]": engines, "upstreamHeaders: Preserve of [preserve]": engines,
		}, found)
		logged := f.Log.Entries(t, "Envoy requests decisions")
		if len(logged) != engines || logged[0]["profile"] != "ext_authz" {
			t.Errorf("the profile is named by %v", logged)
		}
		f.Engine = exchangetest.Engine(t)
	}
}

// TestRegister: a missing option and a missing codec are errors before the first request.
func TestRegister(t *testing.T) {
	if _, err := extauthz.New(extauthz.Options{}); err == nil || err.Error() != "extauthz: Options.Engine is required" {
		t.Errorf("without options: %v", err)
	}
	f := newFixture(t)
	s := newServer(t, f.Options())
	if err := s.Register(&services{}); err == nil || !strings.Contains(err.Error(), "ServerOption") {
		t.Errorf("without the codec: %v", err)
	}
	s.ServerOption()
	if err := s.Register(&services{}); err != nil {
		t.Errorf("with the codec: %v", err)
	}
}

// TestConnection is a call over a gRPC connection.
func TestConnection(t *testing.T) {
	f := newFixture(t)
	s := newServer(t, f.Options())
	server := grpc.NewServer(s.ServerOption(), grpc.WaitForHandlers(true))
	if err := s.Register(server); err != nil {
		t.Fatal(err)
	}
	listener, served := bufconn.Listen(1<<16), make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:corsd", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got, err := authv3.NewAuthorizationClient(conn).Check(ctx, checkRequest("GET", "block.shop.example/", evil))
	if err != nil {
		t.Fatal(err)
	}
	exchangetest.Equal(t, denies(refused.By("block"), 403, varyOrigin), got)
}

// FuzzCheck: every message has an answer that can be sent and that Envoy accepts. Nothing panics.
func FuzzCheck(f *testing.F) {
	for _, r := range []*authv3.CheckRequest{
		checkRequest("GET", "api.shop.example/cart", page),
		joined(checkRequest("OPTIONS", "api.shop.example/cart", page, "access-control-request-method: PUT", "access-control-request-headers: a")),
		selecting(checkRequest("GET", "block.shop.example/", evil), "block"),
	} {
		f.Add(exchangetest.Marshal(f, r))
	}
	engine := exchangetest.Engine(f)
	f.Fuzz(func(t *testing.T, encoded []byte) {
		r := &authv3.CheckRequest{}
		if proto.Unmarshal(encoded, r) != nil {
			t.Skip("not a message")
		}
		f := serving(t, engine)
		got := f.answer(t, r)
		exchangetest.CheckHeaders(t, append(got.GetDeniedResponse().GetHeaders(), got.GetOkResponse().GetResponseHeadersToAdd()...))
		if (got.GetOkResponse() == nil) == (got.GetDeniedResponse() == nil) || f.Observer.Panics > 0 {
			t.Errorf("%d panics, response %v", f.Observer.Panics, got)
		}
	})
}
