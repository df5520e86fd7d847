# One word a task; `make` alone lists them. Every task first does the set-up it still needs.
SHELL := bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
EXTRAS ?= dev
READY := $(VENV)/.ready$(if $(filter-out dev,$(EXTRAS)),-$(EXTRAS))
PROFILE ?= full
JOBS ?= 2
PIP_ARGS ?=
PARAMETERS ?=

BUILD := build/$(PROFILE)
SITE := $(if $(filter full,$(PROFILE)),reports,reports/$(PROFILE))
CHAPTERS := $(patsubst notebooks/%.ipynb,%,$(sort $(wildcard notebooks/[0-9][0-9]_*.ipynb)))
# The cases; and the case study's runs: those of a report, and of further scenarios that were run.
CASES := $(filter-out case_study,$(patsubst notebooks/cases/%.ipynb,%,$(sort $(wildcard notebooks/cases/*.ipynb))))
STUDIES := $(if $(wildcard notebooks/cases/case_study.ipynb),$(sort case_ecommerce case_music case_video \
  $(filter-out $(CASES),$(patsubst $(BUILD)/%.status.json,%,$(wildcard $(BUILD)/case_*.status.json)))))
SOLUTIONS := $(sort $(wildcard notebooks/solutions/[0-9][0-9]_*_solutions.ipynb))
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE

export CAUSALREC_HOME := $(CURDIR)
ifneq ($(strip $(CAUSALREC_DATA_MIRROR)),)
export CAUSALREC_DATA_MIRROR := $(abspath $(CAUSALREC_DATA_MIRROR))
endif

.PHONY: help setup lab reports test test-library test-databases test-notebooks lint bench data docs wheel doctor clean FORCE

help: ## this list
	@echo "make <task>   e.g. make reports PROFILE=smoke"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## a virtual environment with everything (EXTRAS=dev,mysql,spark adds drivers; PIP_ARGS="--index-url …")

$(READY): pyproject.toml requirements.lock
	@python="$(PYTHON)"; for found in python3 python3.13 python3.12 python3.11; do \
	  [ -n "$$python" ] && break; \
	  "$$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && python=$$found; \
	done; \
	[ -n "$$python" ] || { echo "Python 3.11 or newer was not found; install it, or name it: make PYTHON=/path/to/python" >&2; exit 1; }; \
	[ -x $(BIN)/python ] || "$$python" -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet $(PIP_ARGS) -c requirements.lock -e '.[$(EXTRAS)]'
	@touch $@

lab: $(READY) ## JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir=notebooks

reports: $(SITE)/index.html ## run what changed and build the report (PROFILE=full|smoke, PARAMETERS="-p seed=8")
	@echo "open $(SITE)/index.html"

# A chapter depends on its notebook, on the library's files it loaded when it last ran (its .d file), on the pinned
# packages and on how it is run. Those that are out of date are noted here and run by one process below.
$(BUILD)/%.ipynb: notebooks/%.ipynb requirements.lock $(BUILD)/settings | $(READY)
	@rm -f $@; echo $* >> $(BUILD)/todo

$(CASES:%=$(BUILD)/%.ipynb): $(BUILD)/%.ipynb: notebooks/cases/%.ipynb requirements.lock $(BUILD)/settings | $(READY)
	@rm -f $@; echo $* >> $(BUILD)/todo

$(STUDIES:%=$(BUILD)/%.ipynb): $(BUILD)/case_%.ipynb: notebooks/cases/case_study.ipynb requirements.lock $(BUILD)/settings | $(READY)
	@rm -f $@; echo case_$* >> $(BUILD)/todo

# Written where they differ from the last ones: looked at while make reads, so that a dry run (make -n) tells what is due.
SETTINGS := '$(subst ','\'',$(strip $(CAUSALREC_DATA_MIRROR) $(PARAMETERS)))'
ifneq ($(shell [ "$$(cat $(BUILD)/settings 2>/dev/null)" = $(SETTINGS) ] && echo same),same)
$(BUILD)/settings: FORCE
endif
$(BUILD)/settings:
	@mkdir -p $(BUILD); printf '%s\n' $(SETTINGS) > $@

$(SITE)/index.html: $(CHAPTERS:%=$(BUILD)/%.ipynb) $(STUDIES:%=$(BUILD)/%.ipynb) $(CASES:%=$(BUILD)/%.ipynb) \
  $(wildcard causalrec_lab/lab/report/*.*) | $(READY)
	@todo=$$(sort -u $(BUILD)/todo 2>/dev/null); rm -f $(BUILD)/todo; \
	if [ -n "$$todo" ]; then $(BIN)/causalrec run $$todo --profile $(PROFILE) --force $(PARAMETERS); \
	else $(BIN)/causalrec report --profile $(PROFILE); fi

-include $(wildcard $(BUILD)/*.d)

test: test-library test-notebooks ## the library's tests, then the checked cells of the notebooks

test-library: $(READY) ## the library's tests alone
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n $(JOBS) --dist loadscope $(PYTEST_ARGS)

test-databases: $(READY) ## the tests of tables, on throw-away PostgreSQL and MariaDB servers too
	$(ONE_THREAD) tests/with_databases.sh $(BIN)/python -m pytest -q -n $(JOBS) --dist loadscope tests/data $(PYTEST_ARGS)

test-notebooks: $(READY) ## the checked cells of the committed notebooks, at smoke
	$(ONE_THREAD) CAUSALREC_HEADLESS=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist loadscope \
	  --nbval-lax --nbval-current-env --nbval-cell-timeout=600 $(CHAPTERS:%=notebooks/%.ipynb) \
	  $(SOLUTIONS) $(sort $(wildcard notebooks/cases/*.ipynb))

lint: $(READY) ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY) ## measure what the project claims; one table and one JSON file a claim
	$(BIN)/causalrec bench

data: $(READY) ## take every real data set from the mirror, the cache or the network
	$(BIN)/causalrec data fetch

docs: $(READY) ## the reference of the library's public names, from their docstrings: reports/reference/index.html
	$(BIN)/causalrec reference

wheel: $(READY) ## the library as one file, dist/causalrec_lab-*.whl, for machines without this folder
	@rm -rf dist build/lib build/bdist.*
	$(BIN)/python -m pip wheel --disable-pip-version-check --quiet $(PIP_ARGS) --no-deps -w dist .
	@ls dist/*.whl

doctor: $(READY) ## what is missing here, and the way out
	$(BIN)/causalrec doctor

clean: ## remove what was built (not the virtual environment, not downloaded data)
	rm -rf build dist artifacts reports/smoke reports/reference reports/*.html .pytest_cache .ruff_cache .mypy_cache .hypothesis
