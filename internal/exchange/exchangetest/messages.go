package exchangetest

import (
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsd/corsd/internal/wire"
)

// Origins.
const (
	Page = "origin: https://www.shop.example" // allowed
	Evil = "origin: https://evil.example"     // not allowed
	Junk = "origin: https://\xff\xfe.example" // not UTF-8
	Null = "origin: null"                     // not allowed
)

// Header lines of answers.
const (
	AllowOrigin      = "access-control-allow-origin: https://www.shop.example"
	AllowAny         = "access-control-allow-origin: *"
	AllowCredentials = "access-control-allow-credentials: true"
	AllowMethods     = "access-control-allow-methods: GET, PUT, DELETE"
	AllowHeaders     = "access-control-allow-headers: Content-Type, X-Trace"
	MaxAge           = "access-control-max-age: 600"
	ExposeHeaders    = "access-control-expose-headers: ETag"
	ExposeTotal      = "access-control-expose-headers: X-Total"
	VaryOrigin       = "vary: Origin"
	VaryPreflight    = "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
)

// Why is a decision: verdict, reason, policy and rule.
type Why [4]string

// Decisions that many rows have.
var (
	Allowed    = Why{"allow", "allowed", "shop", ""}
	Refused    = Why{"deny", "origin_not_allowed", "shop", ""}
	NotCORS    = Why{"none", "not_cors", "shop", ""}
	Public     = Why{"allow", "allowed", "shop", "catalogue"}
	PublicNone = Why{"none", "not_cors", "shop", "catalogue"}
	NoPolicy   = Why{"none", "no_policy", "", ""}
)

// By is the same decision by another policy.
func (w Why) By(policy string) Why { w[2] = policy; return w }

// Fields returns the decision as dynamic metadata.
func (w Why) Fields() *structpb.Struct {
	s := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for i, name := range []string{"verdict", "reason", "policy", "rule"} {
		s.Fields[name] = structpb.NewStringValue(w[i])
	}
	return s
}

// Field splits "name: value". The name of a pseudo-header begins with a colon.
func Field(line string) (name, value string) {
	end := 1 + strings.Index(line[1:], ":")
	return line[:end], strings.TrimPrefix(line[end+1:], " ")
}

// HeaderMap has a header for each "name: value" line.
func HeaderMap(lines []string) *corev3.HeaderMap {
	m := &corev3.HeaderMap{}
	for _, line := range lines {
		name, value := Field(line)
		m.Headers = append(m.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	return m
}

// Pseudo has the pseudo-headers of a request. url is a host and a path.
func Pseudo(method, url string) []string {
	host, path, _ := strings.Cut(url, "/")
	return []string{":method: " + method, ":scheme: https", ":authority: " + host, ":path: /" + path}
}

// Marshal encodes a message.
func Marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	encoded, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// Receive passes a message to the server as gRPC does. An unusual one has an unknown field without a
// meaning, and is decoded in another way with the same result.
func Receive(from proto.Message, to any, unusual bool) error {
	encoded, err := proto.Marshal(from)
	if err != nil {
		return err
	}
	if unusual {
		encoded = protowire.AppendVarint(protowire.AppendTag(encoded, 1000, protowire.VarintType), 1)
	}
	err = wire.Codec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(encoded)}, to)
	if r, ok := to.(interface{ Release() }); ok && err != nil {
		r.Release()
	}
	return err
}

// Deliver decodes an answer of the server.
func Deliver(from any, to proto.Message) error {
	buffers, err := wire.Codec().Marshal(from)
	if err != nil {
		return err
	}
	return proto.Unmarshal(buffers.Materialize(), to)
}

// CheckHeaders fails if a header that is set is not one of CORS, or cannot be sent: an invalid byte
// is a 500 for the client even when failing open, and an empty value is a header without a meaning.
func CheckHeaders(t testing.TB, headers []*corev3.HeaderValueOption) {
	t.Helper()
	for _, h := range headers {
		name, value := h.GetHeader().GetKey(), string(h.GetHeader().GetRawValue())
		if value == "" {
			value = h.GetHeader().GetValue()
		}
		if name != "vary" && !strings.HasPrefix(name, "access-control-") {
			t.Errorf("sets %q", name)
		}
		if value == "" || strings.ContainsAny(value, "\x00\r\n") {
			t.Errorf("sets %s to %q", name, value)
		}
	}
}

// Equal compares answers as a whole. The order of headers has no meaning.
func Equal[T any](t testing.TB, want, got T, options ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, append(options, answerOptions()...)...); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func answerOptions() []cmp.Option {
	return []cmp.Option{
		protocmp.Transform(),
		protocmp.SortRepeated(func(a, b *corev3.HeaderValueOption) bool {
			return a.GetHeader().GetKey() < b.GetHeader().GetKey()
		}),
		protocmp.SortRepeatedFields(&extprocv3.HeaderMutation{}, "remove_headers"),
	}
}
