# `make demo` and `make test` are all a newcomer needs; the rest is for contributors.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Most tests wait for a server or a program: more of them than cores may run at once.
WORKERS ?= 6

# Where it is set each of the hundreds of programs that the tests start compiles all of segdl.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check bench clean

# Without ensurepip (Debian's python3 alone) venv fails; virtualenv then does as well.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); $(PYTHON) -m virtualenv $(VENV); }

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

# Dependency groups need pip 25.1.
$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e . --group test
	touch $@

$(VENV)/.lint: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group lint
	touch $@

demo: $(VENV)/.demo
	$(BIN)/segdl demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# make bench SCENARIOS="loopback tls" ROUNDS=3 DIR=/var/tmp   (all of them optional; needs root)
bench: $(VENV)/.demo
	$(BIN)/python benchmarks/bench.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(DIR),--dir $(DIR)) $(SCENARIOS)

clean:
	rm -rf $(VENV) .nox .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
