# `make demo` and `make test` are all a newcomer needs: each builds .venv first, from
# nothing but Python 3.11 or newer.
#
#   PYTHON=…   the interpreter to build .venv with (default: the newest on PATH)
#   ARGS=…     passed on to pytest, the demo, a benchmark: make test ARGS='-k filter'
#   WORKERS=…  how many processes share the tests (default: two for each core)
#   HYPOTHESIS_PROFILE=ci|deep   run the tests marked `deep` as well, with more examples

PYTHON ?=
ARGS ?=
WORKERS ?= logical
HYPOTHESIS_PROFILE ?= default
export HYPOTHESIS_PROFILE

VENV := .venv
BIN := $(VENV)/bin
# Holds the path the environment was built for: a virtual environment does not survive
# a move, so a moved or copied clone builds its own.
READY := $(VENV)/.built-for
NOT_DEEP := $(if $(filter default,$(HYPOTHESIS_PROFILE)),-m 'not deep')
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

.DEFAULT_GOAL := help
.PHONY: help demo test quick check format reference pictures lock dist clean drills ecosystem differential \
	bench-aggregate bench-ingest bench-overhead bench-search bench-spans

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24

demo: $(READY) ## see it work: an app, the collector, searches
	@$(BIN)/python -m spanframe demo $(ARGS)

test: $(READY) ## run the tests; with HYPOTHESIS_PROFILE=ci all that CI runs
	$(BIN)/python -m pytest --numprocesses $(WORKERS) $(NOT_DEEP) $(ARGS)

quick: $(READY) ## run the tests of the working loop (no slow ones)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) -m 'not slow and not deep' $(ARGS)

check: $(READY) ## format, lint, types, import directions; changes nothing
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## let ruff rewrite what it can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

ecosystem: $(READY) ## run other libraries anew, record them, write docs/clients.md
	$(BIN)/python -m tests.ecosystem.record $(ARGS)

differential: $(READY) ## run programs on MLflow anew, write docs/migrating-from-mlflow.md
	$(BIN)/python -m tests.differential.record $(ARGS)

reference: $(READY) ## rewrite docs/reference.md from the code
	$(BIN)/python scripts/reference.py

pictures: $(READY) ## draw the README's pictures again, from a run of the demo's app
	$(BIN)/python scripts/pictures.py

lock: $(READY) ## rewrite the hashed requirements of the images from constraints.txt
	$(BIN)/python -m scripts.lock_requirements

dist: $(READY) ## build the files of a release: wheel, sdist, SBOMs, sums
	$(BIN)/python -m scripts.distribution

drills: $(READY) ## kill, stop, fill, damage, flood a collector: what holds (ARGS='sigkill denied')
	$(BIN)/python -m tests.drills $(ARGS)

bench-ingest: $(READY) ## measure spans a second, beside MLflow, Phoenix, rotel (ARGS=--quick)
	$(BIN)/python -m benchmarks.ingest $(ARGS)

bench-overhead: $(READY) ## measure a traced call, beside OpenTelemetry and MLflow
	$(BIN)/python benchmarks/overhead.py $(ARGS)

bench-aggregate: $(READY) ## measure aggregates of a day of a million traces (ARGS=--quick)
	$(BIN)/python -m benchmarks.aggregate $(ARGS)

bench-search: $(READY) ## measure searches of a million traces (ARGS=--quick: 100 000)
	$(BIN)/python -m benchmarks.search $(ARGS)

bench-spans: $(READY) ## a search for a million spans, beside Phoenix
	$(BIN)/python -m benchmarks.spans $(ARGS)

clean: ## remove everything that was built, .venv included
	rm -rf $(VENV) dist build demo-output .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Built from nothing each time, so it holds what the two files list and no more.
# The versions are pinned by a constraints file: pip alone reads it, on every system.
# pip itself goes first, as the one that comes with Python 3.11 knows neither dependency
# groups nor constraints for the build.
$(READY): pyproject.toml constraints.txt
	@python=$$(scripts/find-python "$(PYTHON)") \
		&& echo "Building $(VENV) with $$python (once; takes a minute or two)" \
		&& "$$python" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet \
		--constraint constraints.txt pip
	$(BIN)/python -m pip install --disable-pip-version-check \
		--constraint constraints.txt --build-constraint constraints.txt \
		--editable '.[all]' --group dev
	@pwd -P > $(READY)
