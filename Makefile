# `make` alone says what there is. Everything runs in .venv, which is made where it is missing.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# The web pages: what they are built with, and the file that is there when they are built.
PAGES := web/pages
NPM = $(BIN)/python $(PAGES)/npm.py
MODULES := $(PAGES)/node_modules/.installed
BUILT := $(PAGES)/built/index.html

# The distribution's own Python first: it is the one whose packages its package manager has.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

# As root, or as a user who needs no password for it; else nothing is installed outside of this folder.
AS_ROOT = $(shell if [ "$$(id -u)" = 0 ]; then echo env; elif sudo -n true 2>/dev/null; then echo sudo env; fi)

.DEFAULT_GOAL := help
.PHONY: help install run pages pages-types test test-pythons .test-python check format screenshots docs dist bench bench-pages chaos fuzz test-compose clean

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

install: $(INSTALLED) ## Make the environment in .venv, with the versions in constraints.txt

run: $(INSTALLED) $(BUILT) ## Show it all on servers of its own, with three simulated machines; Ctrl-C ends it
	@exec $(BIN)/python -m pipeline.local

pages: $(BUILT) ## Build the web pages, where anything of them has changed

pages-types: $(MODULES) ## Write down what the pages know of the API, after its routes have changed
	$(BIN)/python -m docs.reference.page_types

# Two at a time: most of the time goes by waiting. Each has servers of its own; a file's tests stay together.
test: check $(BUILT) ## Everything: `make check`, then all tests, on a RabbitMQ and a Redis of their own
	$(BIN)/pytest -n 2 --dist loadfile

test-pythons: ## The sandbox, the units and the packages on every Python that is declared and at hand
	@for version in 3.11 3.12 3.13; do \
		python=$$(for each in python$$version "$$HOME"/.pyenv/versions/$$version.*/bin/python; do \
			"$$each" -c '' 2>/dev/null && echo "$$each" && break; done) \
			|| { echo "Python $$version is neither on the PATH nor in ~/.pyenv: it is left out."; continue; }; \
		$(MAKE) --no-print-directory VENV=build/venv-$$version PYTHON="$$python" .test-python || exit 1; done

.test-python: $(INSTALLED) $(BUILT)
	$(BIN)/python --version
	$(BIN)/pytest -q tests/sandbox tests/unit tests/acceptance/test_packages.py

check: $(INSTALLED) $(MODULES) ## Format, lint, types, and which room of the code imports which
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(NPM) run --silent check

format: $(INSTALLED) ## Bring the code into its format, and mend what lint can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

screenshots: $(INSTALLED) $(BUILT) ## Take the pictures of the pages in the docs anew, by the test that tells when they are old
	SCREENSHOTS=anew $(BIN)/pytest tests/pages/test_story.py

docs: $(INSTALLED) ## Make the site in build/docs; open build/docs/index.html
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs build/docs

# Of the same commit it makes the same bytes: times in it are the commit's.
dist: $(INSTALLED) $(BUILT) ## Make what is to be installed elsewhere, in dist: a wheel, and the source that it is made of
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 1600000000) $(BIN)/python -m hatchling build --clean

bench: $(INSTALLED) $(BUILT) ## Measure everything, about 45 minutes; QUICK=1 less, PARTS="latency pages" some, MINUTES=2 of pages
	$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(if $(MINUTES),--minutes $(MINUTES)) $(PARTS)

bench-pages: $(INSTALLED) ## Write what `make bench` has measured into the docs, as tables and charts
	$(BIN)/python -m tests.bench.page build/bench.json docs

# SPLITS, KILLS and FLOODS are campaigns of their own, in rounds, with a count after each.
chaos: $(INSTALLED) ## Break things at random, and count every reading: FAULTS=100 READINGS=200000, or KILLS=200 RABBITMQ=debian13, or SPLITS=30 HANDLING=pause_minority, or FLOODS=14; SEED=7
	$(BIN)/python -m tests.chaos $(if $(KILLS),kills --rounds $(KILLS) $(if $(RABBITMQ),--rabbitmq $(RABBITMQ)),$(if $(SPLITS),splits --rounds $(SPLITS) \
		$(if $(HANDLING),--handling $(HANDLING)),$(if $(FLOODS),floods --rounds $(FLOODS),\
		$(if $(FAULTS),--faults $(FAULTS)) $(if $(READINGS),--readings $(READINGS))))) $(if $(SEED),--seed $(SEED))

fuzz: $(INSTALLED) ## Try the API with made-up requests, and search for dear steps of a logic: EXAMPLES=500 MINUTES=60 SEED=7
	EXAMPLES=$(or $(EXAMPLES),200) SEED=$(or $(SEED),$(shell date +%s)) $(BIN)/pytest --timeout 3600 tests/fuzz
	$(BIN)/python -m tests.prices $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

# Where no engine answers it installs and starts one, and where no image can be pulled it makes stand-ins: as root.
test-compose: $(INSTALLED) ## Build and start the compose stack, and kill, restart and stop what is in it
	$(BIN)/pytest tests/compose -o python_files='check_*.py' -p no:xdist -v -s --durations=0 --timeout 1800

clean: ## Remove the environment and all that was built
	rm -rf $(VENV) build dist $(PAGES)/built $(PAGES)/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The build backend is installed like all else, so that its version is pinned too.
$(INSTALLED): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer is needed, and none is on the PATH." >&2; \
		echo "On Debian or Ubuntu: apt-get install python3 python3-venv" >&2; exit 1; fi
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { $(venv_module); } && \
		{ $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt hatchling editables
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev]'
	$(BIN)/python -m pipeline.local.packages
	@touch $@

$(MODULES): $(PAGES)/package.json $(PAGES)/package-lock.json $(PAGES)/.npmrc | $(INSTALLED)
	$(NPM) ci --silent
	@touch $@

# The folders too: a file that is gone has changed its folder.
$(BUILT): $(MODULES) $(shell find $(PAGES)/src) $(addprefix $(PAGES)/,index.html vite.config.ts svelte.config.js)
	$(NPM) run --silent build

# Debian keeps what `python -m venv` needs in a package of its own, which has the version in its name.
define venv_module
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	package="$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"; \
	if [ -z "$(AS_ROOT)" ] || ! command -v apt-get >/dev/null; then \
		echo "$(PYTHON) cannot make an environment: its venv module is missing." >&2; \
		echo "On Debian or Ubuntu: apt-get install $$package" >&2; exit 1; fi; \
	echo "installing $$package"; \
	$(AS_ROOT) DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$$package" >/dev/null 2>&1 || { \
		$(AS_ROOT) DEBIAN_FRONTEND=noninteractive apt-get update -qq && \
		$(AS_ROOT) DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$$package" >/dev/null; }; }
endef
