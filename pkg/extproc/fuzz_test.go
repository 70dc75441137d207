package extproc_test

import (
	"reflect"
	"strings"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/proto"

	"github.com/corsd/corsd/internal/exchange/exchangetest"
)

// FuzzProcess: each of two messages has at most one answer, of its kind, which can be sent and which
// Envoy accepts. Nothing panics.
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
		for _, metadata := range []string{
			"", "corsd-static: strip,vary", ":authority: strip.vary.set.corsd-static", "corsd-policy: shop#catalogue",
			strings.Join(responseOnly("GET", "preserve.shop.example/", page), "\n"),
		} {
			f.Add(metadata, exchangetest.Marshal(f, pair[0]), exchangetest.Marshal(f, pair[1]))
		}
	}
	engine := exchangetest.Engine(f)
	f.Fuzz(func(t *testing.T, lines string, first, second []byte) {
		var messages []sent
		for _, wire := range [][]byte{first, second} {
			m := &extprocv3.ProcessingRequest{}
			if proto.Unmarshal(wire, m) != nil {
				t.Skip("no message")
			}
			messages = append(messages, m)
		}
		f := serving(t, engine)
		got := f.answers(t, metadataLines(lines), messages...)
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
		if f.Observer.Panics > 0 {
			t.Errorf("a panic was contained: %s", &f.Log)
		}
	})
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

// checkKind: a request may have an answer in upstream's place. Every other message has one of its
// kind.
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
	exchangetest.CheckHeaders(t, a.GetImmediateResponse().GetHeaders().GetSetHeaders())
	exchangetest.CheckHeaders(t, a.GetResponseHeaders().GetResponse().GetHeaderMutation().GetSetHeaders())
}
