package wire

import (
	"strings"
	"testing"

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

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestAnswers compares what is written here with the messages that it means, made of
// go-control-plane's types.
func TestAnswers(t *testing.T) {
	const longest = 140 // of names, so that each length takes one byte in some answers and two in others
	long := string(make([]byte, 200))
	var rules []spec.Rule
	for length := range longest {
		name := strings.Repeat("r", length+1)
		rules = append(rules, spec.Rule{Name: name, Match: &spec.Match{Path: &spec.PathMatch{Value: "/" + name}}})
	}
	engine, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{{Name: "shop", Spec: spec.PolicySpec{
		Hosts: []string{"*"}, CORS: &spec.CORS{AllowOrigins: []string{"https://a.example"}},
		Rules: rules,
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	values := rapid.OneOf(rapid.SampledFrom([]string{"", "*", "https://a.example", long, long + long}),
		rapid.Custom(func(t *rapid.T) string { return long[:rapid.IntRange(0, longest).Draw(t, "length")] }))
	names := rapid.SampledFrom([]string{"vary", "access-control-allow-origin", "a", "b"})
	rapid.Check(t, func(t *rapid.T) {
		d := engine.Decide(&policy.Request{
			Method: "GET", Path: "/" + strings.Repeat("r", rapid.IntRange(0, longest).Draw(t, "length of the path")),
			Selector: rapid.SampledFrom([]string{"", "shop", "x"}).Draw(t, "selector"),
			Origin:   rapid.SampledFrom([][]string{nil, {"https://a.example"}, {"null"}, {"x"}}).Draw(t, "origin"),
		})
		change := &policy.Response{Status: rapid.SampledFrom([]int{200, 204, 299, 403, 499}).Draw(t, "status")}
		for range rapid.IntRange(0, 3).Draw(t, "set") {
			change.Set = append(change.Set, policy.Field{Name: names.Draw(t, "name"), Value: []byte(values.Draw(t, "value"))})
		}
		change.Remove = rapid.SliceOfN(names, 0, 3).Draw(t, "remove")

		var a Answer
		a.Immediate(&d, change)
		same(t, slowImmediate(&d, change), &a)
		for _, wants := range []bool{true, false} {
			a.Proceed(&d, wants, nil)
			same(t, slowProceed(&d, wants, nil), &a)
			a.Proceed(&d, wants, change.Set)
			same(t, slowProceed(&d, wants, change.Set), &a)
		}
		a.Mutated(&d, change)
		mutated := slowMutated(change)
		mutated.DynamicMetadata = slowMetadata(&d)
		same(t, mutated, &a)
		a.Mutated(nil, change)
		same(t, slowMutated(change), &a)
		a.Passed(&d, change)
		same(t, slowPassed(&d, change), &a)
		a.Passed(nil, change)
		same(t, slowPassed(nil, change), &a)
		a.Denied(&d, change)
		same(t, slowDenied(&d, change), &a)
	})
}

func same(t *rapid.T, want proto.Message, got *Answer) {
	t.Helper()
	if len(got.bytes) != cap(got.bytes) {
		t.Errorf("%d bytes were counted, %d written", cap(got.bytes), len(got.bytes))
	}
	given := got.Buffers()
	defer given.Free() // the next answer may be written there
	bytes := given[0].ReadOnlyData()
	m := want.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(bytes, m); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, m, protocmp.Transform()); diff != "" {
		t.Fatalf("messages (-want +got):\n%s", diff)
	}
}

func slowImmediate(d *policy.Decision, a *policy.Response) *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{
		Response: &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocv3.ImmediateResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode(a.Status)}, Headers: slowMutation(a), Details: "corsd_" + d.Reason.String(),
		}},
		DynamicMetadata: slowMetadata(d),
	}
}

func slowProceed(d *policy.Decision, wantsResponse bool, ahead []policy.Field) *extprocv3.ProcessingResponse {
	said := slowStruct(d)
	for _, f := range ahead {
		said.Fields[strings.ReplaceAll(f.Name, "access-control-", "")] = structpb.NewStringValue(string(f.Value))
	}
	mode := modev3.ProcessingMode_SKIP
	if wantsResponse {
		mode = modev3.ProcessingMode_SEND
	}
	return &extprocv3.ProcessingResponse{
		Response:        &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}},
		ModeOverride:    &modev3.ProcessingMode{ResponseHeaderMode: mode},
		DynamicMetadata: slowNamed(said),
	}
}

func slowMutated(a *policy.Response) *extprocv3.ProcessingResponse {
	response := &extprocv3.HeadersResponse{}
	if len(a.Set)+len(a.Remove) > 0 {
		response.Response = &extprocv3.CommonResponse{HeaderMutation: slowMutation(a)}
	}
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: response}}
}

func slowMutation(a *policy.Response) *extprocv3.HeaderMutation {
	m := &extprocv3.HeaderMutation{RemoveHeaders: a.Remove}
	for _, h := range a.Set {
		m.SetHeaders = append(m.SetHeaders, &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: h.Name, RawValue: h.Value}})
	}
	return m
}

func slowMetadata(d *policy.Decision) *structpb.Struct {
	return slowNamed(slowStruct(d))
}

func slowNamed(s *structpb.Struct) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{"corsd": structpb.NewStructValue(s)}}
}

func slowStruct(d *policy.Decision) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		"verdict": structpb.NewStringValue(d.Verdict.String()), "reason": structpb.NewStringValue(d.Reason.String()),
		"policy": structpb.NewStringValue(d.Policy()), "rule": structpb.NewStringValue(d.Rule()),
	}}
}

func slowPassed(d *policy.Decision, a *policy.Response) *authv3.CheckResponse {
	ok := &authv3.OkHttpResponse{}
	for _, h := range a.Set {
		if h.Name != "vary" {
			ok.ResponseHeadersToAdd = append(ok.ResponseHeadersToAdd, &corev3.HeaderValueOption{
				Header: &corev3.HeaderValue{Key: h.Name, Value: string(h.Value)},
				Append: wrapperspb.Bool(false), //nolint:staticcheck // deprecated, and what every version of Envoy goes by
			})
		}
	}
	m := &authv3.CheckResponse{Status: &rpcstatus.Status{Code: int32(codes.OK)}, HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: ok}}
	if d != nil {
		m.DynamicMetadata = slowStruct(d)
	}
	return m
}

func slowDenied(d *policy.Decision, a *policy.Response) *authv3.CheckResponse {
	denied := &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: typev3.StatusCode(a.Status)}}
	for _, h := range a.Set {
		denied.Headers = append(denied.Headers, &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: h.Name, Value: string(h.Value)}})
	}
	return &authv3.CheckResponse{
		Status:          &rpcstatus.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse:    &authv3.CheckResponse_DeniedResponse{DeniedResponse: denied},
		DynamicMetadata: slowStruct(d),
	}
}
