# `make` lists what there is. Variables: HOST, PORT, LETTA_* and the providers' are passed on to the server.

PYTHON ?= python3
VENV ?= .venv
# Tests run in that many processes; 0 for one that can be debugged.
WORKERS ?= 2
PYTEST_ARGS ?=

export PYTHON
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile
COVERAGE_AT_LEAST := 85
FAULTS ?= 60
TOOLS := buildah podman runc mmdebstrap pgbouncer openssl chromium

.DEFAULT_GOAL := help
.PHONY: help run venv venv-dev test test-fast test-pooler test-deploy test-crash test-tools lint check docs lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: venv ## Install what is needed and run the server (HOST, PORT, LETTA_DIR, LETTA_PG_DATA, OPENAI_API_KEY, …)
	@exec $(BIN)/python -m letta.cli server

venv: $(VENV)/installed ## Make the virtual environment that the server needs

venv-dev: $(VENV)/installed-dev ## The same with what tests need

$(VENV)/installed: requirements.lock
	@scripts/install.sh $(VENV) requirements.lock
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock
	@scripts/install.sh $(VENV) requirements-dev.lock
	@touch $@ $(VENV)/installed

test: venv-dev ## Run all tests and hold their branch coverage to the gate
	$(PYTEST) --cov --cov-report=term --cov-fail-under=$(COVERAGE_AT_LEAST) $(PYTEST_ARGS)

test-fast: venv-dev ## Run the tests that take milliseconds
	$(PYTEST) -m "not slow and not container and not pooler and not browser" $(PYTEST_ARGS)

test-pooler: venv-dev ## Run the tests that use a database on one as Supabase offers it
	$(BIN)/python -m tests.pooler.supabase_like $(PYTEST) -m database $(PYTEST_ARGS)

test-deploy: venv-dev ## Show, point by point, that it deploys on Render with Supabase without surprises
	$(BIN)/python -m tests.deploy.acceptance -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

test-crash: venv-dev ## Break servers, Postgres and the network at random moments (FAULTS, SEED, REPORT), and look what is lost
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

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml --extra embedded

lock: venv-dev ## Write the lock files anew from pyproject.toml (ARGS=--upgrade takes newer versions)
	$(LOCK) --output-file requirements.lock $(ARGS)
	$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock $(ARGS)

clean: ## Remove what the targets made (not the data of the embedded database)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* build dist
	find letta tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
