include tools.mk

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
FUZZTIME ?= 10s
FUZZED ?= cmd internal pkg test
GOLANGCI_LINT := .tools/golangci-lint-$(GOLANGCI_LINT_VERSION)/golangci-lint
GOVULNCHECK := .tools/govulncheck-$(GOVULNCHECK_VERSION)/govulncheck

# Their tests build corsd and run it. Go's cache of test results does not see that, so they are never taken from it; and
# the race detector would watch the test, not corsd.
END_TO_END := ./docs ./test/corpus ./test/conformance ./test/demo ./test/e2e ./test/lab
IN_BROWSERS := ./test/browser ./test/page
UNIT := $$(go list ./... | grep -vxF "$$(go list $(END_TO_END) $(IN_BROWSERS))")

# Tests that leave themselves out under the race detector (allocations, time): their packages are tested without it, too.
NOT_UNDER_RACE := $$(grep -rl --include='*_test.go' '^//go:build !race' . | xargs -n 1 dirname | sort -u)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/corsd
	go build -tags grpcnotrace -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/corsd ./cmd/corsd

.PHONY: test
test: test-unit test-e2e test-browser ## run all tests

.PHONY: test-unit
test-unit: ## run the unit tests, fuzz seeds and scripts, with the race detector where there is a C compiler
ifeq ($(shell go env CGO_ENABLED),1)
	@echo "with the race detector:"
	@go test -race $(UNIT)
	@echo "without it, what it would slow down or falsify:"
	@for package in $(NOT_UNDER_RACE); do go test $$package || exit 1; done
else
	@echo "There is no C compiler here, so the unit tests run without the race detector."
	@go test $(UNIT)
endif

.PHONY: test-e2e
test-e2e: ## run the tests of the documentation, and those end to end on a real Envoy
	@go test -count=1 $(END_TO_END)

.PHONY: test-browser
test-browser: ## run the tests in Chromium and Firefox, those of them that there are (ARGS='-seed 1 -fetches 20000')
	@go test -count=1 ./test/browser
	@go test -count=1 ./test/page $(ARGS)

.PHONY: mutate
mutate: ## make mistakes in the engine and the adapter, each of which a test has to catch (six minutes; ARGS='-run Vary')
	@go build -o bin/mutation ./test/mutation && exec bin/mutation $(ARGS)

.PHONY: demo
demo: ## run the demo on a real Envoy (ARGS=--once: do not stay up)
	@go build -o bin/demo ./test/demo && exec bin/demo $(ARGS)

.PHONY: docs
docs: ## write again what the documentation takes from the code
	go test ./docs -update
	go test ./test/conformance -update

.PHONY: lint
lint: $(GOLANGCI_LINT) ## run the linters of .golangci.yml
	$(GOLANGCI_LINT) run

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## format the Go files
	$(GOLANGCI_LINT) fmt

.PHONY: fuzz
fuzz: ## run each fuzz test below FUZZED (all) for FUZZTIME (10s)
	@grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' $(FUZZED) | sed 's/:func / /' | while read -r file name; do \
		echo "$$name in $${file%/*}"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "./$${file%/*}" || exit 1; done

.PHONY: bench
bench: ## measure corsd beside a server that decides nothing, and write docs/performance (seven minutes)
	@go build -o bin/load ./test/load && exec bin/load $(ARGS)

.PHONY: bench-envoy
bench-envoy: ## measure corsd and other ways of doing CORS through a real Envoy (eleven minutes)
	@go build -o bin/load ./test/load && exec bin/load -envoy $(ARGS)

.PHONY: cover
cover: ## say how much of the code the unit tests cover, and write bin/cover.html
	@mkdir -p bin
	go test -coverpkg=./cmd/...,./internal/...,./pkg/... -coverprofile=bin/cover.out ./cmd/... ./internal/... ./pkg/...
	@go tool cover -html=bin/cover.out -o bin/cover.html
	@go tool cover -func=bin/cover.out | tail -1

.PHONY: vuln
vuln: $(GOVULNCHECK) ## look for known vulnerabilities, where the Go vulnerability database can be reached
	@found=$$($(GOVULNCHECK) ./... 2>&1); status=$$?; \
	case "$$found" in "govulncheck: fetching vulnerabilities"*) \
		echo "Not checked: the Go vulnerability database cannot be reached from here."; exit 0;; esac; \
	echo "$$found"; exit $$status

.PHONY: tidy-check
tidy-check: ## fail if go.mod or go.sum is not what `go mod tidy` would write
	@go mod tidy -diff

.PHONY: clean
clean: ## remove what these targets have made
	rm -rf bin .tools

$(GOLANGCI_LINT): TOOL := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
$(GOVULNCHECK): TOOL := golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
$(GOLANGCI_LINT) $(GOVULNCHECK):
	@echo "building $(@F) (once; golangci-lint takes some two minutes)"
	@log=$$(GOBIN=$(CURDIR)/$(@D) go install $(TOOL) 2>&1) || { echo "$$log"; exit 1; }
