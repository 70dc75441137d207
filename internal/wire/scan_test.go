package wire

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"
)

// The messages of these tests, in the layouts that Envoy 1.36 to 1.40 sends.
func usualRequest() *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{
		Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: &extprocv3.HttpHeaders{
			Headers: headers(":method", "GET", "origin", "https://\xff.example", "x-empty", ""), EndOfStream: true,
		}},
		MetadataContext: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"a": {Fields: map[string]*structpb.Value{
			"b": structpb.NewBoolValue(true), "n": structpb.NewNumberValue(2), "l": structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewNullValue()}}),
		}}}},
		ProtocolConfig: &extprocv3.ProtocolConfiguration{RequestBodyMode: modev3.ProcessingMode_STREAMED, SendBodyWithoutWaitingForHeaderResponse: true},
	}
}

func usualResponse() *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{
		Request: &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: &extprocv3.HttpHeaders{
			Headers: headers(":status", "200", "vary", "accept", "vary", "x"),
		}},
		MetadataContext: &corev3.Metadata{}, ObservabilityMode: true,
	}
}

func usualCheck() *authv3.CheckRequest {
	peer := &authv3.AttributeContext_Peer{
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "10.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 8443},
		}}},
		Principal: "spiffe://a", Labels: map[string]string{"a": "b"},
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: peer, Destination: peer,
		Request: &authv3.AttributeContext_Request{
			Time: &timestamppb.Timestamp{Seconds: 1_800_000_000, Nanos: 5},
			Http: &authv3.AttributeContext_HttpRequest{
				Id: "1", Method: "GET", Path: "/a?b", Host: "api.shop.example", Scheme: "https", Protocol: "HTTP/2", Size: -1,
				HeaderMap: headers(":method", "GET", "origin", "https://\xff.example"),
			},
		},
		ContextExtensions: map[string]string{"corsd-policy": "shop"},
		MetadataContext:   &corev3.Metadata{}, RouteMetadataContext: &corev3.Metadata{},
		TlsSession: &authv3.AttributeContext_TLSSession{Sni: "api.shop.example"},
	}}
}

func headers(pairs ...string) *corev3.HeaderMap {
	m := &corev3.HeaderMap{}
	for i := 0; i < len(pairs); i += 2 {
		m.Headers = append(m.Headers, &corev3.HeaderValue{Key: pairs[i], RawValue: []byte(pairs[i+1])})
	}
	return m
}

// TestUsual: the scan reads what Envoy sends. Otherwise all results would still be right, but slow.
func TestUsual(t *testing.T) {
	inValue := usualRequest()
	for _, h := range inValue.GetRequestHeaders().GetHeaders().GetHeaders() {
		h.Value, h.RawValue = "https://a.example", nil
	}
	for _, m := range []*extprocv3.ProcessingRequest{usualRequest(), usualResponse(), inValue, {}} {
		if wire := marshal(t, m); !(&ProcessingRequest{}).scan(wire) {
			t.Errorf("the scan refuses %v", m)
		}
	}
	joined := usualCheck()
	http := joined.Attributes.Request.Http
	http.Headers, http.HeaderMap = map[string]string{":method": "GET", "origin": "https://a.example"}, nil
	for _, m := range []*authv3.CheckRequest{usualCheck(), joined} {
		if wire := marshal(t, m); !(&CheckRequest{}).scan(wire) {
			t.Errorf("the scan refuses %v", m)
		}
	}
}

// TestOlderEnvoys reads the layouts of Envoy 1.30 to 1.35, of which there are no binaries for tests:
// fields that they leave out, or send in another way.
func TestOlderEnvoys(t *testing.T) {
	exchange := func(change func(*extprocv3.ProcessingRequest)) *extprocv3.ProcessingRequest {
		m := usualRequest()
		m.ProtocolConfig = nil // since 1.33
		change(m)
		return m
	}
	asyncMode := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 0) // until 1.30
	rows := []struct {
		name    string
		message *extprocv3.ProcessingRequest
		more    []byte // fields that the type no longer has
		scanned bool
	}{
		{"without protocol_config", exchange(func(*extprocv3.ProcessingRequest) {}), nil, true},
		{"without metadata_context", exchange(func(m *extprocv3.ProcessingRequest) { m.MetadataContext = nil }), nil, true},
		{"values in value, with the runtime guard of raw values off", exchange(func(m *extprocv3.ProcessingRequest) {
			for _, h := range m.GetRequestHeaders().GetHeaders().GetHeaders() {
				h.Value, h.RawValue = strings.ToValidUTF8(string(h.RawValue), "!"), nil
			}
		}), nil, true},
		{"with async_mode", exchange(func(*extprocv3.ProcessingRequest) {}), asyncMode, false},
		{"with attributes", exchange(func(m *extprocv3.ProcessingRequest) {
			m.Attributes = map[string]*structpb.Struct{"envoy.filters.http.ext_proc": {}}
		}), nil, false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			bytes := append(r.more, marshal(t, r.message)...)
			var m ProcessingRequest
			if m.scan(bytes) != r.scanned {
				t.Errorf("scanned: %t", !r.scanned)
			}
			if err := m.Read(mem.BufferSlice{mem.SliceBuffer(bytes)}); err != nil {
				t.Fatal(err)
			}
			if m.Kind != KindRequestHeaders || len(m.Headers) != 3 || string(m.Headers[0].Value) != "GET" || string(m.Headers[1].Name) != "origin" || m.HeadersOnly {
				t.Errorf("read: %+v", m)
			}
		})
	}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	wire, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// compareRequest compares the scan, if it accepts the bytes, with proto.Unmarshal.
func compareRequest(t rapid.TB, wire []byte) {
	t.Helper()
	var fast, slow ProcessingRequest
	err := slow.readUnusual(wire)
	if fast.scan(wire) {
		if err != nil {
			t.Fatalf("the scan accepts a message that proto.Unmarshal refuses: %v", err)
		}
		if diff := gocmp.Diff(&slow, &fast, ignoreMessage[ProcessingRequest](), protocmp.Transform(), emptyBytes()); diff != "" {
			t.Fatalf("proto.Unmarshal and the scan (-slow +fast):\n%s", diff)
		}
	}
	var both ProcessingRequest
	defer both.Release()
	if got := both.Read(mem.BufferSlice{mem.SliceBuffer(wire)}); (got == nil) != (err == nil) || err != nil && got.Error() != err.Error() {
		t.Fatalf("read: %v; proto.Unmarshal: %v", got, err)
	}
}

func compareCheck(t rapid.TB, wire []byte) {
	t.Helper()
	var fast, slow CheckRequest
	err := slow.readUnusual(wire)
	if fast.scan(wire) {
		if err != nil {
			t.Fatalf("the scan accepts a message that proto.Unmarshal refuses: %v", err)
		}
		for _, m := range []*CheckRequest{&fast, &slow} { // a map has no order
			sortHeaders(m.Extensions)
			sortHeaders(m.Headers)
		}
		if diff := gocmp.Diff(&slow, &fast, ignoreMessage[CheckRequest](), emptyBytes()); diff != "" {
			t.Fatalf("proto.Unmarshal and the scan (-slow +fast):\n%s", diff)
		}
	}
	var both CheckRequest
	defer both.Release()
	if got := both.Read(mem.BufferSlice{mem.SliceBuffer(wire)}); (got == nil) != (err == nil) || err != nil && got.Error() != err.Error() {
		t.Fatalf("read: %v; proto.Unmarshal: %v", got, err)
	}
}

func sortHeaders(list []Header) {
	slices.SortStableFunc(list, func(a, b Header) int {
		return cmp.Or(bytes.Compare(a.Name, b.Name), bytes.Compare(a.Value, b.Value))
	})
}

func ignoreMessage[M any]() gocmp.Option {
	return gocmp.FilterPath(func(p gocmp.Path) bool { return p.Last().String() == ".message" }, gocmp.Ignore())
}

// emptyBytes makes nil equal to an empty value or list.
func emptyBytes() gocmp.Option {
	return gocmp.Options{
		gocmp.Transformer("bytes", func(b []byte) string { return string(b) }),
		gocmp.FilterValues(func(a, b []Header) bool { return len(a)+len(b) == 0 }, gocmp.Ignore()),
	}
}

// repeatedConfigs have a protocol_config or a mode of it more than once, or a number that is larger
// than a mode can be.
var repeatedConfigs = [][]byte{
	{11<<3 | 2, 4, 8, 2, 8, 0},               // a mode, then none
	{11<<3 | 2, 4, 16, 0, 16, 2},             // none, then a mode
	{11<<3 | 2, 2, 8, 2, 11<<3 | 2, 0},       // an empty second one
	{11<<3 | 2, 2, 8, 2, 11<<3 | 2, 2, 8, 0}, // and one that resets it
	{11<<3 | 2, 6, 8, 0x80, 0x80, 0x80, 0x80, 0x10},
}

func FuzzProcessingRequest(f *testing.F) {
	for _, m := range []proto.Message{usualRequest(), usualResponse(), &extprocv3.ProcessingRequest{Attributes: map[string]*structpb.Struct{"a": {}}}} {
		f.Add(marshal(f, m))
	}
	for _, config := range repeatedConfigs {
		f.Add(config)
	}
	f.Fuzz(func(t *testing.T, wire []byte) { compareRequest(t, wire) })
}

func FuzzCheckRequest(f *testing.F) {
	f.Add(marshal(f, usualCheck()))
	f.Fuzz(func(t *testing.T, wire []byte) { compareCheck(t, wire) })
}

// TestLayouts reads messages whose fields stand in any order, in parts, twice, and
// among unknown ones.
func TestLayouts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wire []byte
		for range rapid.IntRange(0, 5).Draw(t, "fields") {
			wire = append(wire, drawField(t)...)
		}
		compareRequest(t, wire)
		compareCheck(t, wire)
	})
}

// drawField draws a field of a message, or of one within.
func drawField(t *rapid.T) []byte {
	number := protowire.Number(rapid.IntRange(1, 17).Draw(t, "number"))
	switch rapid.IntRange(0, 6).Draw(t, "type") {
	case 0:
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), rapid.Uint64().Draw(t, "varint"))
	case 1:
		text := rapid.SampledFrom([]string{"", "GET", "origin", "a", "\xff", "access-control-allow-origin"}).Draw(t, "text")
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), text)
	case 2:
		return protowire.AppendFixed64(protowire.AppendTag(nil, number, protowire.Fixed64Type), 1)
	case 3:
		m := rapid.SampledFrom([]proto.Message{usualRequest(), usualResponse(), usualCheck(), usualCheck().Attributes, usualCheck().Attributes.Request, usualCheck().Attributes.Request.Http}).Draw(t, "message")
		wire, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return wire[:rapid.SampledFrom([]int{len(wire), len(wire), len(wire) / 2}).Draw(t, "cut")]
	}
	var inner []byte
	for range rapid.IntRange(0, 3).Draw(t, "inner fields") {
		inner = append(inner, drawField(t)...)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), inner)
}

// TestReadAllocates: reading a message into one that was used before does not allocate.
func TestReadAllocates(t *testing.T) {
	request, check := mem.SliceBuffer(marshal(t, usualRequest())), mem.SliceBuffer(marshal(t, usualCheck()))
	buffers := [2]mem.BufferSlice{{request}, {check}}
	var p ProcessingRequest
	var c CheckRequest
	allocations := testing.AllocsPerRun(100, func() {
		if p.Read(buffers[0]) != nil || c.Read(buffers[1]) != nil {
			t.Fatal("not read")
		}
		p.Release()
		c.Release()
	})
	if allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}
