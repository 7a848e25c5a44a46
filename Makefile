# Both targets make their own environment in .venv first; nothing else is needed but Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test format lint types imports unit slow benchmarks kill clean

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
	$(BIN)/python -m benchmarks.counting
	$(BIN)/python -m benchmarks.training

kill: $(STAMP)
	$(BIN)/python -m scripts.hardening.kill

clean:
	rm -rf $(VENV) build dist *.egg-info demo
