# Parley. The two commands: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# What the build needs; checked before anything is done, with one line that says what to install.
GO_MIN := 1.26
NODE_MIN := 20
PYTHON_MIN := 3.9

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/parley-ai/parley/internal/cli.Version=$(VERSION)
export CGO_ENABLED := 0

# For `make run`: RUN_FLAGS="--addr 127.0.0.1:9000 --smoke".
RUN_FLAGS ?=

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

.PHONY: check-tools
check-tools:
	@GO_MIN=$(GO_MIN) NODE_MIN=$(NODE_MIN) PYTHON_MIN=$(PYTHON_MIN) ./scripts/check-tools.sh

.PHONY: run
run: build models ## build, pull the default models, start on 127.0.0.1:8080
	exec bin/parley serve $(RUN_FLAGS)

.PHONY: build
build: check-tools web ## build bin/parley with the web app inside
	go build -tags web -ldflags '$(LDFLAGS)' -o bin/parley ./cmd/parley

.PHONY: web
web: check-tools ## build the web app into web/dist
	@./scripts/web-build.sh

.PHONY: models
models: bin/parley ## pull the default models and the engine's libraries into the cache
	bin/parley pull --defaults

.PHONY: sandbox
sandbox: bin/parley ## build Code Interpreter's sandbox and its Python environment into the cache (once, a few minutes)
	@./scripts/sandbox-build.sh
	bin/parley setup code-interpreter

bin/parley:
	$(MAKE) build

.PHONY: test
test: ## install what the tests need and run all of them
	@./scripts/test.sh

.PHONY: lint
lint: ## vet, formatting, linters of Go and of the web app
	@./scripts/lint.sh

.PHONY: cross
cross: web ## build for every platform that the README names
	@./scripts/cross.sh

.PHONY: bench
bench: build models ## run the benchmarks against their peers (takes a quarter of an hour)
	bench/run.sh

.PHONY: clean
clean: ## remove what was built here; the cache stays
	rm -rf bin web/dist web/node_modules e2e/sdk/node/node_modules
