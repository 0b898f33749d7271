# The two commands a newcomer needs are `make start` and `make test`. Everything here is a plain command you can also type.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help start test e2e check faults bench eval sbom setup clean tests format lint types imports web workflows

SCALE ?= ci
JOBS ?= auto
SBOM ?= dist/haloop-app.cdx.json
export PATH := $(CURDIR)/.venv/bin:$(PATH):$(CURDIR)/.local/uv/bin

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

start: setup ## Start Haloop: set everything up, then serve until Ctrl-C
	@haloop start

test: setup check tests ## The gate: everything that must be green before a commit
	@echo "make test: green"

e2e: setup ## The journeys through the web app alone, in Chromium; pictures of its screens lie in .results/screens
	@python -m pytest -n $(JOBS) tests/web

check: format lint types imports web workflows ## The fast part of the gate: nothing is run, only read

faults: setup ## The fault matrix in full: SCALE=ci (default, under 90 minutes) or SCALE=release (a night)
	@python -m tests.faults --scale $(SCALE)
	@python -m pytest -n $(JOBS) -m sweep

bench: setup ## Measure speed beside the floor and beside the peers, on this machine (about twenty minutes)
	@python -m bench
	@python -m bench.parked
	@python -m bench.door
	@python -m bench.errands
	@python -m bench.sandboxes
	@python -m bench.missions
	@uv run --isolated --group bench python -m bench.peers

# The lock names every file by its hash; nothing is resolved, asked or downloaded here.
sbom: ## Write the bill of materials of what is installed with Haloop, as CycloneDX, from the lock
	@mkdir -p $(dir $(SBOM))
	@uv export --quiet --frozen --no-dev --all-extras --format cyclonedx1.5 --output-file $(SBOM) >/dev/null
	@echo "make sbom: $(SBOM)"

eval: setup ## Measure how well the built-in reader of words understands; DATA=FOLDER adds public sets
	@python -m eval $(if $(DATA),--data $(DATA))

setup: ## Install what is missing: uv, the locked dependencies, strace, faketime, chromium, dovecot, bubblewrap, socat and docker
	@tools/setup.sh

clean: ## Remove everything that can be made again
	rm -rf .venv .local/uv src/haloop/web/app web/node_modules tests/api/provider/node_modules tests/connectors/agents/opencode/node_modules .results .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The run is named so that the check of promises can tell these outcomes from those of an earlier run.
tests: | setup
	@export HALOOP_TEST_RUN="$$(date +%s)-$$$$"; \
	python -m pytest -n $(JOBS) --durations=40 && python tools/promises.py --run "$$HALOOP_TEST_RUN"

format: | setup
	@ruff format --check .

lint: | setup
	@ruff check .

types: | setup
	@mypy

imports: | setup
	@lint-imports --no-logo

web: | setup
	@python tools/web.py npm run --silent check
	@python tools/api_types.py --check

workflows: | setup
	@check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
