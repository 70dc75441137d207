package extproc

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsd/corsd/pkg/policy"
)

// detailsPrefix and a reason make %RESPONSE_CODE_DETAILS%.
const detailsPrefix = "corsd_"

// metadataNamespace is where the decision stands in Envoy's dynamic metadata, if
// the filter's metadata_options let it in.
const metadataNamespace = "corsd"

// immediate answers in upstream's place. It never has a body: Envoy would send
// one even with a 204.
func immediate(d *policy.Decision, a *policy.Answer) *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{
		Response: &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocv3.ImmediateResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(a.Status)},
			Headers: mutation(a),
			Details: detailsPrefix + d.Reason.String(),
		}},
		DynamicMetadata: dynamicMetadata(d),
	}
}

// proceed lets the request go on, and asks for the response phase or not. A
// filter that is configured with response_header_mode SKIP sends it only when it
// is asked to, and one that is configured with SEND ends the stream early when it
// is told to skip it (1.37 and later; 1.36 holds the stream until the response).
func proceed(d *policy.Decision, wantsResponse bool) *extprocv3.ProcessingResponse {
	mode := modev3.ProcessingMode_SKIP
	if wantsResponse {
		mode = modev3.ProcessingMode_SEND
	}
	return &extprocv3.ProcessingResponse{
		Response:        &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}},
		ModeOverride:    &modev3.ProcessingMode{ResponseHeaderMode: mode},
		DynamicMetadata: dynamicMetadata(d),
	}
}

// mutated changes the response's headers.
func mutated(a *policy.Answer) *extprocv3.ProcessingResponse {
	response := &extprocv3.HeadersResponse{}
	if len(a.Set)+len(a.Remove) > 0 {
		response.Response = &extprocv3.CommonResponse{HeaderMutation: mutation(a)}
	}
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: response}}
}

// mutation: values stand in raw_value, since one in value is sent empty, and
// append stays unset, which is to overwrite. append_action is ignored.
func mutation(a *policy.Answer) *extprocv3.HeaderMutation {
	m := &extprocv3.HeaderMutation{RemoveHeaders: a.Remove, SetHeaders: make([]*corev3.HeaderValueOption, len(a.Set))}
	for i, h := range a.Set {
		m.SetHeaders[i] = &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: h.Name, RawValue: h.Value}}
	}
	return m
}

// unchanged is the answer of the right kind that changes nothing, nil for a
// message of no known kind, which is not to be answered (a 1.40 data plane may
// send flow control).
func unchanged(req *extprocv3.ProcessingRequest) *extprocv3.ProcessingResponse {
	switch req.GetRequest().(type) {
	case *extprocv3.ProcessingRequest_RequestHeaders:
		return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}}}
	case *extprocv3.ProcessingRequest_ResponseHeaders:
		return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{}}}
	case *extprocv3.ProcessingRequest_RequestBody:
		return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestBody{RequestBody: &extprocv3.BodyResponse{}}}
	case *extprocv3.ProcessingRequest_ResponseBody:
		return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseBody{ResponseBody: &extprocv3.BodyResponse{}}}
	case *extprocv3.ProcessingRequest_RequestTrailers:
		return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestTrailers{RequestTrailers: &extprocv3.TrailersResponse{}}}
	case *extprocv3.ProcessingRequest_ResponseTrailers:
		return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseTrailers{ResponseTrailers: &extprocv3.TrailersResponse{}}}
	}
	return nil
}

// dynamicMetadata is for Envoy's access log: %DYNAMIC_METADATA(corsd:reason)%.
func dynamicMetadata(d *policy.Decision) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		metadataNamespace: structpb.NewStructValue(describe(d)),
	}}
}

func describe(d *policy.Decision) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		"verdict": structpb.NewStringValue(d.Verdict.String()),
		"reason":  structpb.NewStringValue(d.Reason.String()),
		"policy":  structpb.NewStringValue(d.Policy()),
		"rule":    structpb.NewStringValue(d.Rule()),
	}}
}
