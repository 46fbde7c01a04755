# What every project with images offers; it sets IMAGE_EXTRAS (of common_utils) and includes this. KIND=service answers
# requests; KIND=jobs holds the whole command line, for scheduled jobs, and is one recipe for all projects.
# The build context is the repository's root, because the images need common_utils.
ENGINE ?= docker
KIND ?= service
ifeq ($(filter service jobs,$(KIND)),)
  $(error KIND is '$(KIND)'; give service or jobs)
endif
PACKAGE := $(firstword $(PACKAGES))
DOCKERFILE := $(if $(filter jobs,$(KIND)),$(ROOT)/infra/jobs/Dockerfile,Dockerfile)
IMAGE ?= $(notdir $(shell echo "$(CURDIR)" | tr '[:upper:]' '[:lower:]'))$(if $(filter jobs,$(KIND)),-jobs):local
BUILD_FLAGS ?=
BASE ?= $(shell sed -n 's/^FROM \(.*\) AS base$$/\1/p' "$(DOCKERFILE)")
REVISION ?= $(shell git -C "$(ROOT)" describe --always --dirty --abbrev=40 --exclude "*")
RUN_FLAGS ?= --network none
BUILD = build $(BUILD_FLAGS) $(BASE:%=--build-arg BASE=%) --build-arg REVISION="$(REVISION)" --file "$(DOCKERFILE)" \
	$(if $(filter jobs,$(KIND)),--build-arg PROJECT="$(notdir $(CURDIR))" --build-arg NAME="$(PACKAGE)")

.PHONY: image
image: ## Build the service image, or KIND=jobs; ENGINE=podman, IMAGE=name:tag, BASE=image@digest and BUILD_FLAGS change how
	@"$(ENGINE)" info >/dev/null 2>&1 || \
		{ echo "make: no container engine answers '$(ENGINE) info'; start it, or name another: make image ENGINE=podman" >&2; exit 1; }
	@"$(ENGINE)" $(BUILD) --tag "$(IMAGE)" "$(ROOT)"

.PHONY: image-try
image-try: image ## Run the image without network, privileges or a writable disk: a service without and with a bundle, KIND=jobs some jobs
	@artifacts=$$(mktemp -d); trap 'rm -rf "$$artifacts"' EXIT; chmod 755 "$$artifacts"; \
		$(MAKE) train ARGS="--output $$artifacts"; \
		"$(ROOT)/make/$(if $(filter jobs,$(KIND)),try_jobs.sh,try_image.sh)" "$(ENGINE)" "$(IMAGE)" \
			$(if $(filter jobs,$(KIND)),"$(PACKAGE)") "$$artifacts" $(RUN_FLAGS)

.PHONY: image-push
image-push: ## Log in, build, push REGISTRY/<project>:TAG (KIND=jobs: <project>-jobs) with provenance and SBOM; wants REGISTRY, REGISTRY_USER, REGISTRY_TOKEN, TAG
	@for name in REGISTRY REGISTRY_USER REGISTRY_TOKEN TAG; do \
		[ -n "$${!name:-}" ] || { echo "make: $$name is not set; see .github/workflows/images.yml" >&2; exit 1; }; done
	@printf '%s' "$$REGISTRY_TOKEN" | "$(ENGINE)" login "$${REGISTRY%%/*}" --username "$$REGISTRY_USER" --password-stdin
	@"$(ENGINE)" buildx inspect portfolio >/dev/null 2>&1 || "$(ENGINE)" buildx create --name portfolio --driver docker-container >/dev/null
	@"$(ENGINE)" buildx $(BUILD) --builder portfolio --push --provenance=mode=max --sbom=true \
		--tag "$$REGISTRY/$(firstword $(subst :, ,$(IMAGE))):$$TAG" "$(ROOT)"

.PHONY: lock
lock: $(UV) ## Resolve what each image runs, and what builds it, within the root lock
	@cd "$(ROOT)" && "$(UV)" pip compile $(LOCK_FLAGS) --no-emit-package common-utils \
		common_utils/pyproject.toml $(IMAGE_EXTRAS:%=--extra %) -c requirements.txt -o "$(notdir $(CURDIR))/requirements.txt"
	@cd "$(ROOT)" && "$(UV)" pip compile $(LOCK_FLAGS) --no-emit-package common-utils --no-emit-package "$(PACKAGE)" \
		"$(notdir $(CURDIR))/pyproject.toml" common_utils/pyproject.toml --extra postgres \
		-c requirements.txt -o "$(notdir $(CURDIR))/requirements-jobs.txt"
	@cd "$(ROOT)" && "$(UV)" pip compile $(LOCK_FLAGS) --group build -c requirements.txt \
		-o "$(notdir $(CURDIR))/requirements-build.txt"

.PHONY: image-size
image-size: ## MB that the built image holds beside its base: our code and the packages it runs
	@"$(ENGINE)" run --rm $(RUN_FLAGS) "$(IMAGE)" python -c "import os; \
		sizes = [os.lstat(os.path.join(at, name)).st_size for top in ('/opt/venv', '/app') for at, _, names in os.walk(top) for name in names]; \
		print(f'$(IMAGE): {sum(sizes) / 1e6:.0f} MB beside its base')"
