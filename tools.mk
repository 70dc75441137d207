# The tools that `make` builds into .tools/ when they are needed, and their versions. Go checks what it downloads against
# its checksum database. Envoy, which the tests and the demo run, is pinned in test/harness/envoy/requirements.txt.
GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
CONTROLLER_GEN_VERSION := v0.23.0
KUBERNETES_VERSION := v1.37.1
ETCD_VERSION := v3.7.3
