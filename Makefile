# Every target makes .venv itself; a stamp for each set of extras makes the second run quick.
# Needs make and Python >= 3.11 with venv. Choose another interpreter with `make PYTHON=... test`.

VENV := .venv
BIN  := $(VENV)/bin
# The stamps carry the checkout's path: a copied .venv would import the package it was copied from.
STAMPS := $(VENV)/stamps-$(shell printf %s '$(CURDIR)' | cksum | cut -d' ' -f1)

# Left to `make` to find: the first of these that is 3.11 or newer.
PYTHON ?=
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
# More options for pip, such as --quiet or an index to look in.
PIP_FLAGS ?=
# More options for the program that a target runs: make test ARGS="-k matmul"
ARGS ?=

# One BLAS thread a process: the tests run one process a core.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
# -P: the root stays off sys.path, where its folders would be importable a second time.
PYTEST := $(ONE_THREAD) $(BIN)/python -P -m pytest

# mypy does not follow an editable install: it reads the rooms through a link named chainrule.
ROOMS   := $(patsubst %/__init__.py,%,$(wildcard */__init__.py))
MODULES := $(filter-out __init__,$(patsubst %.py,%,$(wildcard *.py)))

.DEFAULT_GOAL := help
.PHONY: help tour test parity soak lint bench docs course clean
.DELETE_ON_ERROR:
# Two pips at once would write the same .venv.
.NOTPARALLEL:

help:
	@echo "make tour    the lecture's graph, derivation and a trained network -> tour/index.html"
	@echo "make test    the tests, without the comparison with PyTorch"
	@echo "make parity  the comparison with PyTorch (installs torch)"
	@echo "make soak    random programs and every form of every call, by the thousand, against PyTorch"
	@echo "make lint    ruff check, ruff format --check, mypy --strict"
	@echo "make bench   side by side with torch and micrograd -> benchmarks/results/"
	@echo "make docs    a page for every family of operations -> docs/reference/index.html"
	@echo "make course  every notebook of the course: executed, wrong answers planted, pages looked at"
	@echo "make clean   remove .venv and everything generated"

tour: $(STAMPS)/tour
	$(BIN)/chainrule tour $(ARGS)

test: $(STAMPS)/test
	$(PYTEST) tests --ignore=tests/parity -m "not notebook" -n auto $(ARGS)

parity: $(STAMPS)/parity
	$(PYTEST) tests/parity -n auto $(ARGS)

soak: $(STAMPS)/parity
	HYPOTHESIS_PROFILE=soak $(PYTEST) tests/autograd/test_programs.py \
	    tests/parity/test_programs_parity.py tests/parity/test_calls_parity.py -n auto $(ARGS)

lint: $(STAMPS)/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@mkdir -p $(VENV)/mypy && ln -sfn ../.. $(VENV)/mypy/chainrule
	cd $(VENV)/mypy && ../bin/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache \
	    -m chainrule $(MODULES:%=-m chainrule.%) $(ROOMS:%=-p chainrule.%)

bench: $(STAMPS)/bench
	$(BIN)/python benchmarks/run.py $(ARGS)

docs: $(STAMPS)/docs
	$(BIN)/python tools/write_docs.py docs/reference

course: $(STAMPS)/course
	$(PYTEST) tests/course tests/viz/test_notebook.py -n auto --dist worksteal --durations 15 $(ARGS)

clean:
	rm -rf $(VENV) tour docs/reference build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name .pytest_cache -type d -prune -exec rm -rf {} +

# $(STAMPS)/NAME: the package, editable, with the extras of NAME. Made again when pyproject.toml changes.
$(STAMPS)/%: pyproject.toml $(STAMPS)/.venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet $(PIP_FLAGS) -e '.[$*]'
	@touch $@

$(STAMPS)/.venv:
	@py='$(PYTHON)'; \
	if [ -z "$$py" ]; then \
	    for name in $(CANDIDATES); do \
	        if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	        then py=$$name; break; fi; \
	    done; \
	fi; \
	if [ -z "$$py" ]; then \
	    echo "chainrule needs Python 3.11 or newer; none of these is: $(CANDIDATES)." >&2; \
	    echo "Install one, or name it: make PYTHON=/path/to/python3 <target>" >&2; exit 1; \
	fi; \
	if ! "$$py" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "PYTHON=$$py does not run, or is older than Python 3.11." >&2; exit 1; \
	fi; \
	if ! "$$py" -c 'import venv, ensurepip' 2>/dev/null; then \
	    echo "$$py cannot make a virtual environment: its venv or ensurepip module is missing." >&2; \
	    echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi; \
	echo "making $(VENV) with $$("$$py" --version)"; \
	"$$py" -m venv --clear $(VENV)
	@mkdir -p $(STAMPS) && touch $@
