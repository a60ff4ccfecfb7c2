# What people type. The work is done by scripts/, which need Node.js and npm alone.
.DEFAULT_GOAL := help
.PHONY: help start test testAll proof bench lint format clean

help: ## prints this
	@awk -F ':.*## ' '/^[a-zA-Z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

start: ## builds everything and shows a hub at work: a sensor, a bad link, nothing lost
	@echo 'Installing and building, half a minute the first time …'
	@node scripts/lib/install.mjs
	@npm run --silent build
	@node packages/cli/dist/main.js hub --demo

test: ## every check and every test, in a few minutes
	@node scripts/check.mjs

testAll: ## longer rounds on top of `make test`; as root, installs the Debian packages it needs
	@node scripts/check-all.mjs

proof: ## the long proofs, an hour and a quarter, or ONLY="NAME …"; writes docs/proofs.md
	@node scripts/lib/install.mjs
	@npm run --silent build
	@node scripts/proof.mjs $(ONLY)

bench: ## figures beside their peers
	@node scripts/lib/install.mjs
	@npm run --silent build
	@node bench/run.mjs

lint: ## format, lint, layers and dead code, without tests
	@node scripts/lib/install.mjs
	@npx oxfmt --check . && npx oxlint --type-aware && node scripts/layers.mjs && npx knip --no-config-hints

format: ## formats every file
	@node scripts/lib/install.mjs
	@npx oxfmt .

clean: ## removes what was built
	@rm -rf packages/*/dist coverage .cache docs/api
