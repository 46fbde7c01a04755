# What every project on one table offers; its Makefile sets COMMAND, PACKAGES and IMAGE_EXTRAS and includes this.
include $(dir $(lastword $(MAKEFILE_LIST)))member.mk
include $(ROOT)/make/image.mk
ARGS ?=

.PHONY: train
train: $(STAMP) ## Data, training, verified bundle, results table: artifacts/current (ARGS="--data FILE")
	@"$(BIN)/$(COMMAND)" train $(ARGS)

.PHONY: evaluate
evaluate: $(STAMP) ## Measure the current bundle again and print the goal table; writes docs/results.md
	@"$(BIN)/$(COMMAND)" evaluate --output docs/results.md $(ARGS)

.PHONY: serve
serve: $(STAMP) ## Serve the current bundle on http://127.0.0.1:8000
	@"$(BIN)/$(COMMAND)" serve $(ARGS)

.PHONY: e2e
e2e: $(STAMP) ## Data -> train -> artifacts -> API up -> real requests -> clean-up
	@"$(BIN)/python" scripts/run_e2e.py $(ARGS)

.PHONY: columns
columns: $(STAMP) ## Write the data dictionary, docs/data_dictionary.md; a test fails where it is stale
	@"$(BIN)/$(COMMAND)" columns --format markdown > docs/data_dictionary.tmp && mv docs/data_dictionary.tmp docs/data_dictionary.md

.PHONY: card
card: $(STAMP) ## Write the cards, the figures and the README's results from the current bundle
	@"$(BIN)/$(COMMAND)" card $(ARGS)
