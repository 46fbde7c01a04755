# Every command of the repository; `make help` lists them. Each sets up what it needs and is quick the second time.
.DEFAULT_GOAL := help
include make/setup.mk

LOCK_FLAGS := --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	$(MEMBERS:%=--no-emit-package %) --no-emit-package common-utils
PYTHONS := 3.11 3.12 3.13
PROJECT ?= PlanRec

.PHONY: test-all
test-all: $(STAMP) ## Test every member: coverage >= 90 %, warnings are errors
	@for member in $(MEMBERS); do echo "== test $$member"; $(MAKE) -C "$$member" test || exit 1; done

.PHONY: test
test: $(STAMP) ## Test one member: make test PROJECT=PlanRec
	@$(MAKE) -C "$(PROJECT)" test

.PHONY: check
check: $(STAMP) ## Lint, format, types, import contracts, workflows, documents
	@"$(BIN)/ruff" check .
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/lint-imports"
	@for member in $(MEMBERS); do echo "== check $$member"; $(MAKE) -C "$$member" check || exit 1; done
	@"$(BIN)/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@"$(BIN)/check-jsonschema" --builtin-schema vendor.dependabot .github/dependabot.yml
	@"$(BIN)/zizmor" --quiet --offline .github
	@"$(BIN)/python" make/check_documents.py

.PHONY: format
format: $(STAMP) ## Rewrite the code in the house format
	@"$(BIN)/ruff" check --fix .
	@"$(BIN)/ruff" format .

.PHONY: lock
lock: $(UV) ## Resolve all dependencies anew: requirements.lock and one per image
	@"$(UV)" pip compile $(LOCK_FLAGS) $(MEMBERS:%=%/pyproject.toml) --all-extras --group dev \
		--custom-compile-command "make lock" -o requirements.lock
	@$(MAKE) -C PlanRec lock

.PHONY: test-matrix
test-matrix: $(UV) ## Test every member on Python 3.11, 3.12 and 3.13
	@for version in $(PYTHONS); do \
		python=$$("$(UV)" python find --no-project "$$version") || { echo "make: Python $$version not found" >&2; exit 1; }; \
		echo "=== Python $$version"; \
		$(MAKE) test-all VENV="$(ROOT)/.venv-$$version" PYTHON="$$python" || exit 1; done

.PHONY: clean
clean: ## Remove environments, caches and build output; data and artifacts stay
	@rm -rf .venv .venv-* .tools .pytest_cache .ruff_cache .import_linter_cache .coverage .coverage.*
	@find . -path ./.git -prune -o \( -name __pycache__ -o -name .pytest_cache -o -name .hypothesis -o -name '*.egg-info' \
		-o -name '.coverage*' -o -name .import_linter_cache -o -name htmlcov \) -print0 | xargs -0 rm -rf
