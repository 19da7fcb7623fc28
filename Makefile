# Everything a developer or a build server runs. `make` alone lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
SYSTEM_PACKAGES := prometheus nginx-light chromium openssl wrk hey apache2-utils \
  postgresql pgbouncer redis-server clamav-daemon clamav tmux

# Where it is set, each of the many programs that the tests start would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

TESTS_AT_ONCE ?= $(shell expr 5 '*' "$$(getconf _NPROCESSORS_ONLN)" / 2)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup check test test-long demo bench soak system-packages clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Create .venv with the pinned versions; again only after pyproject.toml or constraints.txt changed

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "error: $(PYTHON) is not installed. On Debian: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	    "Name another one: make setup PYTHON=python3.13" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  existed=$$(test -e $(VENV) && echo yes); \
	  $(PYTHON) -c 'import ensurepip' 2>/dev/null && $(PYTHON) -m venv $(VENV) || { \
	    test "$$existed" || rm -rf $(VENV); \
	    echo "error: $(PYTHON) cannot create a virtual environment with pip. On Debian: apt-get install python3-venv" >&2; \
	    exit 1; }; }
	@echo "Installing Loadproof and the tools of its tests into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,targets]"
	@touch $@

check: setup ## Lint, format, types, layers, and whether every test can be read
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -k test_architecture

test: setup ## All that must hold, in ten minutes; tests on real programs skip by name where the program is missing
	@$(call run-tests,not long)

test-long: setup ## The cases that take long: faults, every kind of process, searches, alerts; before a release
	@$(call run-tests,long)

demo: setup ## A run against a service of its own: terminal summary, result directory, report
	$(BIN)/loadproof demo

bench: setup ## Compare with other generators on this machine; prints ratios
	@$(call run-scripts,bench)

soak: setup ## The tests that take long, run by hand
	@$(call run-scripts,bench/soak)

system-packages: ## Debian packages that tests on real programs use; needs root
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(SYSTEM_PACKAGES)

clean: ## Remove .venv and everything that tools have written; results in reports/ stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

# Programs that are tested mostly wait, so there are more at once than cores; but for those that measure.
define run-tests
	$(BIN)/pytest --numprocesses $(TESTS_AT_ONCE) --dist worksteal -m "not alone and ($(1))" && \
	$(BIN)/pytest -m "alone and ($(1))"
endef

# Every script of one folder, in order; the first that fails ends it.
define run-scripts
	found=; for script in $(1)/[!_]*.py; do \
	  test -e "$$script" || continue; \
	  found=yes; echo "== $$script"; $(BIN)/python "$$script" || exit 1; \
	done; \
	test "$$found" || echo "$(1)/ holds no script yet."
endef
