package main

import (
	"context"
	"errors"
	"io"
	"net"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/corsd/corsd/pkg/extauthz"
	"github.com/corsd/corsd/pkg/extproc"
)

// noop is the server with which corsd is compared. It decides nothing: it lets every request
// pass and sets one header on the response. It uses grpc-go with the standard codec and without
// options.
type noop struct {
	extprocv3.UnimplementedExternalProcessorServer
	authv3.UnimplementedAuthorizationServer
}

// serveNoop serves until the process is ended.
func serveNoop(listen string) error {
	network, address := split(listen)
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	extprocv3.RegisterExternalProcessorServer(server, noop{})
	authv3.RegisterAuthorizationServer(server, noop{})
	healthy := health.NewServer()
	for _, name := range []string{extproc.ServiceName, extauthz.ServiceName} {
		healthy.SetServingStatus(name, grpc_health_v1.HealthCheckResponse_SERVING)
	}
	grpc_health_v1.RegisterHealthServer(server, healthy)
	return server.Serve(l)
}

func (noop) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		response := &extprocv3.ProcessingResponse{}
		switch request.GetRequest().(type) {
		case *extprocv3.ProcessingRequest_RequestHeaders:
			response.Response = &extprocv3.ProcessingResponse_RequestHeaders{
				RequestHeaders: &extprocv3.HeadersResponse{},
			}
			response.ModeOverride = &modev3.ProcessingMode{ResponseHeaderMode: modev3.ProcessingMode_SEND}
		case *extprocv3.ProcessingRequest_ResponseHeaders:
			mutation := &extprocv3.HeaderMutation{SetHeaders: oneHeader()}
			response.Response = &extprocv3.ProcessingResponse_ResponseHeaders{
				ResponseHeaders: &extprocv3.HeadersResponse{
					Response: &extprocv3.CommonResponse{HeaderMutation: mutation},
				},
			}
		default:
			continue
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

func (noop) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return &authv3.CheckResponse{
		Status: &rpcstatus.Status{},
		HttpResponse: &authv3.CheckResponse_OkResponse{
			OkResponse: &authv3.OkHttpResponse{ResponseHeadersToAdd: oneHeader()},
		},
	}, nil
}

// noopHeader is a header that the mutation rules of deploy/ allow.
const noopHeader = "access-control-noop"

// oneHeader sets both fields of the value: Envoy reads one with ext_proc, the other with ext_authz.
func oneHeader() []*corev3.HeaderValueOption {
	return []*corev3.HeaderValueOption{{
		Header:       &corev3.HeaderValue{Key: noopHeader, Value: "1", RawValue: []byte("1")},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}}
}
