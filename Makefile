# make demo   the whole system on this machine, from a real capture to an SMS (SCENARIO=spring-festival: another)
# make test   every test this machine can run; what is missing is skipped with how to get it
# Both set up .venv from the lock files first. See CONTRIBUTING.md for the rest.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet install

.PHONY: demo test lint format conformance fuzz chaos lock clean help

help:
	@sed -n '1,3s/^# //p' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Xinling needs Python 3.11 or later; say where: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing (Debian: apt install python3-venv)" >&2; exit 1; }

# --require-hashes: nothing but what the lock file names. The project itself needs no download.
$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what requirements.lock pins into $(VENV) ..." >&2
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements-test.lock $(VENV)/.runtime
	@echo "Installing what requirements-test.lock pins into $(VENV) ..." >&2
	@$(PIP) --require-hashes -r requirements-test.lock
	@touch $@

# SCENARIO=spring-festival: people leave a made-up Zhengzhou, and the summary knows who really did.
demo: $(VENV)/.runtime
	@$(BIN)/xinling demo $(if $(SCENARIO),--scenario $(SCENARIO))

# On as many cores as there are, up to four: many tests wait for Kafka, tshark or a process of ours.
# A file's tests stay in one process, which compiles what they need once.
test: $(VENV)/.test
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.test
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Message by message, field by field, against tshark; a difference needs its written reason.
conformance: $(VENV)/.test
	@$(BIN)/python tests/conformance/conformance.py

# Whatever the bytes: mutated frames of every fixture through decoder and correlator, ten million of them
# unless FRAMES=… says how many, on WORKERS=… cores. Then a million found by coverage, where atheris is installed.
fuzz: $(VENV)/.test
	@$(BIN)/python tests/fuzz/fuzz_run.py --frames $(or $(FRAMES),10000000) $(if $(WORKERS),--workers $(WORKERS)) $(if $(SEED),--seed $(SEED))
	@$(BIN)/python tests/fuzz/fuzz_kernel.py --frames $(or $(FRAMES),1000000) $(if $(SEED),--seed $(SEED))
	@$(BIN)/python tests/fuzz/fuzz_coverage.py

# The killer, at length: SEED=… makes a run again, FAULTS=… sets how many (a fault takes some six seconds).
chaos: $(VENV)/.test
	@PYTHONPATH=tests $(BIN)/python tests/kafka/chaos.py $(if $(SEED),--seed $(SEED)) $(if $(CLUSTER),--cluster) \
	  --faults $(or $(FAULTS),120)

format: $(VENV)/.test
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage

# Resolves anew; needs uv. The runtime sets (fast: the image's) are parts of the test set, version by version.
lock:
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	  --extra test pyproject.toml requirements-build.in -o requirements-test.lock
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	  -c requirements-test.lock pyproject.toml requirements-build.in -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	  -c requirements-test.lock --extra fast pyproject.toml requirements-build.in -o requirements-fast.lock
