// Package manifests checks deploy/istio and deploy/envoy-gateway without Istio and Envoy Gateway: every resource is
// valid against the schemas of the versions that tools.mk pins, and the patches of EnvoyFilters result in a
// configuration that a real Envoy loads and `corsd check --envoy` approves.
package manifests
