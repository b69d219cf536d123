SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
LOCKS := requirements-setup.txt requirements.txt requirements-dev.txt
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate

# Compiled modules are half of every start-up; an environment that forbids to keep them would slow every command.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup lock drill test crash check format bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## Install the pinned, hashed requirements into .venv (costs nothing the second time)

$(STAMP): requirements-setup.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: Python 3.11 or newer is needed; name one with 'make PYTHON=...'" >&2; exit 2; }
	@echo "setup: installing the pinned requirements into .venv (about a minute the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "setup: 'python -m venv' failed; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements-setup.txt requirements-dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "setup: done"

lock: ## Compile the requirements anew from pyproject.toml (needs a set-up .venv)
	$(COMPILE) --group pyproject.toml:setup -o requirements-setup.txt
	$(COMPILE) pyproject.toml --extra application --extra simulator --extra dev -o requirements-dev.txt
	$(COMPILE) pyproject.toml -c requirements-dev.txt -o requirements.txt

drill: setup ## Lose us-ashburn-1 in the box and recover in us-phoenix-1: measured RTO and RPO, and a report
	@$(BIN)/python -m drills.region_failover

test: setup ## Run the tests
	@$(BIN)/pytest -n 2 --dist loadfile

crash: setup ## Interrupt the failover at every entry of its journal (about ten minutes; `make test` draws a few)
	@FITTRACK_CRASH=all $(BIN)/pytest tests/crash

check: setup ## Format, lint, strict types, import contracts
	@$(BIN)/ruff format --check --quiet . || { echo "check: run 'make format'" >&2; exit 1; }
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/basedpyright

format: setup ## Format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## Measure the figures beside their goals
	@$(BIN)/python -m benchmarks

clean: ## Remove what set-up, tests and drills left in the tree
	rm -rf .venv .world* .fittrack .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
