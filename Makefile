# Every verb does its own set-up: on a fresh machine with Python and make, `make run` and `make test` are the
# whole manual. A step that is done leaves a file behind (the interpreter itself, or a .stamp-* file inside the
# folder it filled), so a second call starts at once, and deleting a folder is enough to have it built again.
#
# Settings:  HOST, PORT    where `make run` listens         make run PORT=8000
#            PYTHON        interpreter, 3.11 or newer       make test PYTHON=python3.13 VENV=.venv-3.13
#            PYTEST_ARGS   instead of "-n 4"                make test PYTEST_ARGS="-x -k replay"
#            BENCH_ARGS    handed to the benchmarks
#            LAB_ARGS      handed to the lab               make lab LAB_ARGS="--rate 100 --json"
#            DRILL_ARGS    handed to the fault drill          make drill DRILL_ARGS="--only links --seconds 10"
#            HOSTILE_ARGS  which server, which attacks      make hostile HOSTILE_ARGS="threads PONG"
#            FUZZ_ARGS     handed to the fuzzer             make fuzz FUZZ_ARGS="--seed 7 --inputs 5000"
#            REALTIME_NO_SYSTEM_NODE=1   behave as if Node were not installed

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?= -n 4
BENCH_ARGS ?=
DRILL_ARGS ?=
FUZZ_ARGS ?=
LAB_ARGS ?=
HOSTILE_ARGS ?=

PY := $(VENV)/bin/python
PIP_INSTALL := $(PY) -m pip install --quiet --no-input --disable-pip-version-check -c constraints.txt
STEP := sh tools/step.sh
FOR_RUN := $(VENV)/.stamp-run
FOR_DEV := $(VENV)/.stamp-dev
FOR_DOCS := $(VENV)/.stamp-docs
NODE_MODULES := node_modules/.stamp
VENDOR := static/js/vendor/.stamp

# Node of tools/node.sh first, where there is one; Debian keeps nginx where only root's PATH looks.
export PATH := $(CURDIR)/$(VENV)/node/bin:$(PATH):/usr/sbin:/sbin

# A virtual environment whose Python has gone (an upgrade, a moved folder) is built again, and filled again.
$(shell test -x "$(PY)" || rm -f "$(FOR_RUN)" "$(FOR_DEV)" "$(FOR_DOCS)")

# One thing at a time, also under -j: pip and npm must not write one folder twice, and three checkers printing
# at once on the same cores gain nothing and make the tests' clocks lie.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help run test lint types check bench drill fuzz hostile lab docs clean setup pins node system

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

run: $(FOR_RUN) $(VENDOR) ## the chat on http://HOST:PORT/ (127.0.0.1:5000)
	@exec $(PY) server.py

test: $(FOR_DEV) $(VENDOR) system ## all tests
	@$(STEP) "JavaScript tests" npm run --silent test
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) -m pytest $(PYTEST_ARGS)

lint: $(FOR_DEV) $(NODE_MODULES) ## ruff, formatting, JavaScript
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	npm run --silent lint

types: $(FOR_DEV) ## mypy, strict
	$(PY) -m mypy

check: lint types docs test ## lint, types, docs and test: what CI runs

# It installs what it compares with by itself, and skips what it cannot have; so Node is welcome, not needed.
bench: $(FOR_RUN) ## measure
	-@sh tools/node.sh "$(VENV)"
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) -m benchmarks $(BENCH_ARGS)

fuzz: $(FOR_DEV) $(VENDOR) ## 100 000 mutated sessions against a real server
	@$(PY) -m tests.fuzz $(FUZZ_ARGS)

hostile: $(FOR_DEV) $(VENDOR) ## ten hostile clients beside honest ones, with figures
	@$(PY) -m tests.hostile $(HOSTILE_ARGS)

lab: $(FOR_DEV) $(VENDOR) system ## compare the transports in a browser without a window
	@$(PY) -m flask --app server realtime lab $(LAB_ARGS)

drill: $(FOR_DEV) system ## play faults and count every message
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) -m drill $(DRILL_ARGS)

docs: $(FOR_DOCS) ## build the documentation; a warning is an error
	$(PY) -m sphinx -q -W -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean: ## remove all that make and the tools have made (not instance/: the secret key lives there)
	rm -rf $(VENV) node_modules static/js/vendor docs/_build build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	@find . -name .git -prune -o -name '.venv*' -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- set-up, called by the verbs above

setup: $(FOR_DEV) $(VENDOR) system

$(PY):
	@sh tools/venv.sh "$(PYTHON)" "$(VENV)"

$(FOR_RUN): $(PY) requirements.txt constraints.txt
	@$(STEP) "Python packages" $(PIP_INSTALL) -r requirements.txt
	@touch $@

$(FOR_DEV): $(FOR_RUN) requirements-dev.txt
	@$(STEP) "Python packages for tests and checks" $(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

$(FOR_DOCS): $(FOR_RUN) docs/requirements.txt
	@$(STEP) "Python packages for the documentation" $(PIP_INSTALL) -r docs/requirements.txt
	@touch $@

# Looks every time (it takes a moment), because a Node that was there yesterday may be gone today.
node: $(PY)
	@sh tools/node.sh "$(VENV)"

$(NODE_MODULES): package.json package-lock.json | node
	@$(STEP) "npm packages" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(VENDOR): $(NODE_MODULES) tools/vendor.sh
	@sh tools/vendor.sh
	@touch $@

# What the tests start themselves: Redis, browsers new and old, reverse proxies. Looks every time, for the same reason.
system:
	@sh tools/system_packages.sh redis-server chromium nginx postgresql haproxy firefox-esr \
		python3-pyqt5.qtwebkit

# Resolve constraints.txt anew, from requirements*.txt.
pins: $(PY)
	$(PY) tools/pins.py
