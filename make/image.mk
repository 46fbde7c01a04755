# What every project with a service image offers; it sets IMAGE_EXTRAS (of common_utils) and includes this.
# The build context is the repository's root, because the image needs common_utils.
ENGINE ?= docker
IMAGE ?= $(notdir $(shell echo "$(CURDIR)" | tr '[:upper:]' '[:lower:]')):local
BUILD_FLAGS ?=
BASE ?= $(shell sed -n 's/^FROM \(.*\) AS base$$/\1/p' Dockerfile)
REVISION ?= $(shell git -C "$(ROOT)" describe --always --dirty --abbrev=40 --exclude "*")
RUN_FLAGS ?= --network none

.PHONY: image
image: ## Build the service image; ENGINE=podman, IMAGE=name:tag, BASE=image@digest and BUILD_FLAGS change how
	@"$(ENGINE)" info >/dev/null 2>&1 || \
		{ echo "make: no container engine answers '$(ENGINE) info'; start it, or name another: make image ENGINE=podman" >&2; exit 1; }
	@"$(ENGINE)" build $(BUILD_FLAGS) $(BASE:%=--build-arg BASE=%) --build-arg REVISION="$(REVISION)" --file Dockerfile --tag "$(IMAGE)" "$(ROOT)"

.PHONY: image-try
image-try: image ## Run the image without network, privileges or a writable disk: without a bundle, then with a new one
	@artifacts=$$(mktemp -d); trap 'rm -rf "$$artifacts"' EXIT; chmod 755 "$$artifacts"; \
		$(MAKE) train ARGS="--output $$artifacts"; \
		"$(ROOT)/make/try_image.sh" "$(ENGINE)" "$(IMAGE)" "$$artifacts" $(RUN_FLAGS)

.PHONY: image-push
image-push: ## Log in, build, push REGISTRY/<project>:TAG with provenance and SBOM; wants REGISTRY, REGISTRY_USER, REGISTRY_TOKEN, TAG
	@for name in REGISTRY REGISTRY_USER REGISTRY_TOKEN TAG; do \
		[ -n "$${!name:-}" ] || { echo "make: $$name is not set; see .github/workflows/images.yml" >&2; exit 1; }; done
	@printf '%s' "$$REGISTRY_TOKEN" | "$(ENGINE)" login "$${REGISTRY%%/*}" --username "$$REGISTRY_USER" --password-stdin
	@"$(ENGINE)" buildx inspect portfolio >/dev/null 2>&1 || "$(ENGINE)" buildx create --name portfolio --driver docker-container >/dev/null
	@"$(ENGINE)" buildx build --builder portfolio --push --provenance=mode=max --sbom=true $(BUILD_FLAGS) \
		$(BASE:%=--build-arg BASE=%) --build-arg REVISION="$(REVISION)" --file Dockerfile \
		--tag "$$REGISTRY/$(firstword $(subst :, ,$(IMAGE))):$$TAG" "$(ROOT)"

.PHONY: lock
lock: $(UV) ## Resolve what the image runs, and what builds it, within the root lock
	@cd "$(ROOT)" && "$(UV)" pip compile $(LOCK_FLAGS) --no-emit-package common-utils \
		common_utils/pyproject.toml $(IMAGE_EXTRAS:%=--extra %) -c requirements.txt -o "$(notdir $(CURDIR))/requirements.txt"
	@cd "$(ROOT)" && "$(UV)" pip compile $(LOCK_FLAGS) --group build -c requirements.txt \
		-o "$(notdir $(CURDIR))/requirements-build.txt"

.PHONY: image-size
image-size: ## MB that the built image holds beside its base: our code and the packages it runs
	@"$(ENGINE)" run --rm $(RUN_FLAGS) "$(IMAGE)" python -c "import os; \
		sizes = [os.lstat(os.path.join(at, name)).st_size for top in ('/opt/venv', '/app') for at, _, names in os.walk(top) for name in names]; \
		print(f'$(IMAGE): {sum(sizes) / 1e6:.0f} MB beside its base')"
