PYTHON := .venv/bin/python
LOCK := $(PYTHON) -m uv pip compile pyproject.toml --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate -q

.DEFAULT_GOAL := help
.PHONY: help run migrate seed backup restore bench plans drill audit scan test lint format lock screenshots clean for-running for-developing for-browsing for-serving for-loading

help:  ## Show what there is to do
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

run: for-running  ## Start Invoices (PORT, HOST, DATA_DIR, DATABASE_URL, SEED=1, ... as variables)
	@$(PYTHON) -m invoices_app run

migrate: for-running  ## Bring the database to the newest schema (run does it too)
	@$(PYTHON) -m invoices_app flask db upgrade

seed: for-running  ## Make a demo business with clients and invoices in every state
	@$(PYTHON) -m invoices_app flask seed

backup: for-running  ## Write the whole database into one file, while it is in use (FILE=...)
	@$(PYTHON) -m invoices_app backup "$(or $(FILE),$(error say where to: make backup FILE=invoices.backup))"

restore: for-running  ## Bring a backup back, into an empty database (FILE=..., and a new DATA_DIR)
	@$(PYTHON) -m invoices_app restore "$(or $(FILE),$(error say which one: make restore FILE=invoices.backup))"

bench: for-developing for-loading  ## Measure pages and writes beside a floor (QUICK=1; WRITE=1 into docs/benchmarks.md; SERVERS=1)
	@$(PYTHON) -m tests.bench

plans: for-developing  ## Look how every statement runs, on a copy of a data folder (DATA=var/bench; WRITE=1)
	@$(PYTHON) -m tests.plans "$(or $(DATA),$(or $(DATA_DIR),var)/bench)"

drill: for-developing  ## Kill everything under load for ten minutes, and look whether anything is lost (SECONDS=600)
	@$(PYTHON) -m tests.drill --seconds $(or $(SECONDS),600)

audit: for-developing  ## Check packages, licences, newer releases and known holes; part of it asks the network
	@$(PYTHON) -m tests.audit

scan: for-developing  ## Let sqlmap and wapiti loose on a server of its own (MINUTES=15; Debian's packages)
	@$(PYTHON) -m tests.scan --minutes $(or $(MINUTES),15)

# Containers often say that Python keeps no bytecode: each of the many processes that tests start would compile the app.
test: export PYTHONDONTWRITEBYTECODE =
test: for-developing for-browsing for-serving lint  ## Run the linters and all tests
	$(PYTHON) -m pytest -n 2

lint: for-developing  ## Check style, types and who imports whom
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(PYTHON) -c "import sys; from importlinter import cli; sys.exit(cli.lint_imports())"

format: for-developing  ## Format the code, and fix what can be fixed safely
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

lock: for-developing  ## Pin all packages with hashes, after a change in pyproject.toml
	$(LOCK) -o .requirements/run.txt
	$(LOCK) --group dev -c .requirements/run.txt -o .requirements/dev.txt

screenshots: for-developing for-browsing  ## Make the README's pictures afresh, from the demo business
	$(PYTHON) -m docs.screenshots

clean:  ## Remove .venv and caches, never your data
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

for-running:
	@.requirements/install.sh run

for-developing:
	@.requirements/install.sh dev

for-browsing:
	@.requirements/browser.sh

for-serving:
	@.requirements/servers.sh

for-loading:
	@.requirements/load.sh
