# Orange Meets, self-hosted. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Flags for the server, e.g. make run ARGS="--http 127.0.0.1:9000"
ARGS ?=

STAMPS := target/stamps
NPM := npm --prefix web-client --no-fund --no-audit --loglevel=error

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18

.PHONY: run
run: ## Set everything up and serve a meeting at http://localhost:8080
	@echo "[1/4] checking the tools that the build needs"
	@$(MAKE) --no-print-directory setup
	@echo "[2/4] building the encryption core for the browser"
	@$(MAKE) --no-print-directory wasm
	@echo "[3/4] building the web client"
	@$(MAKE) --no-print-directory web
	@echo "[4/4] building the server: some 400 crates at first, which takes minutes"
	cargo build --profile quick --no-default-features --locked --package orange-meets
	exec target/quick/orange-meets serve $(ARGS)

.PHONY: test
test: setup setup-browser lint test-rust test-web check-deploy model test-e2e test-bench ## Set everything up and run every check and test
	@echo "all checks and tests passed"

.PHONY: setup
setup: ## Install what the build needs and is missing, saying what
	@deploy/setup.sh build

.PHONY: str0m
str0m: ## Put the patched str0m into sfu/str0m/source; cargo needs it to load the workspace
	@sfu/str0m/patch.sh

.PHONY: setup-browser
setup-browser: ## Install what the browser tests need and is missing
	@deploy/setup.sh browser

.PHONY: wasm
wasm: $(STAMPS)/npm str0m ## Build the end-to-end encryption core for the browser
	@web-client/e2ee-wasm/build.sh

.PHONY: web
web: wasm ## Build the web client
	@web-client/build.sh

$(STAMPS)/npm: web-client/package-lock.json web-client/package.json
	@mkdir -p $(STAMPS)
	@echo "installing the web client's packages (npm ci, from web-client/package-lock.json)"
	@$(NPM) ci
	@touch $@

.PHONY: lint
lint: wasm ## Formatting, clippy and TypeScript checks
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	cargo clippy --package orange-meets --no-default-features --locked -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --locked
	$(NPM) run check

.PHONY: test-rust
test-rust: str0m test-str0m ## Rust tests
	cargo test --workspace --locked
	cargo test --package orange-meets --no-default-features --locked --bin orange-meets

.PHONY: test-str0m
test-str0m: str0m ## The unit tests of str0m, with the patches
	@sfu/str0m/tests/run.sh

.PHONY: test-web
test-web: wasm ## TypeScript tests, and the WASM core in Node.js
	$(NPM) test

.PHONY: test-e2e
test-e2e: setup-browser web ## Meetings between real browsers through the real server
	@deploy/setup.sh model
	cargo build --locked --workspace --bins
	$(NPM) run e2e

.PHONY: test-bench
test-bench: web ## One short load by the debug build: fails on a broken figure
	@PROFILE=debug benches/run.sh smoke

.PHONY: check-deploy
check-deploy: ## Chart, Compose file, Dockerfile, YAML and shell, without an engine or a cluster
	@deploy/tests/check.sh

.PHONY: test-deploy
test-deploy: setup-browser $(STAMPS)/npm ## Build the image, run it by Compose, and meet in it (half an hour at first)
	@timeout 60m deploy/tests/engine/run.sh

.PHONY: test-other
test-other: ## Build the image for the other kind of processor (amd64, arm64), and run what is in it by QEMU
	@timeout 60m deploy/tests/engine/other.sh

.PHONY: sbom
sbom: ## Write the software bill of materials to target/sbom.spdx.json
	@deploy/sbom.sh

.PHONY: advisories
advisories: ## Look up known vulnerabilities of the locked crates (downloads the RustSec database)
	@deploy/advisories.sh

.PHONY: model
model: str0m ## Check the TLA+ models at their short bounds, and traces of real rooms against them
	@tla/run.sh
	cargo test --locked --workspace --test trace -- --ignored

.PHONY: model-full
model-full: str0m ## Check the models at their long bounds, of the Rust code too (three quarters of an hour)
	@tla/run.sh full
	ORANGE_MODEL=full cargo test --locked --release --package e2ee --test model -- --nocapture

.PHONY: bench
bench: setup web ## Measure; print the tables and write target/bench/index.html with charts
	@benches/run.sh

.PHONY: bench-smoke
bench-smoke: setup web ## Two short loads: fails on a broken figure, never on a slow one
	@benches/run.sh smoke

.PHONY: generate
generate: str0m ## Regenerate the protocol's TypeScript types and docs/configuration.md
	UPDATE_GENERATED=1 cargo test --locked --package signaling-protocol
	UPDATE_GENERATED=1 cargo test --locked --package orange-meets --bin orange-meets configuration_page

.PHONY: clean
clean: ## Remove everything that was built (installed tools stay)
	cargo clean || rm -rf target
	rm -rf web-client/dist web-client/node_modules web-client/src/e2ee/wasm
