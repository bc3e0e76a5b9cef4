# `make run` and `make test` are all a fresh machine needs to know: python3 >= 3.11 and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test nightly fuzz coverage mutants audit conformance check lint book bench screenshots wheel lock

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUN := .venv/.run-installed
DEV := .venv/.dev-installed

help:  ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

run: $(RUN)  ## serve http://127.0.0.1:8000 with synthetic patients; PORT=... moves it
	@CDS_SANDBOX="$${CDS_SANDBOX:-1}" exec $(BIN)/cds serve --host 127.0.0.1 --port "$${PORT:-8000}"

# Many processes begin while the tests run: what is compiled once is ready a quarter sooner.
test: $(DEV)  ## all tests, on every core; CDS_REQUIRE=all lets none skip
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest \
	  --numprocesses auto --dist loadscope --no-loadscope-reorder

nightly: $(DEV)  ## 100000 random rules and patients: naive evaluator, engine and proof must agree
	@CDS_NIGHTLY="$${CDS_NIGHTLY:-100000}" $(BIN)/python -m pytest tests/reference
	@CDS_NIGHTLY=1000 $(BIN)/python -m pytest tests/unit/prove

lint: $(DEV)  ## format, lint, types, import contracts, dependencies, rule files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/yamllint --strict rules
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/cds check
	$(BIN)/cds book --check

fuzz: $(DEV)  ## 100000 spoilt hook calls: no 5xx, no hang
	@CDS_FUZZ="$${CDS_FUZZ:-100000}" $(BIN)/python -m pytest -s tests/conformance/test_fuzz.py

audit: $(DEV)  ## known vulnerabilities of what the service needs; names what could not be looked up
	@$(BIN)/pip-audit --require-hashes --disable-pip --progress-spinner off -r requirements/run.txt

CORE := kernel facts rulebook engine cards
coverage: $(DEV)  ## every statement and branch of the core is reached by a test
	@$(BIN)/python -m pytest -q --numprocesses auto --dist loadscope \
	  $(CORE:%=tests/unit/%) tests/unit/book \
	  $(CORE:%=--cov=cds/%) --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

mutants: $(DEV)  ## mutation of kernel and engine, about an hour; docs/MUTANTS.md has the result
	@$(BIN)/mutmut run && $(BIN)/mutmut results

conformance: $(DEV)  ## docs/CONFORMANCE.md anew, from tests/conformance/requirements.yaml and the tests
	@$(BIN)/python -m tests.conformance.matrix

book: $(DEV)  ## what is made from the rules anew: BOOK.md, rule.schema.json, and proof.json by proof
	@$(BIN)/cds book
	@$(BIN)/cds prove --record

check: lint  ## everything a change must pass: lint, then all tests
	@$(MAKE) --no-print-directory test

bench: $(DEV)  ## this service against a bare echo, as ratios, 15 min; docs/PERFORMANCE.md has the result
	@$(BIN)/python -m bench

screenshots: $(DEV)  ## docs/screenshots anew, from the pages of the console (needs Chromium)
	@$(BIN)/python -m tests.screenshots

wheel: $(RUN)  ## dist/electrolyte_cds-*.whl: the service with its rules, to install anywhere
	@$(BIN)/python -m hatchling build -t wheel -d dist

lock: $(DEV)  ## write requirements/*.txt anew from pyproject.toml (needs `uv` on the path, or UV=...)
	@./requirements/lock.sh

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $(PYTHON) is older than 3.11; name a newer one with PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv .venv

# The stamps are written last, so an interrupted install is done again.
$(RUN): requirements/run.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "installing what the service needs into .venv" >&2
	@$(PIP) install --require-hashes -r requirements/run.txt -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUN)
	@echo "installing what the tests need into .venv" >&2
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
