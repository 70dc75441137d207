# The tools that `make` builds into .tools/ when they are needed, and their versions. Go checks what it downloads against
# its checksum database. Envoy, which the tests and the demo run, is pinned in test/harness/envoy/requirements.txt.
GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
CONTROLLER_GEN_VERSION := v0.23.0
ETCD_VERSION := v3.7.3
ACTIONLINT_VERSION := v1.7.12
HELM_VERSION := v4.3.2
GORELEASER_VERSION := v2.17.0
COSIGN_VERSION := v3.1.3
CRANE_VERSION := v0.22.1
CYCLONEDX_GOMOD_VERSION := v1.10.0

# What tests of manifests use: the schemas in test/harness/manifest/schemas, which `make schemas` writes, and the programs
# that `make test-cluster` and `make test-gateways` build from Go modules. Istio's tags are not versions of a Go module,
# so its module has a pseudo-version: Istio 1.31.
KUBERNETES_VERSION := v1.37.1
GATEWAY_API_VERSION := v1.6.3
ENVOY_GATEWAY_VERSION := v1.9.1
ISTIO_VERSION := v0.0.0-20260827124520-eed52ebb66ad
ISTIO_API_VERSION := v1.31.1
CERT_MANAGER_VERSION := v1.21.2
PROMETHEUS_OPERATOR_VERSION := v0.85.0
