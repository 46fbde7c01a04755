# Sets up one environment for the whole repository: a pinned uv, locked packages with hashes, members editable.
# Included by the root Makefile and by every project's; ROOT is the repository's folder.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

ifneq ($(words $(CURDIR)),1)
  $(error make cannot work in a folder whose path holds a space: $(CURDIR); move the checkout)
endif

ROOT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
UV_VERSION := 0.13.9
TOOLS ?= $(ROOT)/.tools
VENV ?= $(ROOT)/.venv
UV := $(TOOLS)/bin/uv
BIN := $(VENV)/bin
MEMBERS := common_utils PlanRec BankChurn-Predictor CarVision-Market-Intelligence TelecomAI-Customer-Intelligence

# pyenv's shims hide the interpreters from uv; the folders behind them do not.
export PATH := $(shell printf '%s:' "$${HOME:-}"/.pyenv/versions/3.1[123].*/bin)$(PATH)
export UV_PYTHON_DOWNLOADS := never
# As pip does; a network whose certificates only the system knows then works for both.
export UV_SYSTEM_CERTS ?= true
# setup-python keeps pip's cache between runs of the workflow; uv's lies in it.
ifdef GITHUB_ACTIONS
  export UV_CACHE_DIR ?= $(HOME)/.cache/pip/uv
endif
# Compiled modules go into one ignored folder: not beside the sources, and not into an environment that is yet to be made.
# uv compiles nothing and so every process would: seconds each for pandas, scikit-learn and the rewritten assertions of
# pytest's plugins and our tests.
export PYTHONPYCACHEPREFIX ?= $(ROOT)/.pycache
export PYTHONDONTWRITEBYTECODE :=

# Every run of tests. Their models are small: threads wait for each other longer than they compute, and far longer where
# the cores are busy, so a process gets one thread. Processes use the cores, a worker each; one that is done takes tests
# from the others. PYTEST_ARGS come last: with `-n0` all stays in one process, which is quicker for a handful of tests.
PYTEST_ARGS ?=
PYTEST = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 "$(BIN)/python" -m pytest -n auto --dist worksteal

# The tables of tests marked `realdata`: PORTFOLIO_DATA, or the folder beside the checkout, always absolute.
ifeq ($(origin PORTFOLIO_DATA), undefined)
  ifneq ($(wildcard $(ROOT)/../shared/data/megaline_users.csv),)
    export PORTFOLIO_DATA := $(abspath $(ROOT)/../shared/data)
  endif
else ifneq ($(strip $(PORTFOLIO_DATA)),)
  export PORTFOLIO_DATA := $(abspath $(PORTFOLIO_DATA))
endif

# The first of these that is Python >= 3.11 makes the environment; `make PYTHON=python3.13 ...` chooses.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$p"; break; }; done)
NEED_PYTHON = test -n "$(PYTHON)" || \
	{ echo "make: Python >= 3.11 not found; install it or name it: make PYTHON=/path/to/python3" >&2; exit 1; }

SETUP_INPUTS := $(ROOT)/requirements.txt $(wildcard $(MEMBERS:%=$(ROOT)/%/pyproject.toml))
STAMP := $(VENV)/.setup-done
# No addresses, hashes for every file, one file for all supported Pythons (docs/adr/0003).
LOCK_FLAGS := --quiet --universal --generate-hashes --no-header --python-version 3.11 --custom-compile-command "make lock"

.PHONY: setup
setup: $(STAMP) ## Create the environment: pinned uv, locked packages, members editable
	@:

$(UV): $(ROOT)/make/setup.mk
	@$(NEED_PYTHON)
	@"$(PYTHON)" -c 'import ensurepip' 2>/dev/null || { echo "make: $(PYTHON) cannot create environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@if [ "$$("$@" --version 2>/dev/null | cut -d ' ' -f 2)" != "$(UV_VERSION)" ]; then \
		echo "set up: uv $(UV_VERSION)"; \
		"$(PYTHON)" -m venv --clear "$(TOOLS)"; \
		"$(TOOLS)/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"; fi
	@touch "$@"

# A finished environment of the same Python is brought up to date in place, so that what runs in it keeps running;
# anything else (first time, another Python, an interrupted set-up, whose stamp is gone) starts anew.
$(STAMP): $(SETUP_INPUTS) $(UV)
	@$(NEED_PYTHON)
	@echo "set up: $(notdir $(VENV)) with $$("$(PYTHON)" --version)"
	@if [ ! -e "$@" ] || [ "$$("$(BIN)/python" --version 2>&1)" != "$$("$(PYTHON)" --version)" ]; then \
		"$(UV)" venv --quiet --clear --python "$(PYTHON)" "$(VENV)"; fi
	@rm -f "$@"
	@"$(UV)" pip sync --quiet --python "$(BIN)/python" --require-hashes "$(ROOT)/requirements.txt"
	@"$(UV)" pip install --quiet --python "$(BIN)/python" --no-deps --no-build-isolation $(foreach m,$(MEMBERS),-e "$(ROOT)/$(m)")
	@touch "$@"

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z0-9_-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
