package policy

// Preset names the methods and headers that a protocol needs.
type Preset string

// The values of [Preset].
const (
	PresetGRPCWeb Preset = "grpc-web"
	PresetConnect Preset = "connect"
	PresetTus     Preset = "tus"
	PresetMCP     Preset = "mcp"
	PresetTrace   Preset = "trace"
)

// presetLists is what a preset adds to the lists of a policy. Authorization is
// never part of one: it is for the policy to name.
type presetLists struct {
	methods, headers, expose []string
}

func (p Preset) lists() (lists presetLists, ok bool) {
	switch p {
	case PresetGRPCWeb:
		return grpcWeb(), true
	case PresetConnect:
		return connect(), true
	case PresetTus:
		return tus(), true
	case PresetMCP:
		return mcp(), true
	case PresetTrace:
		return trace(), true
	}
	return presetLists{}, false
}

// grpcWeb: PROTOCOL-WEB.md of the gRPC project, and the headers of its JavaScript client.
func grpcWeb() presetLists {
	return presetLists{
		methods: []string{"POST"},
		headers: []string{"Content-Type", "X-Grpc-Web", "X-User-Agent", "Grpc-Timeout"},
		expose:  []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"},
	}
}

// connect: connectrpc.com/docs/cors, for Connect and gRPC-Web clients alike.
func connect() presetLists {
	return presetLists{
		methods: []string{"GET", "POST"},
		headers: []string{
			"Content-Type", "Connect-Protocol-Version", "Connect-Timeout-Ms", "Grpc-Timeout", "X-Grpc-Web", "X-User-Agent",
		},
		expose: []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"},
	}
}

// tus: tus.io/protocols/resumable-upload, version 1.0.x with its extensions.
func tus() presetLists {
	return presetLists{
		methods: []string{"POST", "HEAD", "PATCH", "DELETE"},
		headers: []string{
			"Content-Type", "Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Defer-Length",
			"Upload-Concat", "Upload-Checksum", "X-HTTP-Method-Override",
		},
		expose: []string{
			"Location", "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm",
			"Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Defer-Length", "Upload-Concat", "Upload-Expires",
		},
	}
}

// mcp: the Streamable HTTP transport of modelcontextprotocol.io and its authorization.
func mcp() presetLists {
	return presetLists{
		methods: []string{"GET", "POST", "DELETE"},
		headers: []string{"Content-Type", "Mcp-Session-Id", "Mcp-Protocol-Version", "Last-Event-ID"},
		expose:  []string{"Mcp-Session-Id", "WWW-Authenticate"},
	}
}

// trace: W3C Trace Context and Baggage.
func trace() presetLists {
	return presetLists{headers: []string{"Traceparent", "Tracestate", "Baggage"}}
}
