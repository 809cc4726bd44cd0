# `make demo` and `make test` set everything up by themselves; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
STAMP := .venv/set-up
BENCH_STAMP := .venv-bench/set-up
CHECKED := music_pipeline benchmarks music_pipeline_tests scripts
PART ?=
SANDBOX ?= 1
SANDBOX_PORT ?= 8765
SANDBOX_SPEED ?= 1
UI_PORT ?= 3000

export DAGSTER_HOME ?= $(CURDIR)

.PHONY: help setup demo test soak bench dev docs lint format types vulnerabilities check requirements

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

setup: $(STAMP) ## install the pinned packages and this project into .venv

$(STAMP): requirements.txt pyproject.toml scripts/set-up
	@scripts/set-up
	@touch $(STAMP)

demo: $(STAMP) ## the main job, end to end, against the sandbox: [CATALOG=file] [ARTISTS=n] [SEED=n]
	@$(BIN)/python -m music_pipeline.demo $(if $(CATALOG),--catalog "$(CATALOG)") $(if $(ARTISTS),--artists $(ARTISTS)) $(if $(SEED),--seed $(SEED))

# mypy runs beside the tests, at a lower priority. Its output stands below that of pytest.
test: $(STAMP) lint ## lint, types and tests
	@said=$$(mktemp); nice $(BIN)/mypy > "$$said" 2>&1 & types=$$!; \
	trap 'kill $$types 2> /dev/null || true; rm -f "$$said"' EXIT; \
	failed=0; \
	$(BIN)/python -m pytest -n 2 --dist worksteal || failed=$$?; \
	wait $$types || failed=$$?; \
	cat "$$said"; \
	exit $$failed

soak: $(STAMP) ## the long tests: kills, faults, quotas, load, damaged answers, planted secrets
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m soak

# Only the comparison with dlt needs dlt.
bench: $(STAMP) $(if $(filter-out distance writing growth orchestration quotas export,$(or $(PART),all)),$(BENCH_STAMP)) ## measure: [PART=distance|writing|growth|orchestration|against_dlt|same_facts|quotas|export] [ARTISTS=n] [ROUNDS=n] [SPEED=n]
	@$(BIN)/python -m benchmarks $(PART) $(if $(ARTISTS),--artists $(ARTISTS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SPEED),--speed $(SPEED))

$(BENCH_STAMP): benchmarks/requirements.txt | $(STAMP)
	@if command -v uv > /dev/null; then \
		uv venv --quiet --clear --no-python-downloads --python $(BIN)/python .venv-bench; \
		uv pip install --quiet --compile-bytecode --python .venv-bench/bin/python --require-hashes -r $<; \
	else \
		$(BIN)/python -m venv --clear .venv-bench; \
		.venv-bench/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<; \
	fi
	@touch $@

dev: $(STAMP) ## the Dagster UI with daemon, schedules on, and sandbox (SANDBOX=0: the real providers): [UI_PORT=n]
	@SANDBOX=$(SANDBOX) SANDBOX_PORT=$(SANDBOX_PORT) SANDBOX_SPEED=$(SANDBOX_SPEED) UI_PORT=$(UI_PORT) scripts/dev

docs: $(STAMP) ## write docs/data-model.md from the comments in sql/, and draw the diagrams
	@$(BIN)/python scripts/data_model.py
	@$(BIN)/python scripts/diagrams.py

lint: $(STAMP) ## ruff, formatting, the import contracts, bound parameters in SQL
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/ruff format --check --quiet $(CHECKED) || { echo "Some files are not formatted: make format."; exit 1; }
	@$(BIN)/lint-imports --no-cache > /dev/null || { $(BIN)/lint-imports --no-cache; exit 1; }
	@$(BIN)/python scripts/bound_parameters.py music_pipeline

format: $(STAMP) ## format and sort with ruff
	@$(BIN)/ruff check --fix-only --quiet $(CHECKED)
	@$(BIN)/ruff format $(CHECKED)

types: $(STAMP) ## mypy, strict
	@$(BIN)/mypy

vulnerabilities: $(STAMP) ## known vulnerabilities of the pinned packages, from OSV; error 2 if OSV cannot be reached
	@$(BIN)/python scripts/vulnerabilities.py requirements.txt

check: test ## the same as test

requirements: ## pin both requirements.txt again, from pyproject.toml and benchmarks/requirements.in (needs uv)
	@command -v uv > /dev/null || { echo "make requirements needs uv."; exit 1; }
	@uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-strip-extras \
		--python-version 3.11 --group dev pyproject.toml --output-file requirements.txt
	@uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-strip-extras \
		--python-version 3.11 benchmarks/requirements.in --output-file benchmarks/requirements.txt
