# One word a step; CI calls the same words. `make help` lists them.

# What is tested does not depend on a desk's own flags or workspace. No version
# stamp: a checkout that another user owns builds too.
export GOFLAGS := -buildvcs=false
export GOWORK := off

FUZZTIME  ?= 10s
BENCHTIME ?= 1s
export FUZZTIME

.PHONY: help run build test lint cross race bench bench-report soak microbench fuzz interop browser tidy clean

help: ## list the words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start the chat example
	go run ./examples/chat

build: ## build every package, the tool and the examples into .build/
	@mkdir -p .build
	go build ./...
	go build -o .build/ ./cmd/... ./examples/...

test: ## everything that CI runs, stops at the first failure
	ci/test.sh

lint: ## gofmt, go mod tidy -diff, go vet, staticcheck
	ci/lint.sh

cross: ## vet and build all tests for the other systems
	ci/cross.sh

race: ## the tests of all modules, the main one under the race detector
	ci/race.sh

bench: ## this server beside its peers, a good hour; BENCHFLAGS='-quick -rounds 1' for a look
	cd bench && go run ./cmd/suite $(BENCHFLAGS)

bench-report: ## the same, and write the tables and plots of docs/performance.md from it
	cd bench && go run ./cmd/suite -document ../docs/performance.md $(BENCHFLAGS)

soak: ## this server alone at full sizes and under abuse, held to its promises, about ten minutes
	cd bench && go run ./cmd/suite -soak $(SOAKFLAGS)
	ICSWS_SOAK=full go test -count 1 -timeout 20m -v ./internal/soak

microbench: ## the benchmarks of single functions; BENCHTIME=1x for one round
	go test -run '^$$' -bench . -benchtime $(BENCHTIME) -benchmem ./...

fuzz: ## each fuzz target for FUZZTIME
	ci/fuzz.sh

interop: ## the server behind nginx and HAProxy, the client against other servers
	ci/interop.sh

browser: build ## the client for browsers, npm ws and a real Chromium against the examples
	ci/browser.sh

tidy: ## gofmt -w and go mod tidy in every module
	ci/tidy.sh

clean: ## remove what was built
	rm -rf .build test/browser/node_modules web/node_modules web/.build
