package spec

// +kubebuilder:validation:Enum=grpc-web;connect;tus;mcp;trace;otlp

// Preset names the methods and headers that a protocol needs.
type Preset string

// The values of [Preset].
const (
	PresetGRPCWeb Preset = "grpc-web"
	PresetConnect Preset = "connect"
	PresetTus     Preset = "tus"
	PresetMCP     Preset = "mcp"
	PresetTrace   Preset = "trace"
	PresetOTLP    Preset = "otlp"
)
