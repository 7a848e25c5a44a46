# Both targets make their own environment in .venv first; nothing else is needed but Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# uv and pip-audit, apart from what they look at
TOOLS := .tools
TORCH := 2.13.0+cpu
UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export UV_FIND_LINKS
# installed without byte code, so that a first run is quick; it is made when a module is first imported, and kept: the
# tests start more than a hundred processes, and torch and transformers alone take each of them 10 s to compile
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test format lint types imports unit slow benchmarks fuzz kill lock audit clean

demo: $(STAMP)
	$(BIN)/hac-analyze demo -o demo

test: $(STAMP) lint types imports unit

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25'
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	touch $@

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

unit: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0

slow: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile -m slow

benchmarks: $(STAMP)
	$(BIN)/python -m benchmarks.page --again

# requirements.lock: the versions of constraints.txt and all they need, with their hashes. The CPU build of torch is on
# no package index of PyPI's: UV_FIND_LINKS or UV_INDEX must name a place that has it (PyTorch's CPU index, or a folder).
lock: $(TOOLS)/.installed
	printf 'torch==%s\n' '$(TORCH)' > $(TOOLS)/torch.txt
	$(TOOLS)/bin/uv pip compile --quiet pyproject.toml --extra dev --constraint constraints.txt \
		--constraint $(TOOLS)/torch.txt --generate-hashes --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url --output-file requirements.lock

# fails where a known hole is found, and also where a package could not be looked up
audit: $(TOOLS)/.installed
	$(TOOLS)/bin/pip-audit --strict --disable-pip --no-deps --require-hashes --requirement requirements.lock

$(TOOLS)/.installed:
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet 'uv>=0.8' 'pip-audit>=2.9'
	touch $@

# every reader of files, coverage-guided (extra `fuzz`); NAMES=tokens-npz for one of them, see scripts/fuzz
fuzz: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python -m scripts.fuzz $(NAMES) --seconds $(or $(SECONDS),600)

kill: $(STAMP)
	$(BIN)/python -m scripts.hardening.kill

clean:
	rm -rf $(VENV) $(TOOLS) build dist *.egg-info demo
