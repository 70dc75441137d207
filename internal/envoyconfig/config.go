package envoyconfig

import (
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Config is an Envoy configuration.
type Config struct {
	File     string
	Managers []*Manager
	Tables   []*Table // those that no manager has in itself
	Clusters []*Cluster
}

// Text is a scalar of the configuration.
type Text struct {
	Value    string
	Set      bool          // the configuration has it
	Position spec.Position // of the value, or of the message that lacks it
}

// Header is a header or a key of gRPC metadata.
type Header struct{ Key, Value Text }

// Manager is an HTTP connection manager.
type Manager struct {
	Position spec.Position
	Listener string // its name
	Filters  []*Filter

	// Tables are the route tables that it may use, and Unknown the names of those that the file does not
	// have.
	Tables  []*Table
	Unknown []Text

	names []Text // of tables that are found by name
}

// Filter is an HTTP filter of a connection manager.
type Filter struct {
	Position spec.Position
	Name     string
	Type     string // the full name of the type of its configuration
	Disabled bool   // unless a virtual host or route enables it

	// Calls are the configurations of ext_proc, ext_authz and dynamic modules that the filter is, or that it wraps.
	Calls []*Call
}

// Call is a configuration of ext_proc, of ext_authz, or of a dynamic module, which is called in Envoy's process.
type Call struct {
	Position spec.Position
	Authz    bool // ext_authz
	Module   bool // a dynamic module, of which only the following two are read

	// FilterName is that of a module, and AllRequests reports that corsd's decides on requests without an Origin.
	FilterName  Text
	AllRequests bool

	Cluster, Authority, StatPrefix Text
	Metadata                       []Header // the initial metadata of the stream
	FailureModeAllow               Text
	Timeout                        Text // message_timeout, for ext_authz that of grpc_service

	Forwards Rules // the headers that corsd gets

	// Those of ext_proc alone. The default of the modes is SEND.
	Mutations                 Rules // the headers that corsd may set
	RequestMode, ResponseMode Text
	AllowModeOverride         Text
	// OverridesToResponse reports that allowed_override_modes, if there is one, allows to request the response.
	OverridesToResponse bool
}

// Table is a route configuration.
type Table struct {
	Name string
	Scope
	Hosts []*VirtualHost
}

// VirtualHost is a virtual host of a route table.
type VirtualHost struct {
	Name    string
	Domains []Text
	Scope
	Routes []*Route
}

// Route is a route of a virtual host.
type Route struct {
	Name string
	Scope
	// Answers reports that Envoy answers itself: a redirect or a direct response.
	Answers bool
}

// Scope has the common fields of route tables, virtual hosts and routes.
type Scope struct {
	Position   spec.Position
	Removes    []Text   // response_headers_to_remove
	Adds       []Header // response_headers_to_add
	PerFilter  []*PerFilter
	NativeCORS Text // the field cors, which old configurations have
}

// Enables reports whether the scope enables a filter that is disabled.
func (s *Scope) Enables(filter string) bool {
	return slices.ContainsFunc(s.PerFilter, func(p *PerFilter) bool { return p.Filter == filter && !p.Disabled })
}

// RouteEnables reports whether a route of the virtual host enables a filter that is disabled.
func (h *VirtualHost) RouteEnables(filter string) bool {
	return slices.ContainsFunc(h.Routes, func(r *Route) bool { return r.Enables(filter) })
}

// PerFilter is the configuration of a filter in a [Scope].
type PerFilter struct {
	Position spec.Position
	Filter   string // the name of the filter
	Type     string
	Disabled bool

	FailureModeAllow Text
	Authority        Text
	// Metadata is the initial metadata of ext_proc, the context extensions of ext_authz, or the selector of a module.
	Metadata []Header
}

// IsOf reports whether the configuration has a type of this name, whatever its package.
func (p *PerFilter) IsOf(name string) bool { return strings.HasSuffix(p.Type, "."+name) }

// Cluster is an upstream cluster.
type Cluster struct {
	Position spec.Position
	Name     string
	// MaxRequests is that of the circuit breaker of priority DEFAULT.
	MaxRequests Text
}
