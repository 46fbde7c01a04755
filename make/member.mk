# What every member's Makefile offers; it sets PACKAGES (what coverage measures) and includes this.
include $(dir $(lastword $(MAKEFILE_LIST)))setup.mk
COVERAGE := $(foreach p,$(PACKAGES),--cov=$(p)) --cov-config="$(ROOT)/pyproject.toml" --cov-report=term --cov-fail-under=90

.PHONY: test
test: $(STAMP) ## Run the tests with coverage >= 90 %; PYTEST_ARGS passes options through
	@$(PYTEST) $(COVERAGE) $(PYTEST_ARGS)

.PHONY: check
check: types contracts ## Types, and the import contracts of this folder

.PHONY: types
types: $(STAMP) ## Type-check in strict mode
	@"$(BIN)/pyright" --project "$(ROOT)" --pythonpath "$(BIN)/python" src $(wildcard app) $(wildcard scripts)

.PHONY: contracts
contracts: $(STAMP) ## Check this folder's own import contracts, where it has any
	@if grep -q '^\[tool.importlinter\]' pyproject.toml; then "$(BIN)/lint-imports" --no-logo --config pyproject.toml; fi
