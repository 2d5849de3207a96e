# Every command of the project. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

CACHE := $(or $(WEBAUDIT_CACHE),$(CURDIR)/.cache)
BIN := $(CACHE)/venv/bin
PYTHON := $(BIN)/python
PYTEST := $(BIN)/pytest
export WEBAUDIT_CACHE := $(CACHE)
export PYTHONPATH := $(CURDIR)/operator:$(CURDIR)/capture-image:$(CURDIR)/cluster:$(CURDIR)/examples/demo
export PYTHONDONTWRITEBYTECODE := 1
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis
KIT := $(PYTHON) -m webaudit_cluster
# Unit tests get a cache without binaries, so that one which needs them fails here as it would on a fresh clone.
UNBUILT := $(CACHE)/unbuilt
SOURCES := operator capture-image cluster migrations tests examples bench

.PHONY: help setup bench-capture bench-retention check format machine images test test-integration test-capture test-e2e demo demo-down cluster cluster-down clean

help: ## what can be done
	@sed -nE 's/^([a-z][a-z0-9-]*):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

setup: ## the locked Python environment
	@tools/bootstrap

check: setup ## the fast loop: format, lint, types, unit tests
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	WEBAUDIT_CACHE=$(UNBUILT) $(PYTEST) -q -n 2 -m "not postgres and not browser and not binaries and not apiserver and not e2e"

format: setup ## put the code in form
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

machine: setup ## Debian packages and the cluster's binaries
	$(KIT) packages --tests
	$(KIT) binaries

test: setup ## everything, with the time each suite took
	@tools/suites

test-integration: machine ## PostgreSQL, API server, bucket server, helm: no browser, no node
	$(PYTEST) -n 2 -m "(postgres or binaries or apiserver) and not browser and not e2e"

test-capture: machine ## Chromium on local pages
	$(PYTEST) -n 3 --dist loadscope -m "browser and not e2e"

images: machine ## all images, from this tree
	$(KIT) image build

test-e2e: images ## the chart on the local cluster
	$(PYTEST) -m e2e

# The benches' own path, and what they compare with; the next `make setup` takes that away again.
bench-capture: machine ## captures beside bare Playwright and shot-scraper: time, memory, image (RUNS=7)
	@tools/bootstrap --group bench
	PYTHONPATH=$(PYTHONPATH):$(CURDIR)/tests:$(CURDIR)/bench $(PYTHON) -m webaudit_bench capture --runs $(or $(RUNS),7) --json $(CACHE)/bench-capture.json

bench-retention: setup ## deletions beside the raw client's, many rows, many objects (ARTIFACTS=4000 ROWS=1000000 OBJECTS=1000000)
	PYTHONPATH=$(PYTHONPATH):$(CURDIR)/tests:$(CURDIR)/bench $(PYTHON) -m webaudit_bench retention --artifacts $(or $(ARTIFACTS),4000) --rows $(or $(ROWS),1000000) --listed $(or $(OBJECTS),1000000) --json $(CACHE)/bench-retention.json

# URL, SHOP, CONTEXT, IMAGE_REPOSITORY and IMAGE_TAG reach the demo through the environment.
demo: setup ## the main job: a cluster, a shop, an audit, its evidence (URL=, SHOP=evershop, CONTEXT=)
	@$(PYTHON) -m webaudit_demo up

demo-down: setup ## remove what the demo started, and nothing else
	@$(PYTHON) -m webaudit_demo down

cluster: machine ## bring the local cluster up
	$(KIT) up

cluster-down: setup ## take it down
	$(KIT) down

clean: ## forget everything that was built
	@if [ -e "$(CACHE)/cluster.before.json" ] || [ -e "$(CACHE)/evershop/run/evershop.json" ]; then \
	    echo "The local cluster or a demo's shop is up: make demo-down, or make cluster-down, first." >&2; exit 1; fi
	rm -rf "$(CACHE)"
