# Every target is one plain command or two; `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup fmt lint test prove mutants endure demo bench build deb run once doc reference ci

# In CI the lock file is law, and one failing test does not hide the others.
LOCKED := $(if $(CI),--locked)
PROFILE := $(if $(CI),--profile ci)
TARGET := $(or $(CARGO_TARGET_DIR),target)

help: ## List the targets
	@awk -F ': ## ' '/^[a-z-]+: ## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what this machine lacks (packages only as root on Debian)
	@scripts/setup

fmt: ## Format the code
	cargo fmt --all

lint: ## Check format, lints and documentation
	@scripts/setup build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(LOCKED) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items $(LOCKED)

test: ## Run every test; ARGS='-E "test(name)"' runs some
	@scripts/setup test
	cargo nextest run --workspace $(LOCKED) $(PROFILE) $(ARGS)
	$(if $(ARGS),,cargo test --workspace --doc $(LOCKED))

endure: ## Stop, kill and cut it off hundreds of times, and print what was lost: nothing
	@scripts/setup demo
	cargo nextest run $(LOCKED) --profile endure --test endure --run-ignored only --no-capture
	@echo "make endure, commit $$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"

prove: ## Play 100,000 histories in memory and write docs/proof.md; HISTORIES=n plays others
	cargo run --release -p prove --features planted $(LOCKED) -- run $(or $(HISTORIES),100000) --table docs/proof.md

mutants: ## Break src/plan in every small way, and write docs/proof-mutants.md; ARGS=again repeats only the missed
	@scripts/mutants $(ARGS)

demo: ## Mirror a sample CRM into a private PostgreSQL, until Ctrl-C
	@scripts/setup demo
	cargo build --workspace --bins $(LOCKED)
	@exec $(TARGET)/debug/demo

bench: ## Measure a backfill beside two bare baselines, and the way back
	@scripts/setup demo
	cargo bench $(LOCKED) $(ARGS)

build: ## Build the release binary
	@scripts/setup build
	cargo build --release $(LOCKED)

deb: ## Build the Debian package, in target/debian
	@scripts/setup deb
	scripts/package

run: ## Keep syncing, as the environment says (TWENTY_URL, TWENTY_API_KEY, DATABASE_URL)
	cargo run $(LOCKED) -- run $(ARGS)

once: ## Sync once
	cargo run $(LOCKED) -- --once $(ARGS)

doc: ## Build the documentation of the code, private items included
	cargo doc --workspace --no-deps --document-private-items

reference: ## Write docs/configuration.md from the types of the configuration
	UPDATE_REFERENCE=1 cargo test --lib $(LOCKED) config::reference

ci: ## Run what CI runs
	.ci/run
