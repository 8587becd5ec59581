# `make` lists what there is. Variables: HOST, PORT, LETTA_* and the providers' are passed on to the server.

PYTHON ?= python3
VENV ?= .venv
# Tests run in that many processes; 0 for one that can be debugged.
WORKERS ?= 2
PYTEST_ARGS ?=

export PYTHON
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# Empty where the virtual environment is of a Python that the system has replaced since; it is completed then.
PACKAGES := $(shell $(BIN)/python -c 'import site; print(site.getsitepackages()[0])' 2>/dev/null)
STALE := $(if $(wildcard $(PACKAGES)/uvicorn),,stale)
COVERAGE_AT_LEAST := 85
FAULTS ?= 60
TOOLS := buildah podman runc mmdebstrap pgbouncer openssl chromium

.DEFAULT_GOAL := help
.PHONY: stale help run console screenshots venv venv-dev test test-fast test-pooler test-deploy test-crash test-tools lint check docs lock sbom compare clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: venv console ## Install what is needed and run the server (HOST, PORT, LETTA_DIR, LETTA_PG_DATA, OPENAI_API_KEY, …)
	@exec $(BIN)/python -m letta.cli server

console: venv ## Fetch the console's third-party files (uses npm, or downloads it)
	@scripts/console_parts.sh $(BIN)/python requirements-npm.lock

screenshots: venv-dev console ## Take the pictures of docs/images anew
	$(BIN)/python -m scripts.screenshots

venv: $(VENV)/installed ## Make the virtual environment that the server needs

venv-dev: $(VENV)/installed-dev ## The same with what tests need

$(VENV)/installed: requirements.lock $(STALE)
	@scripts/install.sh $(VENV) requirements.lock
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock $(STALE)
	@scripts/install.sh $(VENV) requirements-dev.lock
	@touch $@ $(VENV)/installed

stale:

test: venv-dev ## Run all tests and hold their branch coverage to the gate
	$(PYTEST) --cov --cov-report=term --cov-fail-under=$(COVERAGE_AT_LEAST) $(PYTEST_ARGS)

test-fast: venv-dev ## Run the tests that take milliseconds
	$(PYTEST) -m "not slow and not container and not pooler and not browser" $(PYTEST_ARGS)

test-pooler: venv-dev ## Run the tests that use a database on one as Supabase offers it
	$(BIN)/python -m tests.pooler.supabase_like $(PYTEST) -m "database and not once" $(PYTEST_ARGS)

test-deploy: venv-dev ## Show, point by point, that it deploys on Render with Supabase without surprises
	$(BIN)/python -m tests.deploy.acceptance -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

test-crash: venv-dev ## Break servers, Postgres and the network at random moments (FAULTS, SEED, REPORT), and check that nothing is lost
	$(BIN)/python -m tests.crash.campaign --faults $(FAULTS) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report $(REPORT))

test-tools: ## Install what the container, pooler and browser tests need (Debian, as root)
	apt-get update -q
	apt-get install -y -q --no-install-recommends $(TOOLS)

lint: venv-dev ## Check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test ## All that CI checks

docs: venv-dev ## Write the pages of docs/ that follow from the code
	$(BIN)/python scripts/generate_docs.py
	$(BIN)/python scripts/compatibility.py

LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock"
LOCK := $(BIN)/uv pip compile --quiet $(LOCK_OPTIONS) pyproject.toml --extra embedded --extra otel

lock: venv-dev ## Write the lock files anew from pyproject.toml (ARGS=--upgrade takes newer versions)
	$(LOCK) --output-file requirements.lock $(ARGS)
	$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock $(ARGS)
	$(BIN)/uv pip compile --quiet $(LOCK_OPTIONS) --group pyproject.toml:npm --constraint requirements-dev.lock \
		--output-file requirements-npm.lock $(ARGS)

SBOM_TOOL := cyclonedx-bom==7.5.0
SBOM ?= sbom.cdx.json

sbom: venv-dev ## Write SBOM (sbom.cdx.json): what requirements.lock brings into the image, in the form of CycloneDX
	$(BIN)/uv tool run --quiet --from $(SBOM_TOOL) cyclonedx-py requirements --output-reproducible \
		--pyproject pyproject.toml --output-file $(SBOM) requirements.lock

PLOT_TOOL := matplotlib==3.10.8
FORMER ?=

compare: venv-dev ## Measure it beside the former server, installed into FORMER (a folder outside the checkout), and draw
	$(BIN)/python -m benchmarks.compare --former $(FORMER) --json benchmarks/results/compare.json
	$(BIN)/uv run --quiet --no-project --with $(PLOT_TOOL) python benchmarks/plot.py benchmarks/results/compare.json \
		docs/images/comparison.svg

clean: ## Remove what the targets made (not the data of the embedded database)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* build dist
	rm -rf letta/console/parts
	find letta tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
