PYTHON := .venv/bin/python
LOCK := $(PYTHON) -m uv pip compile pyproject.toml --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate -q

.DEFAULT_GOAL := help
.PHONY: help run migrate seed test lint format lock clean for-running for-developing for-browsing

help:  ## Show what there is to do
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

run: for-running  ## Start Invoices (PORT, HOST, DATA_DIR, DATABASE_URL, SEED=1, ... as variables)
	@$(PYTHON) -m invoices_app run

migrate: for-running  ## Bring the database to the newest schema (run does it too)
	@$(PYTHON) -m invoices_app flask db upgrade

seed: for-running  ## Make a demo business with clients and invoices in every state
	@$(PYTHON) -m invoices_app flask seed

test: for-developing for-browsing lint  ## Run the linters and all tests
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

clean:  ## Remove .venv and caches, never your data
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

for-running:
	@.requirements/install.sh run

for-developing:
	@.requirements/install.sh dev
screenshots: for-developing for-browsing  ## Make the README's pictures afresh, from the demo business
	$(PYTHON) -m docs.screenshots


for-browsing:
	@.requirements/browser.sh

for-proxying:
	@.requirements/proxy.sh
