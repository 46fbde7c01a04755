# Every command of the repository; `make help` lists them. Each sets up what it needs and is quick the second time.
.DEFAULT_GOAL := help
include make/setup.mk

PYTHONS := 3.11 3.12 3.13
PROJECT ?= PlanRec
JOBS ?=
RESULTS ?=
BENCH_ARGS ?= --write
AUDIT := $(ROOT)/.venv-audit
ATTACK := $(ROOT)/.venv-attack
MLFLOW := $(ROOT)/.venv-mlflow
AUDIT_SERVICE ?=
ARGS ?=
NAME ?=
PACKAGE ?=
QUESTION ?=
SEED ?=
COUNT ?= 400

.PHONY: test-all
test-all: $(STAMP) test-repository ## Test every member (coverage >= 90 %, warnings are errors) and the repository itself
	@for member in $(MEMBERS); do echo "== test $$member"; $(MAKE) -C "$$member" test || exit 1; done

.PHONY: test
test: $(STAMP) ## Test one member: make test PROJECT=PlanRec
	@$(MAKE) -C "$(PROJECT)" test

.PHONY: test-repository
test-repository: $(STAMP) ## Test the gates, the packaging, the workflow and the scripts in make/
	@$(PYTEST) $(PYTEST_ARGS)

.PHONY: test-random
test-random: $(STAMP) ## Test everything in random order; the seed is printed, SEED=1234 repeats it
	@seed="$(SEED)"; seed="$${seed:-$$RANDOM}"; echo "== random order of SEED=$$seed"; \
		$(MAKE) test-all PYTEST_ARGS="--random-order-seed=$$seed $(PYTEST_ARGS)" || \
		{ echo "make: failed in the random order of SEED=$$seed" >&2; exit 1; }

.PHONY: wheels
wheels: $(STAMP) ## Write the wheels of all members to dist/, with a requirements.txt that pins them and all they need by hash
	@"$(BIN)/python" make/wheels.py --uv "$(UV)" --output dist

.PHONY: test-wheels
test-wheels: $(STAMP) ## Install the wheels into an empty environment, train, serve and release there; needs the package index
	@UV="$(UV)" PYTHON="$(PYTHON)" make/test_wheels.sh

.PHONY: test-install
test-install: $(UV) ## Install each member alone into empty environments; needs the package index
	@UV="$(UV)" PYTHON="$(PYTHON)" make/test_install.sh

.PHONY: bench
bench: $(STAMP) ## Run every benchmark and keep its figures in benchmarks/results; BENCH_ARGS=--quick takes seconds
	@for script in benchmarks/*/bench_*.py; do "$(BIN)/python" "$$script" $(BENCH_ARGS) || exit 1; done

.PHONY: scale
scale: $(STAMP) ## Ask every batch command for 10 million subscribers, two hours and 40 GB; wants a bundle (make -C PlanRec train); goes on
	@OMP_NUM_THREADS=1 "$(BIN)/python" benchmarks/planrec/scale.py --write $(ARGS)

.PHONY: faults
faults: $(STAMP) ## Attack and break everything at full size, half an hour; wants a bundle of PlanRec (make -C PlanRec train); ARGS=--scaled
	@test -x "$(ATTACK)/bin/schemathesis" || { "$(UV)" venv --quiet --python "$(PYTHON)" "$(ATTACK)" && \
		"$(UV)" pip install --quiet --python "$(ATTACK)/bin/python" --group attack; }
	@"$(BIN)/python" benchmarks/faults/run_all.py --bundle PlanRec/artifacts --schemathesis "$(ATTACK)/bin/schemathesis" $(ARGS)

.PHONY: doors
doors: $(STAMP) ## Give 300 damaged files to every command that reads them, none misread; wants a bundle (make -C PlanRec train)
	@OMP_NUM_THREADS=1 "$(BIN)/python" benchmarks/doors/doors.py --bundle PlanRec/artifacts --write $(ARGS)

.PHONY: doors-before
doors-before: $(STAMP) ## Run the tests of files and columns on the commit they were written against, and list what fails there
	@"$(BIN)/python" make/doors_before.py $(ARGS)

.PHONY: mutants
mutants: $(STAMP) ## Plant 400 small faults one by one, in a copy, and see a test fail for each; an hour; SEED=1 COUNT=60 ARGS="--package rules"
	@"$(BIN)/python" benchmarks/mutants/mutants.py $(if $(SEED),--seed $(SEED)) --count $(COUNT) $(ARGS)

.PHONY: drain
drain: $(STAMP) ## Restart two replicas behind HAProxy 20 times under 100,000 requests, none lost; wants haproxy and a bundle; ARGS="--restarts 4 --requests 5000"
	@"$(BIN)/python" benchmarks/faults/drain.py --bundle PlanRec/artifacts $(ARGS)

.PHONY: check
check: lint format-check types contracts layout workflows documents ## All that follows, and what CI runs beside the tests

.PHONY: lint
lint: $(STAMP) ## Lint with ruff
	@"$(BIN)/ruff" check .

.PHONY: format-check
format-check: $(STAMP) ## Fail where the code is not in the house format
	@"$(BIN)/ruff" format --check .

.PHONY: types
types: $(STAMP) ## Type-check every member, make/, benchmarks/ and scripts/ in strict mode, two folders at a time
	@printf '%s\n' "PlanRec types" ". types-scripts" $(patsubst %,"% types",$(filter-out PlanRec,$(MEMBERS))) | xargs -P 2 -L 1 \
		bash -c 'said=$$($(MAKE) -C "$$1" "$$2" 2>&1); code=$$?; printf "== %s %s\n%s\n" "$$2" "$$1" "$$said"; exit $$code' -

.PHONY: types-scripts
types-scripts: $(STAMP) ## Type-check make/, benchmarks/ and scripts/
	@"$(BIN)/pyright" --project "$(ROOT)" --pythonpath "$(BIN)/python" make/*.py benchmarks/*/*.py scripts/*.py infra/*.py infra/kubernetes/*.py

.PHONY: contracts
contracts: $(STAMP) ## Check who may import whom, in the root's contracts and each member's
	@"$(BIN)/lint-imports" --no-logo
	@for member in $(MEMBERS); do echo "== contracts $$member"; $(MAKE) -C "$$member" contracts || exit 1; done

.PHONY: layout
layout: $(STAMP) ## Check how the code is laid out: lines a module, modules a folder, circles of imports, imports inside functions
	@"$(BIN)/python" make/layout.py

.PHONY: structure
structure: $(STAMP) ## Write "Structure" of every README from the packages' docstrings
	@"$(BIN)/python" make/structure.py

.PHONY: workflows
workflows: $(STAMP) ## Validate and audit the workflow, dependabot and the commit hooks
	@"$(BIN)/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@"$(BIN)/check-jsonschema" --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	@"$(BIN)/check-jsonschema" --builtin-schema vendor.dependabot .github/dependabot.yml
	@"$(BIN)/zizmor" --quiet --offline .github
	@"$(BIN)/pre-commit" validate-config .pre-commit-config.yaml

.PHONY: alerts
alerts: ## Check and try every alert rule with promtool (Debian: apt-get install prometheus; the workflow installs it)
	@command -v promtool >/dev/null || { [ -n "$${GITHUB_ACTIONS:-}" ] && sudo apt-get update -qq && \
		sudo apt-get install -qq --yes --no-install-recommends prometheus >/dev/null; } || \
		{ echo "make: promtool not found; on Debian: apt-get install prometheus" >&2; exit 1; }
	@cd infra/prometheus && promtool check rules rules.yml && promtool test rules rules_test.yml

.PHONY: documents
documents: $(STAMP) ## Check links, files, commands, targets and structures in documents, and that no file names this machine
	@"$(BIN)/python" make/check_documents.py
	@"$(BIN)/python" make/structure.py --check

.PHONY: audit
audit: $(UV) ## Known vulnerabilities and a CycloneDX SBOM per image; needs an advisory service (3: not reachable)
	@test -x "$(AUDIT)/bin/cyclonedx-py" || { "$(UV)" venv --quiet --python "$(PYTHON)" "$(AUDIT)" && \
		"$(UV)" pip install --quiet --python "$(AUDIT)/bin/python" --group audit; }
	@"$(AUDIT)/bin/python" make/audit.py --pip-audit "$(AUDIT)/bin/pip-audit" --cyclonedx "$(AUDIT)/bin/cyclonedx-py" \
		$(if $(AUDIT_SERVICE),--service "$(AUDIT_SERVICE)")

.PHONY: format
format: $(STAMP) ## Rewrite the code in the house format
	@"$(BIN)/ruff" check --fix .
	@"$(BIN)/ruff" format .

.PHONY: hooks
hooks: $(STAMP) ## Install the commit hooks of .pre-commit-config.yaml
	@"$(BIN)/pre-commit" install

.PHONY: lock
lock: $(UV) ## Resolve all dependencies anew: requirements.txt, three per project, and one of the MLflow server
	@"$(UV)" pip compile $(LOCK_FLAGS) $(MEMBERS:%=--no-emit-package %) --no-emit-package common-utils \
		$(MEMBERS:%=%/pyproject.toml) --all-extras --group dev -o requirements.txt
	@"$(UV)" pip compile $(LOCK_FLAGS) --group mlflow -o infra/mlflow/requirements.txt
	@for member in $(filter-out common_utils,$(MEMBERS)); do $(MAKE) -C "$$member" lock || exit 1; done

.PHONY: mlflow
mlflow: $(MLFLOW)/.setup-done ## Install the MLflow server from a lock of its own; the mirror of runs is tried against it
	@:

$(MLFLOW)/.setup-done: infra/mlflow/requirements.txt $(UV)
	@$(NEED_PYTHON)
	@echo "set up: $(notdir $(MLFLOW))"
	@"$(UV)" venv --quiet --clear --python "$(PYTHON)" "$(MLFLOW)"
	@"$(UV)" pip sync --quiet --python "$(MLFLOW)/bin/python" --require-hashes infra/mlflow/requirements.txt
	@touch "$@"

.PHONY: mlflow-image
mlflow-image: ## Build the image of the MLflow server, a profile of infra/compose.yaml; ENGINE=podman
	@"$(or $(ENGINE),docker)" build --tag portfolio-mlflow:local infra/mlflow

.PHONY: new-project
new-project: $(STAMP) ## Add a project of the common shape: make new-project NAME=Loan-Default (PACKAGE=loan QUESTION="Who defaults?")
	@"$(BIN)/python" make/new_project.py "$(NAME)" --package "$(PACKAGE)" --question "$(QUESTION)"

.PHONY: data
data: ## Get the public tables, checked by sha256, into PORTFOLIO_DATA (ARGS="--dest FOLDER --only NAME")
	@"$(PYTHON)" scripts/fetch_data.py $(ARGS)

.PHONY: image
image: ## Build one project's service image, or with KIND=jobs that of its jobs: make image PROJECT=PlanRec
	@$(MAKE) -C "$(PROJECT)" image

.PHONY: image-push
image-push: ## Push one project's image with provenance and SBOM (the workflow does, on a tag)
	@$(MAKE) -C "$(PROJECT)" image-push

.PHONY: image-try
image-try: ## Build one project's image, run it read-only, see it alive and ready
	@$(MAKE) -C "$(PROJECT)" image-try

.PHONY: test-matrix
test-matrix: $(UV) ## Test everything on Python 3.11, 3.12 and 3.13
	@for version in $(PYTHONS); do \
		python=$$("$(UV)" python find --no-project "$$version") || { echo "make: Python $$version not found" >&2; exit 1; }; \
		echo "=== Python $$version"; \
		$(MAKE) test-all VENV="$(ROOT)/.venv-$$version" PYTHON="$$python" || exit 1; done

.PHONY: ci-local
ci-local: $(STAMP) ## Run every cell of the workflow here; JOBS="test check" chooses, JOBS=--list only names them
	@UV="$(UV)" "$(BIN)/python" make/ci_local.py $(JOBS)

.PHONY: gate
gate: ## Fail unless RESULTS is a list of "success" (the workflow's last job)
	@[ -n "$(strip $(RESULTS))" ] || { echo "make: RESULTS is empty; give the results of the jobs" >&2; exit 1; }
	@for result in $(RESULTS); do [ "$$result" = success ] || { echo "make: a job ended with '$$result'" >&2; exit 1; }; done

.PHONY: clean
clean: ## Remove environments, caches and build output; data and artifacts stay
	@rm -rf .venv .venv-* .tools .pycache .pytest_cache .ruff_cache .import_linter_cache .coverage .coverage.*
	@find . -path ./.git -prune -o \( -name __pycache__ -o -name .pytest_cache -o -name .hypothesis -o -name '*.egg-info' \
		-o -name '.coverage*' -o -name .import_linter_cache -o -name htmlcov \) -print0 | xargs -0 rm -rf
