# Every target says what it does: make help

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
CODE := cmd config enqueue tasks worker
BIN := $(shell go env GOPATH)/bin

# One build configuration for the tests, and for the binaries that tests build: dependencies are compiled once.
# The race detector needs cgo.
export CGO_ENABLED := 0
WITH_RACE := CGO_ENABLED=1

.DEFAULT_GOAL := help
.PHONY: help build demo test race full unit lint vuln fuzz differential bench bench-quick chaos soak chaos-planted browser picture image tools

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the static binary bin/mediaferry
	go build -trimpath -ldflags='-s -w' -o bin/mediaferry ./cmd/mediaferry

demo: ## see it work: nothing to set up
	go run ./cmd/mediaferry demo

test: tools ## run every test, on real servers; installs what is missing (Debian, as root)
	@.ci/gotest $(TESTFLAGS) ./tasks/ledger ./... # what takes longest first

# Where goroutines share something. All of it is in make full.
CONCURRENT := ./config ./enqueue/... ./tasks/... ./worker/...
race: ## run the tests of what is concurrent with the race detector
	@.ci/servers race
	@$(WITH_RACE) .ci/gotest -race $(TESTFLAGS) $(CONCURRENT)

full: ## run all there is, in an hour: the whole race run, chaos on both databases, planted bugs, a soak and fuzzing in short
	@.ci/full

unit: ## run the quick tests that need no server
	go test -short ./tasks ./config ./worker ./worker/media/... ./worker/source ./enqueue/manifest

tools:
	@.ci/servers

lint: ## gofmt and golangci-lint, which has go vet; any finding fails
	@test -z "$$(gofmt -l $(CODE))" || { gofmt -d $(CODE); exit 1; }
	@test -x $(BIN)/golangci-lint || go install $(GOLANGCI_LINT)
	$(BIN)/golangci-lint run ./...

vuln: ## look for known vulnerabilities (needs govulncheck and its database)
	go run golang.org/x/vuln/cmd/govulncheck@latest ./...

FUZZTIME ?= 30s
fuzz: ## run every fuzz target for FUZZTIME (30s)
	@grep -rl '^func Fuzz' --include='*_test.go' $(CODE) | xargs -n 1 dirname | sort -u | while read -r pkg; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$pkg/*_test.go); do \
			echo "./$$pkg $$target"; go test -vet=off -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) ./$$pkg </dev/null || exit 1; \
		done; \
	done

differential: ## ask djpeg, pngtopnm and ffmpeg what is left of hundreds of odd and damaged files, and compare verdicts
	@.ci/gotest -tags differential -count=1 -run 'Differential|Remedies' ./worker/media

bench-quick: tools ## a little of every benchmark, in a minute: is every contender's work complete? It tells nothing of speed
	PATH="$$(.ci/servers path):$$PATH" go run -tags full ./cmd/mediaferry-bench -quick

bench: ## compare with plain asynq and a plain loop, side by side: accepting uploads, and carrying them
	go run -tags full ./cmd/mediaferry-bench
	SIZE=full go test -vet=off -run '^$$' -bench Pages -benchtime 20x ./enqueue/console # the console's pages with a million uploads

SEED ?= 1
KILLS ?= 24
UPLOADS ?= 4000
DURATION ?= 60s
CHAOS_FLAGS ?=
chaos: tools ## kill, wipe and cut off a whole fleet while it works, then check every record (SEED, KILLS, UPLOADS, DURATION, CHAOS_FLAGS)
	PATH="$$(.ci/servers path):$$PATH" go run ./cmd/mediaferry-chaos -seed $(SEED) -kills $(KILLS) -uploads $(UPLOADS) -duration $(DURATION) $(CHAOS_FLAGS)

SOAK ?= 20m
soak: tools ## a steady load with faults for SOAK (20m): does any process hold ever more? (SEED, UPLOADS)
	PATH="$$(.ci/servers path):$$PATH" go run ./cmd/mediaferry-chaos -seed $(SEED) -soak $(SOAK) -uploads $(UPLOADS) $(CHAOS_FLAGS)

chaos-planted: tools ## plant bugs in a worker and see that each is found
	@.ci/gotest -tags planted -count=1 -run Planted ./cmd/mediaferry-chaos

browser: ## look at the console in a browser, in short (needs chromium)
	@.ci/servers browser
	@.ci/gotest -tags full -count=1 -run TestBrowserInShort ./enqueue/console

picture: ## draw the console's picture in README anew (needs chromium)
	SIZE=full go test -tags full -count=1 -run 'TestBrowser/en-light-wide-full' ./enqueue/console
	cp enqueue/console/testdata/screens/en-light-wide-full-overview.png enqueue/console/console.png

image: ## build the container image
	docker build -t mediaferry .
