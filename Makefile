# `make test` and `make demo` work from a fresh checkout: they build the environments they need, without root.
# Another interpreter: make test PYTHON=python3.13

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
DEV := .venv/.installed
MINISTACK := .venv-ministack/.installed
BENCH := .venv-bench/.installed

# Locks must not depend on what the machine they are made on has configured for pip.
PIP_COMPILE := env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
	$(CURDIR)/$(BIN)/python -m piptools compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-config --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

VERSION_CHECK := import sys; sys.version_info >= (3, 11) or sys.exit("Strongroom needs Python 3.11 or newer; \
	this is " + sys.version.split()[0] + ". Name another one: make PYTHON=...")

.DEFAULT_GOAL := help
.PHONY: help setup test lint types imports unit demo e2e bench layer soak simulate lock format clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(DEV) $(MINISTACK) layer ## build the environments of test and demo

test: lint types imports unit ## everything CI runs

lint: $(DEV)
	@echo "==> ruff"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet

types: $(DEV)
	@echo "==> mypy"
	@$(BIN)/mypy

imports: $(DEV)
	@echo "==> import rules"
	@$(BIN)/lint-imports --no-logo

unit: $(DEV) $(MINISTACK) layer ## tests only, e.g. make unit ARGS="tests/engine -x"
	@echo "==> tests"
	@$(BIN)/python -m pytest $(ARGS)

demo: $(DEV) $(MINISTACK) ## the whole stack on this machine: nights, restores, rights; also DATA=folder USERS=200
	@DATA='$(DATA)' USERS='$(USERS)' $(BIN)/python -m sandbox demo $(ARGS)

e2e: $(DEV) $(MINISTACK) ## the end-to-end test in full: 200 users, a game day, and the page in Chromium
	@$(BIN)/python -m tests.reporting.in_browser --find
	@$(BIN)/python -m sandbox demo --users 200 --outage $(ARGS)
	@$(BIN)/python -m sandbox gameday
	@$(BIN)/python -m tests.reporting.in_browser build/report.html build/screens

bench: $(BENCH) $(MINISTACK) ## measure the engine
	@.venv-bench/bin/python -m benchmarks.run $(ARGS)

layer: $(DEV) ## build what the functions need, for this machine and for Lambda
	@$(BIN)/python -m bundle $(if $(filter layer,$(MAKECMDGOALS)),,--quiet)
	@$(BIN)/python -m bundle --lambda $(if $(filter layer,$(MAKECMDGOALS)),,--quiet)

soak: $(DEV) ## retention's machine for long: STEPS=1000000, SEED=0
	@STEPS=$(STEPS) SEED=$(SEED) $(BIN)/python -m tests.retention.soak

simulate: $(DEV) ## runs and restores at sizes that cannot be measured
	@$(BIN)/python -m benchmarks.simulate $(ARGS)

format: $(DEV) ## fix what can be fixed by itself
	@$(BIN)/ruff check --fix --quiet --exit-zero
	@$(BIN)/ruff format

lock: $(DEV) ## write requirements/*.txt from *.in; newer versions with ARGS=--upgrade
	@for name in lambda runtime program dev ministack bench; do \
		echo "==> requirements/$$name.txt"; \
		(cd requirements && $(PIP_COMPILE) $(ARGS) --output-file $$name.txt $$name.in) || exit 1; \
	done
	@if grep -nE '://|^-|^ *# *via.* /' requirements/*.txt; then \
		echo "an address or a path got into the locks" >&2; exit 1; fi

clean: ## remove environments, caches and build output
	rm -rf .venv .venv-ministack .venv-bench build .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment per lock file, rebuilt from nothing when the lock changes. The stamp is a copy of the lock: a
# checkout that only touched the file costs nothing.
define ENVIRONMENT
.venv$(1)/.installed: requirements/$(2).txt
	@cmp -s $$< $$@ || $$(MAKE) --no-print-directory .venv$(1)
	@touch $$@

.PHONY: .venv$(1)
.venv$(1):
	@$$(PYTHON) -c '$$(VERSION_CHECK)'
	@echo "==> $$@ from requirements/$(2).txt"
	@$$(PYTHON) -m venv --clear $$@
	@$$@/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$(2).txt
	@cp requirements/$(2).txt $$@/.installed
endef
$(eval $(call ENVIRONMENT,,dev))
$(eval $(call ENVIRONMENT,-ministack,ministack))
$(eval $(call ENVIRONMENT,-bench,bench))
