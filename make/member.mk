# What every member's Makefile offers; it sets PACKAGES (what coverage measures) and includes this.
include $(dir $(lastword $(MAKEFILE_LIST)))setup.mk
PYTEST_ARGS ?=
COVERAGE := $(foreach p,$(PACKAGES),--cov=$(p)) --cov-config="$(ROOT)/pyproject.toml" --cov-report=term --cov-fail-under=90

.PHONY: test
test: $(STAMP) ## Run the tests with coverage >= 90 %; PYTEST_ARGS passes options through
	@"$(BIN)/python" -m pytest $(COVERAGE) $(PYTEST_ARGS)

.PHONY: check
check: $(STAMP) ## Types, and the import contracts of this folder
	@"$(BIN)/pyright" --project "$(ROOT)" --pythonpath "$(BIN)/python" src $(wildcard app) $(wildcard scripts)
	@if grep -q '^\[tool.importlinter\]' pyproject.toml; then "$(BIN)/lint-imports" --config pyproject.toml; fi
