# make install | demo | test | test-all | test-docs | test-interop | dist | test-dist | test-floors | snapshot | docs | notebooks | bench | bench-training | bench-peers | bench-estimators | mutants | figures
# Everything runs in .venv/, made here from pyproject.toml when missing or older than it.
PYTHON ?= python3
VENV := .venv
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := $(VENV)/$(SCRIPTS)
STAMP := $(VENV)/.installed
# One BLAS thread a process: the tests run in one process per core.
SINGLE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: install demo test test-slow test-all test-nightly test-docs test-interop test-locale test-floors dist test-dist snapshot lint docs notebooks student figures bench bench-training bench-peers bench-estimators mutants clean

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
	$(BIN)/mypy tests/test_typing.py
	$(BIN)/lint-imports

test: $(STAMP) lint
	$(SINGLE) $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not nightly"

# What takes longer: the whole site in a browser, every notebook, the studies' cells, larger random samples.
test-slow: $(STAMP)
	$(SINGLE) $(BIN)/python -m pytest -n 2 --dist worksteal -m "slow and not nightly"

test-all: test test-slow

# The site, its pages and the report: links, examples, every page in a browser, with axe-core where npm can bring it.
AXE := .axe/node_modules/axe-core/axe.min.js
$(AXE):
	npm install --silent --no-fund --no-audit --prefix .axe axe-core@4.10

test-docs: $(STAMP)
	-$(MAKE) $(AXE)
	$(SINGLE) $(BIN)/python -m pytest -n 2 --dist worksteal -m "not nightly" tests/docs tests/report tests/test_browser.py docs

# What takes hours on two cores: thousands of random compositions and identities, scikit-learn's checks of every estimator.
test-nightly: $(STAMP)
	$(SINGLE) $(BIN)/python -m pytest -n 2 --dist worksteal -m nightly

# The real libraries behind kronmix.interop, and solvers of the same problems, in an environment of their own: PyTorch, peft, LyCORIS,
# lazylinop, pyfaust; CVXPY, TensorLy.
test-interop: pyproject.toml tests_interop/requirements.txt
	test -x .venv-interop/$(SCRIPTS)/python || $(PYTHON) -m venv .venv-interop
	.venv-interop/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check --editable . -r tests_interop/requirements.txt
	$(SINGLE) PATH=$(CURDIR)/.venv-interop/$(SCRIPTS):$$PATH .venv-interop/$(SCRIPTS)/python -m pytest --override-ini=addopts= --override-ini=filterwarnings= -q tests_interop

# Once more where text is ASCII unless a file says otherwise, as on an old system.
test-locale: $(STAMP)
	LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 $(SINGLE) $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not nightly"

# Public names and signatures, as they are now: tests/interface.txt. Read the difference before it is committed.
snapshot: $(STAMP)
	$(BIN)/python -m tests.test_interface

# The wheel and the source archive, checked: out/dist.
DIST := .venv-dist/.installed
$(DIST): Makefile
	test -x .venv-dist/$(SCRIPTS)/python || $(PYTHON) -m venv .venv-dist
	.venv-dist/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check build check-wheel-contents pytest twine
	touch $@

dist: $(DIST)
	rm -rf out/dist
	.venv-dist/$(SCRIPTS)/python -m build --outdir out/dist
	.venv-dist/$(SCRIPTS)/python -m twine check --strict out/dist/*
	.venv-dist/$(SCRIPTS)/check-wheel-contents out/dist/*.whl

# The wheel in fresh environments: without extras, with each, with all.
test-dist: dist
	$(SINGLE) .venv-dist/$(SCRIPTS)/python -m pytest --override-ini=addopts= --override-ini=filterwarnings= --confcutdir=tests_dist -q tests_dist

# Every lower bound of pyproject.toml installed, and the tests run with it. What old libraries warn of is theirs.
test-floors:
	rm -rf .venv-floors
	$(PYTHON) -m venv .venv-floors
	.venv-floors/$(SCRIPTS)/python tests_dist/floors.py > .venv-floors/floors.txt
	.venv-floors/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check --constraint .venv-floors/floors.txt --editable '.[dev]'
	$(SINGLE) .venv-floors/$(SCRIPTS)/python -m pytest -n 2 --dist worksteal --override-ini=filterwarnings=default -m "not slow and not nightly"

# The site: out/docs/html/index.html. Built without the network.
docs: $(STAMP)
	rm -rf out/docs/html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs out/docs/html
	$(BIN)/python -m docs.links out/docs/html

# Every notebook of the course at full size, into the .ipynb beside each.
notebooks: $(STAMP)
	$(BIN)/python -m docs.course

# The notebooks without outputs and solutions: out/student.
student: $(STAMP)
	$(BIN)/python -m docs.extensions.student

figures: $(STAMP)
	$(BIN)/python -m docs.figures

# The table of docs/benchmarks.md.
bench: $(STAMP)
	$(SINGLE) $(BIN)/python -m benchmarks --out docs/benchmarks.json

# PyTorch, for comparison only, lives in an environment of its own.
bench-training: pyproject.toml
	test -x .venv-torch/$(SCRIPTS)/python || $(PYTHON) -m venv .venv-torch
	.venv-torch/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check --editable . threadpoolctl torch
	.venv-torch/$(SCRIPTS)/python -m benchmarks training --out out/benchmarks/training.json

# Neighbouring libraries side by side, in an environment of their own; the result is the table of docs/comparison.md.
bench-peers: pyproject.toml benchmarks/peers.txt
	test -x .venv-peers/$(SCRIPTS)/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check --editable . -r benchmarks/peers.txt
	-.venv-peers/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check --no-deps pyfastkron
	$(SINGLE) .venv-peers/$(SCRIPTS)/python -m benchmarks peers --out docs/peers.json
	.venv-peers/$(SCRIPTS)/python -m docs.extensions.peers

# Errors of the estimators beside scikit-learn's and TensorLy's, for docs/how-to/estimators.md; the tasks on digits and patches take long.
bench-estimators: pyproject.toml benchmarks/peers.txt
	test -x .venv-peers/$(SCRIPTS)/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check --editable '.[data]' -r benchmarks/peers.txt
	$(SINGLE) .venv-peers/$(SCRIPTS)/python -m benchmarks.estimators --jobs 2 --out docs/estimators.json

# Small faults put into the core, each against the tests that mirror it: which does no test see? Takes hours.
mutants: $(STAMP)
	$(SINGLE) $(BIN)/python -m benchmarks.mutate --sample 150

clean:
	rm -rf $(VENV) .venv-torch .venv-interop .venv-peers .venv-dist .venv-floors out
