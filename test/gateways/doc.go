// Package gateways runs corsd with Envoy Gateway and with Istio, from the manifests of deploy/envoy-gateway and
// deploy/istio: a real API server, the control plane of the project, a real Envoy that it configures, corsd, and one
// table of requests. The last run is in docs/gateways.md.
//
// There are no pods: EndpointSlices name addresses on which the programs of the test listen. Istio's own proxy, which
// has filters beside Envoy's, is replaced by Envoy.
package gateways
