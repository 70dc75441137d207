package lab

import "github.com/corsd/corsd/test/harness/envoy"

// Profile is a way to call corsd from Envoy.
type Profile struct {
	Name   string
	Config string        // in deploy/
	Since  envoy.Version // the first Envoy that it works on

	// InEnvoy means that corsd is a dynamic module.
	InEnvoy bool

	// metadata is the namespace of corsd's metadata in Envoy's access log.
	metadata string
}

// The profiles, as docs/envoy.md describes them.
var (
	RequestResponse = Profile{
		Name: "request_response", Config: "envoy.yaml",
		Since: envoy.Version{Major: 1, Minor: 37}, metadata: "corsd",
	}
	Lean = Profile{
		Name: "lean", Config: "envoy-lean.yaml",
		Since: envoy.Version{Major: 1, Minor: 37}, metadata: "corsd",
	}
	ExtAuthz = Profile{
		Name: "ext_authz", Config: "envoy-ext-authz.yaml",
		Since: envoy.Version{Major: 1, Minor: 37}, metadata: "envoy.filters.http.ext_authz",
	}

	Module = Profile{
		Name: "module", Config: "envoy-module.yaml", InEnvoy: true,
		Since: envoy.Version{Major: 1, Minor: 39}, metadata: "corsd",
	}

	Profiles = []Profile{RequestResponse, Lean, ExtAuthz, Module}
)

// Transport is the protocol between browsers and Envoy.
type Transport string

// The transports. Browsers speak HTTP/2 over TLS only.
const (
	HTTP     Transport = "HTTP/1.1"
	TLS      Transport = "HTTP/1.1 with TLS"
	TLSHTTP2 Transport = "HTTP/2 with TLS"
)

// scheme returns the scheme of the lab's origins.
func (t Transport) scheme() string {
	if t == HTTP {
		return "http"
	}
	return "https"
}

// protocols returns the protocols that Envoy offers by ALPN.
func (t Transport) protocols() []string {
	if t == TLSHTTP2 {
		return []string{"h2", "http/1.1"}
	}
	return []string{"http/1.1"}
}
