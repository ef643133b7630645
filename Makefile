# make install | demo | test | test-all | test-interop | docs | notebooks | bench | bench-training | bench-peers | mutants | figures
# Everything runs in .venv/, made here from pyproject.toml when missing or older than it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One BLAS thread a process: the tests run in one process per core.
SINGLE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: install demo test test-slow test-all test-nightly test-interop lint docs notebooks figures bench bench-training bench-peers mutants clean

install: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "kronmix needs Python 3.11 or newer: make PYTHON=python3.12"'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/kronmix report --out out/report

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(STAMP) lint
	$(SINGLE) $(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not nightly"

# What takes longer: larger random samples.
test-slow: $(STAMP)
	$(SINGLE) $(BIN)/python -m pytest -n 2 --dist loadgroup -m "slow and not nightly"

test-all: test test-slow

# What takes hours on two cores: thousands of random compositions and identities, scikit-learn's checks of every estimator.
test-nightly: $(STAMP)
	$(SINGLE) $(BIN)/python -m pytest -n 2 --dist loadgroup -m nightly

# The real libraries behind kronmix.interop, in an environment of their own: PyTorch, peft, LyCORIS, lazylinop, pyfaust.
test-interop: pyproject.toml tests_interop/requirements.txt
	test -x .venv-interop/bin/python || $(PYTHON) -m venv .venv-interop
	.venv-interop/bin/python -m pip install --quiet --disable-pip-version-check --editable . -r tests_interop/requirements.txt
	$(SINGLE) PATH=$(CURDIR)/.venv-interop/bin:$$PATH .venv-interop/bin/python -m pytest --override-ini=addopts= --override-ini=filterwarnings= -q tests_interop

# The site: out/docs/html/index.html. Built without the network.
docs: $(STAMP)
	rm -rf out/docs/html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs out/docs/html
	$(BIN)/python -m docs.links out/docs/html

# Every notebook of the course at full size, into the .ipynb beside each.
notebooks: $(STAMP)
	$(BIN)/python -m docs.course

figures: $(STAMP)
	$(BIN)/python -m docs.figures

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# PyTorch, for comparison only, lives in an environment of its own.
bench-training: pyproject.toml
	test -x .venv-torch/bin/python || $(PYTHON) -m venv .venv-torch
	.venv-torch/bin/python -m pip install --quiet --disable-pip-version-check --editable . threadpoolctl torch
	.venv-torch/bin/python -m benchmarks training --out out/benchmarks/training.json

# Neighbouring libraries side by side, in an environment of their own; the result is the table of docs/comparison.md.
bench-peers: pyproject.toml benchmarks/peers.txt
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --editable . -r benchmarks/peers.txt
	-.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps pyfastkron
	$(SINGLE) .venv-peers/bin/python -m benchmarks peers --out docs/peers.json

# Small faults put into the core, each against the tests that mirror it: which does no test see? Takes hours.
mutants: $(STAMP)
	$(SINGLE) $(BIN)/python -m benchmarks.mutate --sample 150

clean:
	rm -rf $(VENV) .venv-torch .venv-interop .venv-peers out
