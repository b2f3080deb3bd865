# Common tasks. A newcomer needs `make demo` and `make test` alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNNABLE := $(VENV)/.runnable
INSTALLED := $(VENV)/.installed
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
WORKERS ?= 2
KILLS ?= 200
SEED ?= 0
SECONDS ?= 60
# The versions that are tested; `make test CONSTRAINTS=` takes the newest that pyproject.toml allows.
CONSTRAINTS ?= --constraint constraints.txt

.PHONY: demo test test-slow check format docs faults fuzz lock audit clean

demo: $(RUNNABLE)
	$(BIN)/pairloom demo --out runs/demo

test: check
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m "not slow"

# One thread per test process: two processes with two threads each would wait for each other.
test-slow: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m slow -rP

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python docs/write_reference.py
	$(BIN)/python docs/notebooks.py

# The variable silences a notice of Material's about its successor.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "Open site/index.html (its search wants a server: $(BIN)/mkdocs serve)"

# `kill -9` at random moments of every kind of work; the same SEED kills at the same shares of the time.
faults: $(INSTALLED)
	$(BIN)/python tests/faults/kills.py --kills $(KILLS) --seed $(SEED)

# SECONDS for each reader of files; atheris is wanted by nothing else.
fuzz: $(INSTALLED)
	$(PIP_INSTALL) --editable ".[fuzz]"
	$(BIN)/python tests/faults/fuzz.py --seconds $(SECONDS)

lock: $(INSTALLED)
	$(BIN)/python docs/write_lock.py

# Asks the registry for known weaknesses of these versions; says so where it cannot.
audit:
	$(PYTHON) -m pip_audit --no-deps --requirement constraints.txt

# What running needs; tests need what is installed on top of it. Modules are compiled when they are first imported.
$(RUNNABLE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "Pairloom needs Python 3.11 to 3.13; name one: make PYTHON=python3.12")'
	@echo "Installing into $(VENV); most of it is PyTorch"
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --no-compile $(CONSTRAINTS) --editable .
	@touch $(RUNNABLE)

$(INSTALLED): $(RUNNABLE)
	$(PIP_INSTALL) $(CONSTRAINTS) --editable ".[dev]"
	@touch $(INSTALLED)

clean:
	rm -rf $(VENV) runs site
