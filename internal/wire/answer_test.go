package wire

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	gocmp "github.com/google/go-cmp/cmp"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"
)

// longest bounds drawn lengths. It is large enough for each length to take one byte in some answers
// and two in others.
const longest = 140

// drawnText is text of any length up to longest, or longer than a buffer.
func drawnText() *rapid.Generator[string] {
	text := strings.Repeat("v", 3*usualAnswer)
	return rapid.OneOf(rapid.SampledFrom([]string{"", "*", "https://a.example", text[:200], text[:usualAnswer], text}),
		rapid.Custom(func(t *rapid.T) string { return text[:rapid.IntRange(0, longest).Draw(t, "length")] }))
}

func drawFields(t *rapid.T, label string) []Field {
	names := rapid.SampledFrom([]string{"vary", "access-control-allow-origin", "a", "b"})
	var fields []Field
	for range rapid.IntRange(0, 3).Draw(t, label) {
		fields = append(fields, Field{names.Draw(t, "name"), []byte(drawnText().Draw(t, "value"))})
	}
	return fields
}

func drawMetadata(t *rapid.T) *Metadata {
	md := &Metadata{Namespace: rapid.SampledFrom([]string{"corsd", "n", strings.Repeat("n", 130)}).Draw(t, "namespace")}
	for _, name := range []string{"verdict", "reason", "policy", "rule"} {
		md.Pairs = append(md.Pairs, Pair{name, drawnText().Draw(t, name)})
	}
	if rapid.Bool().Draw(t, "with fields") {
		md.Fields = []Field{{"allow-origin", []byte(drawnText().Draw(t, "allow-origin"))}, {"expose-headers", nil}}
	}
	return md
}

// TestAnswers compares the bytes of answers with the messages that they encode, built from
// go-control-plane's types.
func TestAnswers(t *testing.T) {
	var a Answer // each answer reuses it
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{"a", "vary"})
		m := &Mutation{Set: drawFields(t, "set"), Remove: rapid.SliceOfN(names, 0, 3).Draw(t, "remove")}
		status := rapid.SampledFrom([]int{100, 200, 204, 299, 403, 499}).Draw(t, "status")
		details, md := drawnText().Draw(t, "details"), drawMetadata(t)

		a.Immediate(status, m, details, md)
		compareAnswer(t, slowImmediate(status, m, details, md), &a)
		for _, response := range []bool{true, false} {
			a.Proceed(response, md)
			compareAnswer(t, slowProceed(response, md), &a)
		}
		for _, md := range []*Metadata{md, nil} {
			a.Edit(m, md)
			compareAnswer(t, slowEdit(m, md), &a)
			a.Passed(m.Set, md)
			compareAnswer(t, slowPassed(m.Set, md), &a)
			a.Denied(status, m.Set, md)
			compareAnswer(t, slowDenied(status, m.Set, md), &a)
		}
		for kind := KindRequestHeaders; kind <= KindResponseTrailers; kind++ {
			a.Unchanged(kind)
			compareAnswer(t, slowUnchanged(kind), &a)
		}
	})
}

// FuzzAnswers is TestAnswers for fields and lists from a fuzzer, cut at newlines.
func FuzzAnswers(f *testing.F) {
	f.Add(uint16(204), "corsd_allowed", "vary\nOrigin\na\nb", "x\ny", "verdict\nallow\nreason\nallowed")
	f.Add(uint16(403), "", "", "", "")
	long := strings.Repeat("v", 5000)
	f.Add(uint16(0), long[:3000], "a\n"+long[:127]+"\nb\n"+long[:128], "\n", "p\n"+long)
	f.Fuzz(func(t *testing.T, status uint16, details, set, remove, pairs string) {
		for _, text := range []string{details, set, remove, pairs} {
			if !utf8.ValidString(text) {
				t.Skip("names and details are from corsd, and UTF-8")
			}
		}
		m, md := &Mutation{}, &Metadata{Namespace: "corsd"}
		for name, rest, more := strings.Cut(set, "\n"); more; name, rest, more = strings.Cut(rest, "\n") {
			var text string
			text, rest, _ = strings.Cut(rest, "\n")
			m.Set = append(m.Set, Field{name, []byte(text)})
		}
		m.Remove = strings.Split(remove, "\n")
		seen := map[string]bool{}
		for name, rest, more := strings.Cut(pairs, "\n"); more; name, rest, more = strings.Cut(rest, "\n") {
			var text string
			text, rest, _ = strings.Cut(rest, "\n")
			if seen[name] {
				continue // the message is a map
			}
			seen[name] = true
			md.Pairs = append(md.Pairs, Pair{name, text})
		}
		var a Answer
		a.Immediate(int(status), m, details, md)
		compareAnswer(t, slowImmediate(int(status), m, details, md), &a)
		a.Edit(m, md)
		compareAnswer(t, slowEdit(m, md), &a)
		a.Passed(m.Set, md)
		compareAnswer(t, slowPassed(m.Set, md), &a)
		a.Denied(int(status), m.Set, md)
		compareAnswer(t, slowDenied(int(status), m.Set, md), &a)
	})
}

func compareAnswer(t rapid.TB, want proto.Message, got *Answer) {
	t.Helper()
	buffers := got.Buffers()
	defer buffers.Free() // the next answer may be written there
	encoded := buffers[0].ReadOnlyData()
	m := want.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(encoded, m); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, m, protocmp.Transform()); diff != "" {
		t.Fatalf("messages (-want +got):\n%s", diff)
	}
}

// TestAnswerSizes: an answer has as many bytes as proto.Marshal writes, whose order of fields is
// another.
func TestAnswerSizes(t *testing.T) {
	md := &Metadata{Namespace: "corsd", Pairs: []Pair{{"reason", strings.Repeat("r", 200)}}}
	m := &Mutation{Set: []Field{{"a", []byte("b")}, {"vary", bytes.Repeat([]byte("v"), 300)}}, Remove: []string{"c", "d"}}
	for _, row := range []struct {
		name  string
		want  proto.Message
		write func(*Answer)
	}{
		{"immediate", slowImmediate(204, m, "x", md), func(a *Answer) { a.Immediate(204, m, "x", md) }},
		{"edit", slowEdit(m, md), func(a *Answer) { a.Edit(m, md) }},
		{"denied", slowDenied(403, m.Set, md), func(a *Answer) { a.Denied(403, m.Set, md) }},
		{"unchanged", slowUnchanged(KindResponseBody), func(a *Answer) { a.Unchanged(KindResponseBody) }},
	} {
		var a Answer
		row.write(&a)
		if got := len(a.Buffers().Materialize()); got != proto.Size(row.want) {
			t.Errorf("%s: %d bytes, want %d", row.name, got, proto.Size(row.want))
		}
	}
}

// TestAnswerAllocates: writing an answer does not allocate.
func TestAnswerAllocates(t *testing.T) {
	md := &Metadata{Namespace: "corsd", Pairs: []Pair{{"reason", "allowed"}, {"policy", "shop"}}}
	m := &Mutation{Set: []Field{{"a", []byte("b")}, {"vary", bytes.Repeat([]byte("v"), 300)}}, Remove: []string{"c", "d"}}
	reason := "authorization_not_listed"
	var a Answer
	if n := testing.AllocsPerRun(100, func() {
		a.Immediate(204, m, "corsd_"+reason, md)
		a.Proceed(true, md)
		a.Edit(m, md)
		a.Passed(m.Set, md)
		a.Denied(403, m.Set, md)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func slowImmediate(status int, m *Mutation, details string, md *Metadata) *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{
		Response: &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocv3.ImmediateResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode(status)}, Headers: slowMutation(m), Details: details,
		}},
		DynamicMetadata: slowMetadata(md),
	}
}

func slowProceed(response bool, md *Metadata) *extprocv3.ProcessingResponse {
	mode := modev3.ProcessingMode_SKIP
	if response {
		mode = modev3.ProcessingMode_SEND
	}
	r := slowUnchanged(KindRequestHeaders)
	r.ModeOverride, r.DynamicMetadata = &modev3.ProcessingMode{ResponseHeaderMode: mode}, slowMetadata(md)
	return r
}

func slowEdit(m *Mutation, md *Metadata) *extprocv3.ProcessingResponse {
	r := slowUnchanged(KindResponseHeaders)
	if len(m.Set)+len(m.Remove) > 0 {
		r.GetResponseHeaders().Response = &extprocv3.CommonResponse{HeaderMutation: slowMutation(m)}
	}
	r.DynamicMetadata = slowMetadata(md)
	return r
}

func slowUnchanged(k Kind) *extprocv3.ProcessingResponse {
	r := &extprocv3.ProcessingResponse{}
	switch k {
	case KindRequestHeaders:
		r.Response = &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}}
	case KindResponseHeaders:
		r.Response = &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{}}
	case KindRequestBody:
		r.Response = &extprocv3.ProcessingResponse_RequestBody{RequestBody: &extprocv3.BodyResponse{}}
	case KindResponseBody:
		r.Response = &extprocv3.ProcessingResponse_ResponseBody{ResponseBody: &extprocv3.BodyResponse{}}
	case KindRequestTrailers:
		r.Response = &extprocv3.ProcessingResponse_RequestTrailers{RequestTrailers: &extprocv3.TrailersResponse{}}
	case KindResponseTrailers:
		r.Response = &extprocv3.ProcessingResponse_ResponseTrailers{ResponseTrailers: &extprocv3.TrailersResponse{}}
	}
	return r
}

func slowMutation(m *Mutation) *extprocv3.HeaderMutation {
	mutation := &extprocv3.HeaderMutation{RemoveHeaders: m.Remove}
	for _, h := range m.Set {
		header := &corev3.HeaderValue{Key: h.Name, RawValue: h.Value}
		mutation.SetHeaders = append(mutation.SetHeaders, &corev3.HeaderValueOption{Header: header})
	}
	return mutation
}

func slowMetadata(md *Metadata) *structpb.Struct {
	if md == nil {
		return nil
	}
	return &structpb.Struct{Fields: map[string]*structpb.Value{md.Namespace: structpb.NewStructValue(slowStruct(md))}}
}

func slowStruct(md *Metadata) *structpb.Struct {
	if md == nil {
		return nil
	}
	s := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for _, p := range md.Pairs {
		s.Fields[p.Name] = structpb.NewStringValue(p.Value)
	}
	for _, f := range md.Fields {
		s.Fields[f.Name] = structpb.NewStringValue(string(f.Value))
	}
	return s
}

func slowPassed(add []Field, md *Metadata) *authv3.CheckResponse {
	ok := &authv3.OkHttpResponse{}
	for _, h := range add {
		ok.ResponseHeadersToAdd = append(ok.ResponseHeadersToAdd, &corev3.HeaderValueOption{
			Header: &corev3.HeaderValue{Key: h.Name, Value: string(h.Value)},
			Append: wrapperspb.Bool(false), //nolint:staticcheck // deprecated, and the field that every version of Envoy reads
		})
	}
	return &authv3.CheckResponse{
		Status:          &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse:    &authv3.CheckResponse_OkResponse{OkResponse: ok},
		DynamicMetadata: slowStruct(md),
	}
}

func slowDenied(status int, set []Field, md *Metadata) *authv3.CheckResponse {
	denied := &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: typev3.StatusCode(status)}}
	for _, h := range set {
		header := &corev3.HeaderValue{Key: h.Name, Value: string(h.Value)}
		denied.Headers = append(denied.Headers, &corev3.HeaderValueOption{Header: header})
	}
	return &authv3.CheckResponse{
		Status:          &rpcstatus.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse:    &authv3.CheckResponse_DeniedResponse{DeniedResponse: denied},
		DynamicMetadata: slowStruct(md),
	}
}
