# letta-dev: what a contributor types. `make demo` and `make up` need Go and make, nothing else.

SHELL   := /bin/bash
GO      ?= go
BINDIR  ?= $(if $(PREFIX),$(patsubst ~/%,$(HOME)/%,$(PREFIX))/bin,$(shell dirname "$$($(GO) list -f '{{.Target}}' ./cmd/letta-dev)"))
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -s -w -buildid= -X main.buildVersion=$(VERSION)
BUILD   := @CGO_ENABLED=0 GO="$(GO)" tools/compile.sh -trimpath -ldflags "$(LDFLAGS)"

.DEFAULT_GOAL := build
.PHONY: help build install demo up test e2e lint fuzz h2spec bench letta-image clean

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST)

build: ## bin/letta-dev
	$(BUILD) -o bin/letta-dev ./cmd/letta-dev

install: ## letta-dev into your Go bin folder, or PREFIX/bin
	$(BUILD) -o "$(DESTDIR)$(BINDIR)/letta-dev" ./cmd/letta-dev
	@echo "installed $(DESTDIR)$(BINDIR)/letta-dev"
	@[[ "$$(command -v letta-dev)" -ef "$(DESTDIR)$(BINDIR)/letta-dev" ]] || \
		echo "to call it by its name: export PATH=\"$(DESTDIR)$(BINDIR):\$$PATH\""

demo: build ## trusted https in front of a stand-in server, in seconds
	@bin/letta-dev up -d --demo

up: build ## trusted https in front of the real Letta server
	@bin/letta-dev up -d

letta-image: ## letta/letta:0.16.8 built here, where it cannot be pulled (Debian, root)
	@e2e/with-engine.sh e2e/image/build.sh

test: ## unit tests with the race detector, and the demo on a real engine
	@e2e/needs.sh
	@tools/timed.sh "make test: unit tests with the race detector, and the demo on a real engine" "ten to fifteen minutes on two cores" \
		e2e/with-engine.sh --optional $(GO) test -race ./...

e2e: ## the real Letta server, its clients, and whole commands
	@e2e/needs.sh
	@tools/timed.sh "make e2e: the real Letta server, its clients, and whole commands" "about ten minutes on two cores" \
		e2e/with-engine.sh e2e/run.sh

lint: ## format, vet, staticcheck, shellcheck, and a build for every system
	@tools/lint.sh

fuzz: ## every fuzz test of the proxy, FUZZTIME (10m) each
	@tools/fuzz.sh

h2spec: ## the cases of h2spec against the proxy, and against net/http itself
	$(GO) test -tags h2spec -count=1 -run TestH2spec -v ./proxy

bench: build ## speed and weight beside a plain container start and nginx, as ratios
	@e2e/needs.sh nginx:nginx-light haproxy:haproxy wrk:wrk h2load:nghttp2-client taskset:util-linux
	@e2e/with-engine.sh $(GO) run ./e2e/bench $(ONLY)

clean:
	rm -rf bin
