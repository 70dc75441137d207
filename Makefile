include tools.mk

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
FUZZTIME ?= 10s
FUZZED ?= cmd internal pkg
GOLANGCI_LINT := .tools/golangci-lint-$(GOLANGCI_LINT_VERSION)/golangci-lint
GOVULNCHECK := .tools/govulncheck-$(GOVULNCHECK_VERSION)/govulncheck
CONTROLLER_GEN := .tools/controller-gen-$(CONTROLLER_GEN_VERSION)/controller-gen
ACTIONLINT := .tools/actionlint-$(ACTIONLINT_VERSION)/actionlint
HELM := .tools/helm-$(HELM_VERSION)/helm
GORELEASER := .tools/goreleaser-$(GORELEASER_VERSION)/goreleaser
COSIGN := .tools/cosign-$(COSIGN_VERSION)/cosign
CRANE := .tools/crane-$(CRANE_VERSION)/crane
CYCLONEDX_GOMOD := .tools/cyclonedx-gomod-$(CYCLONEDX_GOMOD_VERSION)/cyclonedx-gomod

# The Go modules: the product, its tests, its benchmarks. Only the first is built for users.
MODULES := . test bench

# The tests of docs/ and of the module test build corsd and read files of other modules. Go's cache of test results does
# not notice changes there, so they always run (-count=1).
UNIT := $$(go list ./... | grep -v /docs$$)
END_TO_END := ./conformance ./conformance/corpus ./crd ./demo/... ./e2e/... ./gateways/manifests
IN_BROWSERS := ./harness/browser ./browser
ON_API_SERVER := ./cluster
WITH_GATEWAYS := ./gateways
WITH_SANITIZERS := ./module
ALONE := $(END_TO_END) $(IN_BROWSERS) $(ON_API_SERVER) $(WITH_GATEWAYS) $(WITH_SANITIZERS)
UNIT_OF_TESTS := $$(cd test && go list ./... | grep -vxF "$$(go list $(ALONE))")

# The packages with tests that skip themselves under the race detector (allocations, time). They also run without it.
NOT_UNDER_RACE := $$(grep -rl --include='*_test.go' '^//go:build !race' cmd internal pkg | xargs -n 1 dirname | sort -u)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/corsd
	go build -tags grpcnotrace -trimpath -ldflags "-s -w -X github.com/corsd/corsd/internal/cli.version=$(VERSION)" -o bin/corsd ./cmd/corsd

.PHONY: module
module: ## build bin/libcorsd.so, the dynamic module for Envoy (needs a C compiler)
	CGO_ENABLED=1 go build -buildmode=c-shared -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/libcorsd.so ./cmd/corsd-module
	@rm -f bin/libcorsd.h

.PHONY: module-release
module-release: ## build the dynamic module for amd64 and arm64 and an old glibc, into dist (downloads a C compiler, 100 MB)
	@deploy/release/module dist $(VERSION)

.PHONY: test
test: test-unit test-e2e test-browser ## run all tests

.PHONY: test-unit
test-unit: ## run the unit tests, fuzz seeds and scripts, with the race detector if there is a C compiler
ifeq ($(shell go env CGO_ENABLED),1)
	@echo "with the race detector:"
	@go test -timeout 30m -race $(UNIT)
	@go test -C test -timeout 30m -race -count=1 $(UNIT_OF_TESTS)
	@go test -C bench -race -count=1 ./...
	@echo "without it, the tests that it would slow down or falsify:"
	@for package in $(NOT_UNDER_RACE); do go test -timeout 30m ./$$package || exit 1; done
else
	@echo "There is no C compiler here, so the unit tests run without the race detector."
	@go test -timeout 30m $(UNIT)
	@go test -C test -timeout 30m -count=1 $(UNIT_OF_TESTS)
	@go test -C bench -count=1 ./...
endif

.PHONY: test-e2e
test-e2e: ## run the tests of the documentation, of deploy/ and resource definitions, and those end to end on a real Envoy
	@go test -count=1 ./docs
	@go test -C test -timeout 30m -count=1 $(END_TO_END)

.PHONY: test-browser
test-browser: ## run the tests in Chromium and Firefox, if installed (ARGS='-seed 1 -fetches 20000')
	@go test -C test -count=1 ./harness/browser
	@go test -C test -timeout 30m -count=1 ./browser $(ARGS)

.PHONY: test-cluster
test-cluster: ## run the tests on a Kubernetes API server, which is built once (fifteen minutes; ARGS='-run Columns')
	@go test -C test -timeout 90m -count=1 $(ON_API_SERVER) $(ARGS)

.PHONY: test-gateways
test-gateways: ## run corsd with Istio and Envoy Gateway (builds both and an API server, once; ARGS=-update writes docs/gateways.md)
	@go test -C test -timeout 90m -count=1 $(WITH_GATEWAYS) $(ARGS)

.PHONY: test-module-asan
test-module-asan: ## run the C part of the dynamic module with sanitizers for addresses, leaks, undefined behaviour and threads
	@go test -C test -timeout 30m -count=1 $(WITH_SANITIZERS)

.PHONY: mutate
mutate: ## make mistakes in the engine and the adapter, each of which a test has to catch (six minutes; ARGS='-run Vary')
	@go build -C test -o ../bin/mutation ./mutation && exec bin/mutation $(ARGS)

.PHONY: demo
demo: ## run the demo on a real Envoy (ARGS=--once: do not stay up)
	@go build -C test -o ../bin/demo ./demo && exec bin/demo $(ARGS)

.PHONY: generate
generate: $(CONTROLLER_GEN) ## write the Kubernetes resource definitions in deploy/k8s/crds from the Go types
	@$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=deploy/k8s/crds
	@cp deploy/k8s/crds/corsd.dev_*.yaml deploy/helm/corsd-crds/files/crds/
	@cp deploy/k8s/tenancy/roles.yaml deploy/k8s/tenancy/host-grants.yaml deploy/helm/corsd-crds/files/tenancy/

.PHONY: generate-check
generate-check: $(CONTROLLER_GEN) ## fail if a resource definition is not what `make generate` would write
	@new=$$(mktemp -d) && $(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=$$new && \
		diff -r -x kustomization.yaml deploy/k8s/crds $$new; status=$$?; rm -rf "$$new"; exit $$status

.PHONY: docs
docs: ## write again the parts of the documentation that are made from the code and from runs
	go test ./docs -update
	go test -C test ./conformance -update
	go test -C test ./e2e -run Tutorial -update

.PHONY: schemas
schemas: ## write the schemas that manifests are checked with, from the Go modules that tools.mk pins
	go -C test run ./harness/manifest/generate

.PHONY: lint
lint: $(GOLANGCI_LINT) $(ACTIONLINT) ## run the linters of .golangci.yml, and that of .github/workflows
	@for module in $(MODULES); do (cd $$module && "$(CURDIR)/$(GOLANGCI_LINT)" run) || exit 1; done
	@$(ACTIONLINT) -shellcheck= -pyflakes= .github/workflows/*.yml

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## format the Go files
	@for module in $(MODULES); do (cd $$module && "$(CURDIR)/$(GOLANGCI_LINT)" fmt) || exit 1; done

.PHONY: fuzz
fuzz: ## run each fuzz test below FUZZED (all) for FUZZTIME (10s)
	@grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' $(FUZZED) | sed 's/:func / /' | while read -r file name; do \
		echo "$$name in $${file%/*}"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "./$${file%/*}" || exit 1; done

.PHONY: bench
bench: ## measure corsd beside a server that decides nothing, and write docs/performance (ten minutes)
	@go build -C bench -o ../bin/load . && exec bin/load $(ARGS)

.PHONY: bench-envoy
bench-envoy: ## measure corsd and other ways to do CORS through a real Envoy (fourteen minutes)
	@go build -C bench -o ../bin/load . && exec bin/load -envoy $(ARGS)

.PHONY: release-tools
release-tools: $(GORELEASER) $(COSIGN) $(CRANE) $(HELM) $(CYCLONEDX_GOMOD) ## build the programs of a release into .tools/release (half an hour of a processor, once)
	@mkdir -p .tools/release && cd .tools/release && for tool in $^; do ln -sf "../../$$tool" .; done

.PHONY: release-dry-run
release-dry-run: release-tools ## do all that a release of HEAD does, without a registry; dist/ has the results
	@PATH="$(CURDIR)/.tools/release:$$PATH" deploy/release/dry-run

.PHONY: cover
cover: ## report how much of the code the unit tests cover, and write bin/cover.html
	@mkdir -p bin
	go test -coverpkg=./cmd/...,./internal/...,./pkg/... -coverprofile=bin/cover.out ./cmd/... ./internal/... ./pkg/...
	@go tool cover -html=bin/cover.out -o bin/cover.html
	@go tool cover -func=bin/cover.out | tail -1

.PHONY: vuln
vuln: $(GOVULNCHECK) ## look for known vulnerabilities, if the Go vulnerability database can be reached
	@for module in $(MODULES); do \
		found=$$(cd $$module && "$(CURDIR)/$(GOVULNCHECK)" ./... 2>&1); status=$$?; \
		case "$$found" in "govulncheck: fetching vulnerabilities"*) \
			echo "Not checked: the Go vulnerability database cannot be reached from here."; exit 0;; esac; \
		echo "$$found"; [ $$status = 0 ] || exit $$status; done

.PHONY: tidy-check
tidy-check: ## fail if a go.mod or go.sum is not what `go mod tidy` would write
	@for module in $(MODULES); do (cd $$module && go mod tidy -diff) || exit 1; done

.PHONY: clean
clean: ## remove the files that these targets have made
	rm -rf bin dist .tools

$(GOLANGCI_LINT): TOOL := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
$(GOVULNCHECK): TOOL := golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
$(CONTROLLER_GEN): TOOL := sigs.k8s.io/controller-tools/cmd/controller-gen@$(CONTROLLER_GEN_VERSION)
$(ACTIONLINT): TOOL := github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
$(HELM): TOOL := helm.sh/helm/v4/cmd/helm@$(HELM_VERSION)
$(GORELEASER): TOOL := github.com/goreleaser/goreleaser/v2@$(GORELEASER_VERSION)
$(COSIGN): TOOL := github.com/sigstore/cosign/v3/cmd/cosign@$(COSIGN_VERSION)
$(CRANE): TOOL := github.com/google/go-containerregistry/cmd/crane@$(CRANE_VERSION)
$(CYCLONEDX_GOMOD): TOOL := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_GOMOD_VERSION)
$(GOLANGCI_LINT) $(GOVULNCHECK) $(CONTROLLER_GEN) $(ACTIONLINT) $(HELM) $(GORELEASER) $(COSIGN) $(CRANE) $(CYCLONEDX_GOMOD):
	@echo "building $(@F) (once; golangci-lint takes some two minutes, cosign ten)"
	@log=$$(GOBIN="$(CURDIR)/$(@D)" go install $(TOOL) 2>&1) || { echo "$$log"; exit 1; }
