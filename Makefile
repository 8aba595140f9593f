# `make` tells what there is. Everything runs in .venv, which `make setup` makes.

.DEFAULT_GOAL := help
.PHONY: help bench-cold cost screenshots setup run test loaded laws permissions storm contract crowd timing lint style \
	types types-of-3.13 types-of-3.10 validate validate-by-sam validate-by-cfn-lint deploy undeploy upgrade bench \
	pictures shared chromium vendor client cli manual recording mutants lock release clean

BIN := .venv/bin
# sam takes the python3.13 that it builds with from the PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0
# Modules are compiled once, not by each worker of the tests and each process that they start.
unexport PYTHONDONTWRITEBYTECODE

# How many processes run the tests: one with a stack, one with a stack for the console's (tests/stack/conftest.py), and
# two for all others. The first two wait more than they work, so that two processors have enough to do and are enough.
WORKERS ?= 4
# The stack's tests take the longest and so come first.
TESTS ?= tests/stack $(filter-out tests/stack tests/bench tests/data tests/client_apps tests/__pycache__,$(patsubst %/,%,$(wildcard tests/*/)))
# Of all tests coverage is measured; of some it would say nothing.
COVERAGE = $(if $(filter file,$(origin TESTS)),--cov)
# A loop that ends by itself after two hours. Not by `timeout`, which leaves what it starts running when it is ended in
# that moment (coreutils 9.1).
BUSY = 'import signal; signal.alarm(7200); any(iter(int, 1))'
# Where to deploy to: a section of samconfig.toml.
ENV ?= default

# sam with a home of its own, in which it has just looked for a newer version: it stays off the network.
QUIET_SAM = mkdir -p .local/sam/home \
	&& printf '{"telemetryEnabled": false, "lastVersionCheck": %s.0}' "$$(date +%s)" > .local/sam/home/metadata.json \
	&& __SAM_CLI_APP_DIR=.local/sam/home AWS_DEFAULT_REGION=us-east-1 $(BIN)/sam

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

setup: ## the virtual environment, from requirements-dev.txt (PYTHON=/path where 3.13 is not found)
	@cmp -s requirements-dev.txt .venv/installed.txt || local/make-venv.sh

run: setup ## the whole application here: emulator, sample events, deliveries; ONCE=1 ends after the samples
	@PYTHONPATH=layers/core:cli $(BIN)/python -m local run $(if $(ONCE),--once)

test: setup chromium ## everything: lint, then unit, integration, template and stack tests, and their coverage
	@$(MAKE) --no-print-directory --jobs=$(WORKERS) lint
	@$(BIN)/pytest $(TESTS) -n $(WORKERS) -p no:benchmark $(COVERAGE)

loaded: setup ## make test beside two busy loops, which may slow it and fail nothing (half an hour)
	@$(BIN)/python -c $(BUSY) & one=$$!; $(BIN)/python -c $(BUSY) & two=$$!; \
		trap "kill $$one $$two" EXIT; trap "exit 130" HUP INT TERM; $(MAKE) --no-print-directory test

laws: setup ## the property tests with ten times as many examples, others each time
	@$(BIN)/pytest tests/unit tests/integration/ingest -m hypothesis --hypothesis-profile=explore -p no:benchmark

permissions: setup ## takes each permission of each function away, and sees it missed (about ten minutes)
	@$(BIN)/pytest tests/stack/test_permissions.py -m "" -p no:benchmark

storm: setup ## 2,000 deliveries to bad endpoints while functions are killed (STORM_DELIVERIES; ten to twenty minutes)
	@$(BIN)/pytest tests/stack/test_delivery_storm.py -m exhaustive -p no:benchmark

contract: setup ## the deployed API held to docs/openapi.json by schemathesis (about ten minutes)
	@$(BIN)/pytest tests/stack/test_contract.py -m "" -s -p no:benchmark

timing: setup chromium ## the console's: from POST /events to the toast, frames while 10,000 rows scroll (five minutes)
	@$(BIN)/pytest tests/stack/console/test_timing.py tests/stack/console/test_long_lists.py -m exhaustive -s -p no:benchmark

crowd: setup ## a group of 100,000 members, each told once (CROWD_MEMBERS; half an hour)
	@$(BIN)/pytest tests/stack/test_large_group.py -m "" -s -p no:benchmark

lint: style types validate ## style, types and the template; .pre-commit-config.yaml runs the same three

style: setup ## ruff
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: types-of-3.13 types-of-3.10 ## mypy

types-of-3.13: setup
	$(BIN)/mypy

types-of-3.10: setup
	$(BIN)/mypy --python-version 3.10 layers/client/tocsin_client

validate: validate-by-sam validate-by-cfn-lint ## the template: sam validate --lint, cfn-lint

validate-by-sam: setup
	@$(QUIET_SAM) validate --lint

validate-by-cfn-lint: setup
	$(BIN)/cfn-lint template.yaml

deploy: setup ## build and deploy to AWS (ENV=prod for [prod] of samconfig.toml, PARAMETERS="A=1 B=2", GUIDED=1, YES=1)
	@$(BIN)/python -m local.cloud deploy $(ENV) --parameters "$$PARAMETERS" $(if $(GUIDED),--guided) $(if $(YES),--yes) $(if $(UNCHECKED),--unchecked)

undeploy: setup ## delete the stack from AWS (ENV=prod), and say what it leaves
	@$(BIN)/python -m local.cloud undeploy $(ENV)

upgrade: setup ## deploys an earlier release on the emulator, fills it, deploys this one: nothing is lost (ten minutes)
	@$(BIN)/pytest tests/upgrade -m "" -s -p no:benchmark

bench: setup ## the benchmarks
	@$(BIN)/pytest tests/bench -q
	@$(BIN)/pytest tests/integration/deliveries/test_latency.py -m exhaustive -q

cost: setup ## what a million events cost on AWS, counted (WORKLOAD="--rate 100 --batch 100 --growth"; docs/cost.md)
	@PYTHONPATH=layers/core $(BIN)/python -m local.cost $(WORKLOAD)

bench-cold: setup ## what each function's init costs beside a bare client; FUNCTION=ingest: what it loads; EMULATED=1: by AWS's emulator
	@$(BIN)/python -m local.cold $(if $(FUNCTION),--tree $(FUNCTION)) $(if $(EMULATED),--emulated)

mutants: setup ## mutation tests of what decides, and their score (ROOMS="ingest matching", ONLY="*3" for a tenth of them)
	@WORKERS=$(WORKERS) ONLY="$(ONLY)" $(BIN)/python -m local.mutants $(ROOMS)

pictures: setup ## docs/pictures: a mail and chat messages as a browser shows them (CHROMIUM=/path where none is found)
	@PYTHONPATH=layers/core $(BIN)/python -m local.pictures

screenshots: setup chromium ## docs/pictures/console: each page of the console on the stack that `make run` has up
	@PYTHONPATH=layers/core:cli $(BIN)/python -m local.console_pictures

shared: setup ## what the client has in common with the server: copied anew from layers/core
	@PYTHONPATH=layers/core $(BIN)/python -m local.shared_modules

chromium: ## the browser that the console's tests drive, from Debian's or Ubuntu's packages where there is none
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } \
		|| { echo "The console's tests need Chromium on the PATH: apt-get install chromium, as root."; exit 1; }

vendor: setup ## the console's JavaScript of others, from npm, at the versions of its manifest; UPDATE=1 for the latest
	@$(BIN)/python -m local.vendor $(if $(UPDATE),--update)

client: shared ## the client's wheel, in dist/
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist layers/client && ls dist/*.whl

cli: setup ## the command line's wheel, in dist/
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist ./cli && ls dist/tocsin_cli*.whl

manual: setup ## docs/cli.md, from the command line itself
	@PYTHONPATH=cli $(BIN)/python -m local.cli_docs > docs/cli.md

recording: setup ## docs/pictures/cli.svg: a session of the command line with a stack of its own
	@PYTHONPATH=layers/core:cli $(BIN)/python -m local.recording

lock: ## resolve requirements-dev.in anew into requirements-dev.txt, and hash the wheels of layers
	@local/make-lock.sh

release: setup ## VERSION=0.2.0 in all files that say the version, and a section of each changelog
	@$(BIN)/python -m local.release $(VERSION)

clean: ## what was built and measured, but not the virtual environment
	rm -rf .aws-sam .local dist .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
