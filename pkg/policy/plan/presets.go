package plan

import "github.com/corsd/corsd/pkg/policy/spec"

// preset has the names that a preset adds to the lists of a policy, by the kind of the list.
// Authorization is never among them: a policy has to name it.
type preset [numNameKinds][]string

// presetLists returns the lists of a preset, and whether it is known.
func presetLists(p spec.Preset) (lists preset, known bool) {
	switch p {
	case spec.PresetGRPCWeb:
		return grpcWeb(), true
	case spec.PresetConnect:
		return connect(), true
	case spec.PresetTus:
		return tus(), true
	case spec.PresetMCP:
		return mcp(), true
	case spec.PresetTrace:
		return trace(), true
	case spec.PresetOTLP:
		return otlp(), true
	}
	return preset{}, false
}

// grpcWeb: PROTOCOL-WEB.md of the gRPC project, and the headers of its JavaScript client.
func grpcWeb() preset {
	return preset{
		methodNames:        []string{"POST"},
		requestHeaderNames: []string{"Content-Type", "X-Grpc-Web", "X-User-Agent", "Grpc-Timeout"},
		exposedNames:       []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"},
	}
}

// connect: connectrpc.com/docs/cors, for Connect and gRPC-Web clients alike.
func connect() preset {
	return preset{
		methodNames: []string{"GET", "POST"},
		requestHeaderNames: []string{
			"Content-Type", "Connect-Protocol-Version", "Connect-Timeout-Ms", "Grpc-Timeout", "X-Grpc-Web",
			"X-User-Agent",
		},
		exposedNames: []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"},
	}
}

// tus: tus.io/protocols/resumable-upload, version 1.0.x with its extensions, and the headers that
// tus-js-client sends for the drafts of its successor (draft-ietf-httpbis-resumable-upload).
func tus() preset {
	return preset{
		methodNames: []string{"POST", "HEAD", "PATCH", "DELETE"},
		requestHeaderNames: []string{
			"Content-Type", "Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Defer-Length",
			"Upload-Concat", "Upload-Checksum", "Upload-Complete", "Upload-Draft-Interop-Version", "X-Request-ID",
			"X-HTTP-Method-Override",
		},
		exposedNames: []string{
			"Location", "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm",
			"Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Defer-Length", "Upload-Concat",
			"Upload-Expires",
		},
	}
}

// mcp: the Streamable HTTP transport of modelcontextprotocol.io, revision 2026-07-28, and its
// authorization. The family has the headers that a tool maps its parameters to.
func mcp() preset {
	return preset{
		methodNames: []string{"GET", "POST", "DELETE"},
		requestHeaderNames: []string{
			"Content-Type", "Mcp-Session-Id", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Param-*",
			"Last-Event-ID",
		},
		exposedNames: []string{"Mcp-Session-Id", "WWW-Authenticate"},
	}
}

// trace: W3C Trace Context and Baggage.
func trace() preset {
	return preset{requestHeaderNames: []string{"Traceparent", "Tracestate", "Baggage"}}
}

// otlp: OTLP over HTTP (opentelemetry.io/docs/specs/otlp), as browsers' exporters send it.
func otlp() preset {
	return preset{
		methodNames:        []string{"POST"},
		requestHeaderNames: []string{"Content-Type", "Content-Encoding"},
	}
}
