# Two commands: `make demo` shows Yagura at work, `make test` shows that it works. Both install what is missing.

CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/yagura
export CARGO_TARGET_DIR ?= $(CACHE)/target
export PATH := $(CACHE)/node/bin:$(CACHE)/tools/bin:$(HOME)/.cargo/bin:$(PATH)

FLEET ?= 50
DATA ?= data/demo

.PHONY: help setup build console demo demo-clean test bench

help:
	@echo "make demo        start a server and a simulated fleet (FLEET=50), attack some vehicles, print the console's address"
	@echo "make demo-clean  forget the demo's data ($(DATA))"
	@echo "make test        everything that CI checks"
	@echo "make bench       figures of this machine"

setup:
	@scripts/setup "$(CACHE)" test

console:
	@scripts/setup "$(CACHE)" demo
	@cd console && npm run --silent build

# Tests are built along: with them cargo picks the same features as `make test`, so dependencies are compiled once for both.
build: console
	@cargo build --workspace --bins --tests

demo: build
	@exec "$(CARGO_TARGET_DIR)/debug/yagura" demo --fleet $(FLEET) --data "$(DATA)"

demo-clean:
	rm -rf "$(DATA)"

test: setup
	@cargo xtask ci

bench: setup
	@cargo xtask bench
