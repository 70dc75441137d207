package extproc

import (
	"context"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsd/corsd/pkg/policy"
)

// Check serves one request of ext_authz. A preflight's answer is a denial, as
// Envoy calls every answer that is not upstream's. What upstream sends can be
// neither seen nor removed: the route has to remove its CORS headers.
func (s *Server) Check(_ context.Context, req *authv3.CheckRequest) (resp *authv3.CheckResponse, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.contained(p)
			resp, err = passed(), nil
		}
	}()
	engine := s.engine()
	if engine == nil {
		return passed(), nil
	}
	var r policy.Request
	readCheck(&r, req.GetAttributes())
	d := engine.Decide(&r)
	s.decided(engine, ExtAuthz, &d, &r)
	resp = checked(&d)
	resp.DynamicMetadata = describe(&d)
	return resp, nil
}

// readCheck reads the request. Its headers are in header_map with
// encode_raw_headers, and without it in headers, where Envoy has joined repeated
// lines and written "!" for what is not UTF-8.
func readCheck(r *policy.Request, attributes *authv3.AttributeContext) {
	http := attributes.GetRequest().GetHttp()
	for name, value := range http.GetHeaders() {
		readHeader(r, name, value)
	}
	readHeaders(r, http.GetHeaderMap())
	r.Method, r.Scheme, r.Authority, r.Path = http.GetMethod(), http.GetScheme(), http.GetHost(), http.GetPath()
	r.Selector = attributes.GetContextExtensions()[keyPolicy]
}

func checked(d *policy.Decision) *authv3.CheckResponse {
	var a policy.Answer
	switch d.Action {
	case policy.ActionRespond:
		d.AppendRequestPhase(&a)
		return denied(&a)
	case policy.ActionContinue:
		d.AppendResponsePhase(&a, 0, nil)
	}
	resp := passed()
	resp.GetOkResponse().ResponseHeadersToAdd = headersToAdd(&a)
	return resp
}

func passed() *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status:       &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}},
	}
}

// denied answers in upstream's place. Values stand in value, since one in
// raw_value is sent empty, and append stays unset: Envoy drops a header of a
// denial that has it set to true.
func denied(a *policy.Answer) *authv3.CheckResponse {
	headers := make([]*corev3.HeaderValueOption, len(a.Set))
	for i, h := range a.Set {
		headers[i] = &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: h.Name, Value: string(h.Value)}}
	}
	return &authv3.CheckResponse{
		Status: &rpcstatus.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode(a.Status)}, Headers: headers,
		}},
	}
}

// headersToAdd leaves Vary to the route: what is added here would replace what
// upstream says, or repeat what the route says. append is false, since unset it
// means to append.
func headersToAdd(a *policy.Answer) []*corev3.HeaderValueOption {
	var headers []*corev3.HeaderValueOption
	for _, h := range a.Set {
		if h.Name != "vary" {
			headers = append(headers, &corev3.HeaderValueOption{
				Header: &corev3.HeaderValue{Key: h.Name, Value: string(h.Value)},
				Append: wrapperspb.Bool(false), //nolint:staticcheck // deprecated for append_action, over which it wins in every Envoy
			})
		}
	}
	return headers
}
