# Thin names over cargo, cargo-leptos and npm. Each target installs what it misses: see scripts/install.

export PATH := $(CURDIR)/target/tools/bin:$(CURDIR)/end2end/node_modules/.bin:$(PATH):$(HOME)/.cargo/bin
export CARGO_TARGET_DIR := $(CURDIR)/target
PLAYWRIGHT := cd end2end && npx playwright test

.PHONY: run watch build test check bench bench-page fuzz lighthouse size screenshots clean
.NOTPARALLEL:

# Serves the demo, or your own registration once .env names one.
run: build
	target/release/cloakroom

# For daily work: a debug build at the same address, built anew and reloaded when a file changes.
watch:
	@scripts/install build
	cargo-leptos watch

# The release: target/release/cloakroom and target/site.
build:
	@scripts/install build
	@scripts/build

# Everything. The browser tests run against the release build: it is what `make run` serves and what `make size` weighs,
# so one build serves all three; a debug build of the site would come on top.
test: check build
	@scripts/install test
	@scripts/test

# Each half by itself: `--workspace` would unify the features `hydrate` and `ssr` of app.
check:
	@scripts/install build
	cargo fmt --all --check
	cargo clippy -p app -p server -p emulator --all-targets -- -D warnings
	cargo clippy -p app -p frontend --target wasm32-unknown-unknown -- -D warnings
	cargo clippy -p fuzz -- -D warnings
	cd end2end && npx tsc

# What strangers can send, mutated for FUZZ_SECONDS (600) a target; fails when one of fuzz/targets finds something.
fuzz:
	@scripts/fuzz

# What a session costs at a thousand, a hundred thousand and a million of them, on both stores; and how quick the Graph
# proxy is, beside what others take for the same.
bench:
	@scripts/install bench
	cargo bench -p server --bench '*'

# How long a person waits after the sign-in, on a telephone with slow 4G, until the directory is there.
bench-page: build
	@scripts/install test
	export ALONE=bench-page && $(PLAYWRIGHT) --project=bench-page

# Google's Lighthouse, as on a telephone; fails below what it should say.
lighthouse: build
	@scripts/install lighthouse
	export ALONE=lighthouse && $(PLAYWRIGHT) --project=lighthouse

# What each page weighs, compressed; fails over budget.
size: build
	@scripts/install test
	$(PLAYWRIGHT) size

# Every page in every state, light and dark, 320 and 1440 pixels wide, English and Dutch, in target/screenshots.
screenshots: build
	@scripts/install test
	export ALONE=screenshots && $(PLAYWRIGHT) --project=screenshots

# All but the installed tools.
clean:
	find target -mindepth 1 -maxdepth 1 ! -name tools -exec rm -rf {} +
