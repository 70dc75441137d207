package lab

import "github.com/corsd/corsd/test/harness/envoy"

// Profile is one of the ways to put corsd into Envoy.
type Profile struct {
	Name   string
	Config string        // in deploy/
	Since  envoy.Version // the first Envoy that it works on

	// metadata is the namespace of what corsd says to Envoy's access log.
	metadata string
}

// The profiles, as docs/envoy.md describes them.
var (
	RequestResponse = Profile{"request_response", "envoy.yaml", envoy.Version{Major: 1, Minor: 37}, "corsd"}
	Lean            = Profile{"lean", "envoy-lean.yaml", envoy.Version{Major: 1, Minor: 37}, "corsd"}
	ExtAuthz        = Profile{"ext_authz", "envoy-ext-authz.yaml", envoy.Version{Major: 1, Minor: 37}, "envoy.filters.http.ext_authz"}

	Profiles = []Profile{RequestResponse, Lean, ExtAuthz}
)

// Transport is how browsers speak to Envoy.
type Transport string

// The transports. Browsers speak HTTP/2 by TLS only.
const (
	HTTP     Transport = "HTTP/1.1"
	TLS      Transport = "HTTP/1.1 with TLS"
	TLSHTTP2 Transport = "HTTP/2 with TLS"
)

// scheme is that of the lab's origins.
func (t Transport) scheme() string {
	if t == HTTP {
		return "http"
	}
	return "https"
}

// protocols are those that Envoy offers by ALPN.
func (t Transport) protocols() []string {
	if t == TLSHTTP2 {
		return []string{"h2", "http/1.1"}
	}
	return []string{"http/1.1"}
}
