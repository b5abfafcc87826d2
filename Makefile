# mackey: `make demo` and `make test` need Python 3.11 or newer, pip and make, nothing else.
# MACKEY_DATA and MACKEY_PARITY (folders with data sets and golden files) are read from the environment if set.

PYTHON ?= python3
# Tests are many small computations: threads only wait for each other.
export OMP_NUM_THREADS ?= 1
PYTEST = .venv/bin/python -m pytest

.PHONY: help demo test test-slow check bench clean

help:
	@echo "make demo       install with the training extra and train a small model, then audit it"
	@echo "make test       the fast tests: once with shape checking, once for compile/export without it"
	@echo "make test-slow  the slow tests"
	@echo "make check      ruff, mypy and the architecture test"
	@echo "make bench      measure against peers, in an environment of its own"
	@echo "make clean      remove environments, caches and build outputs"

demo: .venv/.installed-train
	.venv/bin/mackey demo

test: .venv/.installed-dev
	$(PYTEST) -m "not slow and not unchecked" --jaxtyping-packages=mackey,beartype.beartype
	$(PYTEST) -m "unchecked and not slow"

# pytest answers 5 where nothing is marked slow, which is not a failure.
test-slow: .venv/.installed-dev
	$(PYTEST) -m "slow and not unchecked" --jaxtyping-packages=mackey,beartype.beartype || test $$? -eq 5
	$(PYTEST) -m "slow and unchecked" || test $$? -eq 5

check: .venv/.installed-dev
	.venv/bin/ruff check .
	.venv/bin/mypy src/mackey
	$(PYTEST) -q tests/test_architecture.py

bench: .venv-bench/.installed-bench
	.venv-bench/bin/python -m benchmarks.run

clean:
	rm -rf .venv .venv-bench build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# Stamps: an environment is brought up to date only when what it is built from has changed.

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv-bench/bin/python:
	$(PYTHON) -m venv .venv-bench

.venv/.installed-train: pyproject.toml constraints.txt | .venv/bin/python
	.venv/bin/python -m pip install -q -c constraints.txt -e '.[train]'
	touch $@

.venv/.installed-dev: pyproject.toml constraints.txt | .venv/bin/python
	.venv/bin/python -m pip install -q -c constraints.txt -e '.[dev,train]'
	touch $@ .venv/.installed-train

# escnn without its dependencies: see the bench extra in pyproject.toml.
.venv-bench/.installed-bench: pyproject.toml constraints-bench.txt | .venv-bench/bin/python
	.venv-bench/bin/python -m pip install -q -c constraints-bench.txt -e '.[bench]'
	.venv-bench/bin/python -m pip install -q -c constraints-bench.txt --no-deps escnn
	touch $@
