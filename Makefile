# `make` alone lists the targets. Everything runs in .venv; a missing .venv is created.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# The web pages: their folder, the npm packages that build them, and the file that exists once they are built.
PAGES := web/pages
NPM = $(BIN)/python $(PAGES)/npm.py
MODULES := $(PAGES)/node_modules/.installed
BUILT := $(PAGES)/built/index.html

# The distribution's own Python first, because the package manager has the packages for that one.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

# Install system packages as root, or with sudo if it asks for no password; otherwise not at all.
AS_ROOT = $(shell if [ "$$(id -u)" = 0 ]; then echo env; elif sudo -n true 2>/dev/null; then echo sudo env; fi)

.DEFAULT_GOAL := help
.PHONY: help install run pages pages-types test test-pythons .test-python check format screenshots docs dist bench bench-pages chaos fuzz test-cluster test-compose test-recipes clean

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

install: $(INSTALLED) ## Create the environment in .venv, with the versions in constraints.txt

run: $(INSTALLED) $(BUILT) ## Run the whole system with its own servers and three simulated machines, until Ctrl-C
	@exec $(BIN)/python -m pipeline.local

pages: $(BUILT) ## Build the web pages, if their sources have changed

pages-types: $(MODULES) ## Generate the types of the API for the pages, after a change of its routes
	$(BIN)/python -m docs.reference.page_types

# Two processes, because tests mostly wait. Each has its own servers; the tests of a file run in one process.
test: check $(BUILT) ## Run `make check`, then all tests, on their own RabbitMQ and Redis
	$(BIN)/pytest -n 2 --dist loadfile

test-pythons: ## Run the tests of sandbox, units and packages on every supported Python on this machine
	@for version in 3.11 3.12 3.13; do \
		python=$$(for each in python$$version "$$HOME"/.pyenv/versions/$$version.*/bin/python; do \
			"$$each" -c '' 2>/dev/null && echo "$$each" && break; done) \
			|| { echo "Python $$version is skipped: it is neither on the PATH nor in ~/.pyenv."; continue; }; \
		$(MAKE) --no-print-directory VENV=build/venv-$$version PYTHON="$$python" .test-python || exit 1; done

.test-python: $(INSTALLED) $(BUILT)
	$(BIN)/python --version
	$(BIN)/pytest -q tests/sandbox tests/unit tests/acceptance/test_packages.py

check: $(INSTALLED) $(MODULES) ## Check format, lint, types, and the import contracts
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(NPM) run --silent check

format: $(INSTALLED) ## Format the code, and fix the lint problems that can be fixed automatically
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

screenshots: $(INSTALLED) $(BUILT) ## Retake the pictures of the pages in the docs
	SCREENSHOTS=1 $(BIN)/pytest tests/pages/test_story.py

docs: $(INSTALLED) ## Build the site; open build/docs/index.html
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs build/docs

# The same commit gives the same bytes, because all times in the archives are the commit's.
dist: $(INSTALLED) $(BUILT) ## Build a wheel and a source archive in dist/, to install elsewhere
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 1600000000) $(BIN)/python -m hatchling build --clean

bench: $(INSTALLED) $(BUILT) ## Measure everything in about 45 minutes; shorter: QUICK=1, PARTS="latency pages", MINUTES=2 (for pages)
	$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(if $(MINUTES),--minutes $(MINUTES)) $(PARTS)

bench-pages: $(INSTALLED) ## Write the results of `make bench` into the docs, as tables and charts
	$(BIN)/python -m tests.bench.page build/bench.json docs

# SPLITS, KILLS and FLOODS are separate campaigns. They run in rounds and count all readings after each round.
chaos: $(INSTALLED) ## Cause random failures, and count every reading: FAULTS=100 READINGS=200000, or KILLS=200 RABBITMQ=debian13, or SPLITS=30 HANDLING=pause_minority, or FLOODS=14, or FAILOVERS=20, or CLUSTER=1 ROUNDS=62; SEED=7
	$(BIN)/python -m tests.chaos $(if $(KILLS),kills --rounds $(KILLS) $(if $(RABBITMQ),--rabbitmq $(RABBITMQ)),$(if $(SPLITS),splits --rounds $(SPLITS) \
		$(if $(HANDLING),--handling $(HANDLING)),$(if $(FLOODS),floods --rounds $(FLOODS),$(if $(FAILOVERS),failovers --rounds $(FAILOVERS),\
		$(if $(CLUSTER),cluster --rounds $(or $(ROUNDS),62) $(if $(NEWER_REDIS),--newer-redis $(NEWER_REDIS)),\
		$(if $(FAULTS),--faults $(FAULTS)) $(if $(READINGS),--readings $(READINGS))))))) $(if $(SEED),--seed $(SEED))

fuzz: $(INSTALLED) ## Send generated requests to the API, and search for expensive steps of a logic: EXAMPLES=500 MINUTES=60 SEED=7
	EXAMPLES=$(or $(EXAMPLES),200) SEED=$(or $(SEED),$(shell date +%s)) $(BIN)/pytest --timeout 3600 tests/fuzz
	$(BIN)/python -m tests.prices $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

# As root, or where users may create namespaces.
test-cluster: $(INSTALLED) ## Fail a cluster of three machines a few times, also with safeguards removed
	$(BIN)/pytest tests/chaos -o python_files='check_*.py' -p no:xdist -v -s --durations=0 --timeout 1800

# As root. If no Docker engine answers, it installs and starts one; if no image can be pulled, it builds stand-ins.
test-compose: $(INSTALLED) ## Build and start both compose stacks; kill, restart and stop their containers; one of them: ONLY=stack, or ONLY=cluster
	$(BIN)/pytest $(if $(ONLY),tests/compose/check_$(ONLY).py,tests/compose) -o python_files='check_*.py' -p no:xdist -v -s --durations=0 --timeout 1800

# As root, because it installs packages of Debian. Other programs are installed into build/.
test-recipes: $(INSTALLED) ## Type the recipes for large programs: Node-RED, Home Assistant, and a time-series database
	$(BIN)/pytest tests/recipes -o python_files='check_*.py' -p no:xdist -v --durations=0 --timeout 1800

clean: ## Remove the environment and everything that was built
	rm -rf $(VENV) build dist $(PAGES)/built $(PAGES)/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The build backend is installed the same way, so that its version is pinned too.
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

# Also the folders: deleting a file changes its folder.
$(BUILT): $(MODULES) $(shell find $(PAGES)/src) $(addprefix $(PAGES)/,index.html vite.config.ts svelte.config.js)
	$(NPM) run --silent build

# Debian has the files for `python -m venv` in a separate package, with the version in its name.
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
