package extproc_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/proto"
)

// FuzzProcess: whatever bytes make two messages, each is answered at most once, by
// an answer of its kind that can be sent and that Envoy takes; and nothing panics.
func FuzzProcess(f *testing.F) {
	for _, pair := range [][2]sent{
		{get("api.shop.example/cart", page), responds("200", acaoAny, "vary: Accept")},
		{preflight("api.shop.example/cart", "PUT", page, "access-control-request-headers: a,b"), requestBody},
		{preflight("forward.shop.example/", "PUT", page), responds("200")},
		{webSocket("block.shop.example/", evil), responds("101")},
		{inValue(get("merge.shop.example/", page)), inValue(responds("200", "access-control-expose-headers: a,b"))},
		{get("expand.shop.example/", page), responds("200", "x-a: b")},
		{responds("200", acaoAny), requestTrailers},
		{described(responds("200"), map[string]string{"request.host": "api.shop.example"}), responseTrailers},
		{observed(get("api.shop.example/cart", junk)), responseBody},
		{unknown, requestHeaders()},
	} {
		for _, metadata := range []string{"", "corsd-static: strip,vary", ":authority: strip.vary.set.corsd-static", "corsd-policy: shop#catalogue", strings.Join(lean("GET", "preserve.shop.example/", page), "\n")} {
			f.Add(metadata, marshalled(f, pair[0]), marshalled(f, pair[1]))
		}
	}
	engine := load(f, "testdata/policy.yaml")
	f.Fuzz(func(t *testing.T, lines string, first, second []byte) {
		var messages []sent
		for _, wire := range [][]byte{first, second} {
			m := &extprocv3.ProcessingRequest{}
			if proto.Unmarshal(wire, m) != nil {
				t.Skip("no message")
			}
			messages = append(messages, m)
		}
		b := serving(engine)
		got := b.answers(t, metadataLines(lines), messages...)
		want := 0
		for _, m := range messages {
			if m.GetRequest() == nil || m.GetObservabilityMode() {
				continue
			}
			if want++; len(got) < want {
				break
			}
			checkKind(t, m, got[want-1])
		}
		if len(got) != want {
			t.Errorf("%d answers to %d messages", len(got), want)
		}
		if b.observer.panics > 0 {
			t.Errorf("a panic was contained: %s", b.log)
		}
	})
}

// FuzzCheck is the same of ext_authz.
func FuzzCheck(f *testing.F) {
	for _, r := range []*authv3.CheckRequest{
		checkRequest("GET", "api.shop.example/cart", page),
		joined(checkRequest("OPTIONS", "api.shop.example/cart", page, "access-control-request-method: PUT", "access-control-request-headers: a")),
		selecting(checkRequest("GET", "block.shop.example/", evil), "block"),
	} {
		f.Add(marshalled(f, r))
	}
	engine := load(f, "testdata/policy.yaml")
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := &authv3.CheckRequest{}
		if proto.Unmarshal(wire, r) != nil {
			t.Skip("no message")
		}
		b := serving(engine)
		got := b.asked(t, r)
		checkHeaders(t, append(got.GetDeniedResponse().GetHeaders(), got.GetOkResponse().GetResponseHeadersToAdd()...))
		if (got.GetOkResponse() == nil) == (got.GetDeniedResponse() == nil) || b.observer.panics > 0 {
			t.Errorf("%d panics, response %v", b.observer.panics, got)
		}
	})
}

func marshalled(t testing.TB, m proto.Message) []byte {
	t.Helper()
	wire, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func metadataLines(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "corsd-") && strings.Contains(line, ":") {
			lines = append(lines, line)
		}
	}
	return lines
}

// checkKind: a request may be answered in upstream's place, everything else only
// by its own kind.
func checkKind(t *testing.T, m sent, a answer) {
	asked := strings.TrimPrefix(reflect.TypeOf(m.GetRequest()).Elem().Name(), "ProcessingRequest_")
	if a.GetResponse() == nil {
		t.Fatalf("an answer of no kind to %s", asked)
	}
	answered := strings.TrimPrefix(reflect.TypeOf(a.GetResponse()).Elem().Name(), "ProcessingResponse_")
	if answered != asked && (answered != "ImmediateResponse" || asked != "RequestHeaders") {
		t.Errorf("%s was answered by %s", asked, answered)
	}
	if len(a.GetImmediateResponse().GetBody()) > 0 {
		t.Errorf("an immediate response with a body")
	}
	checkHeaders(t, a.GetImmediateResponse().GetHeaders().GetSetHeaders())
	checkHeaders(t, a.GetResponseHeaders().GetResponse().GetHeaderMutation().GetSetHeaders())
}

// checkHeaders: a byte that is not allowed in a header is a 500 for the client,
// even when failing open, and an empty value is a header of no meaning.
func checkHeaders(t *testing.T, headers []*corev3.HeaderValueOption) {
	for _, h := range headers {
		name, value := h.GetHeader().GetKey(), h.GetHeader().GetRawValue()
		if len(value) == 0 {
			value = []byte(h.GetHeader().GetValue())
		}
		if name != "vary" && !strings.HasPrefix(name, "access-control-") {
			t.Errorf("sets %q", name)
		}
		if len(value) == 0 || bytes.ContainsAny(value, "\x00\r\n") {
			t.Errorf("sets %s to %q", name, value)
		}
	}
}
