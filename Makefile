# One word for each chore. `make demo` and `make test` are all that a newcomer needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
WORKERS ?= 2

.PHONY: demo test test-slow check format docs clean

demo: $(INSTALLED)
	$(BIN)/pairloom demo --out runs/demo

test: check
	$(BIN)/pytest -n $(WORKERS) -m "not slow"

test-slow: $(INSTALLED)
	$(BIN)/pytest -m slow -rP

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python docs/write_reference.py

# The variable silences a notice of Material's about its successor.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "Open site/index.html (its search wants a server: $(BIN)/mkdocs serve)"

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "Pairloom needs Python 3.11 to 3.13; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $(INSTALLED)

clean:
	rm -rf $(VENV) runs site
