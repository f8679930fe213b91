# Everything sets itself up: a virtual environment in .venv, made once and again when the requirements change.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV   := .venv
# Versions of all packages; constraints-oldest.txt has those of the oldest dbt-core that is supported.
CONSTRAINTS := constraints.txt
BIN    := $(VENV)/bin
ARGS   ?=
URL    ?= sc://127.0.0.1:15002

.DEFAULT_GOAL := help
.PHONY: help demo spark test test-projects test-spark test-dbt test-dbt-spark chaos chaos-random check docs bench wheel tools clean

# The real proxy that network tests go through; without it they are skipped.
TOXIPROXY := .tools/bin/toxiproxy-server

help: ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 22

demo: $(VENV)/installed-demo ## build a real dbt project on a fake Livy server, and check every figure (ARGS=--help)
	@$(BIN)/python examples/demo.py $(ARGS)

spark: $(BIN)/python ## start Apache Spark with Delta for `fakelivy serve --engine spark`; needs Java 17 (ARGS=--help)
	@$(BIN)/python examples/spark_connect.py $(ARGS)

test: $(VENV)/installed-dev ## run the tests in parallel (ARGS='-k name' …)
	@echo "Running the tests on all cores."
	@$(BIN)/python -m pytest -n auto --dist worksteal --ignore tests/projects $(ARGS)

test-projects: $(VENV)/installed-dev ## run whole dbt projects through every feature of the adapter, on the embedded engine
	@$(BIN)/python -m pytest -n auto --dist worksteal tests/projects $(ARGS)

test-spark: $(VENV)/installed-dev ## run the engine's tests and the statement suite on a Spark Connect server (URL=sc://…)
	@$(BIN)/python -m pytest tests/engine/test_spark.py --spark-url "$(URL)" $(ARGS)
	@$(BIN)/python -m tests.engine.fidelity.statements "$(URL)" --check
	@$(BIN)/python -m pytest --spark-url "$(URL)" \
	  $(addprefix tests/projects/,test_session_method.py test_constraints.py test_hooks.py test_merge_sources.py test_snapshots.py)

chaos: $(VENV)/installed-dev ## every chaos scenario: threads in virtual time, then real dbt processes; many minutes (ARGS='--set smoke')
	@$(BIN)/chaos run $(or $(ARGS),--set smoke --set nightly --set rare)
	@$(BIN)/chaos run --label dbt-fabricspark $(or $(ARGS),--set smoke --set nightly)

chaos-random: $(VENV)/installed-dev ## chaos in virtual time only: the nightly and rare sets, and a thousand draws more
	@$(BIN)/chaos run --set nightly --set rare $(ARGS)
	@$(BIN)/chaos run smoke/random-faults --seeds 1000 --first 2000 $(ARGS)

test-dbt: $(VENV)/installed-dev ## run every adapter test that dbt publishes over the fake server (ARGS='-k name' …)
	@$(BIN)/python -m pytest -p dbt.tests.fixtures.project tests/conformance/suite.py -n auto --dist loadscope $(ARGS)

test-dbt-spark: $(VENV)/installed-dev ## the same on a Spark Connect server, and note what becomes of each; an hour or two (URL=sc://…)
	@$(BIN)/python -m pytest -p dbt.tests.fixtures.project tests/conformance/suite.py -n 2 --dist loadscope --runxfail \
	  --timeout 600 --spark-url "$(URL)" --junitxml .spark-report.xml $(ARGS) || true
	@$(BIN)/python -m tests.conformance.on_spark .spark-report.xml "$(URL)"

check: $(VENV)/installed-dev ## lint, formatting, types, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/generate.py --check

docs: $(VENV)/installed-dev ## write the generated tables of the documentation
	$(BIN)/python docs/generate.py

bench: $(VENV)/installed-dev ## measure the adapter, the fake server, its engine and chaos; --keep for the docs (ARGS=--quick)
	@for each in server engine chaos startup growth runs together others; do \
	  echo; echo "$$each"; $(BIN)/python -m tests.bench.$$each $(ARGS) || exit; done

wheel: $(VENV)/installed-dev ## build the wheel and check that the adapter works without the fake's dependencies
	$(BIN)/python .ci/check_wheel.py

tools: $(TOXIPROXY) ## build the programs that some tests need: toxiproxy-server, with Go

$(TOXIPROXY):
	GOBIN="$(CURDIR)/.tools/build" go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0
	@mkdir -p $(@D) && mv .tools/build/server $@

clean: ## remove the virtual environment and everything that was built
	rm -rf $(VENV) .tools .demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/installed-demo: EXTRA = fakelivy
$(VENV)/installed-dev: EXTRA = dev
$(VENV)/installed-%: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "Installing dbt-fabricspark[$(EXTRA)] into $(VENV); this happens once and takes a minute or two."
	@$(BIN)/python -m pip install --disable-pip-version-check -c $(CONSTRAINTS) -e '.[$(EXTRA)]' | awk \
	  '/^Collecting/ { print "  " $$2; fflush() } /^Installing collected/ { print "  unpacking, the longest part"; fflush() }'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	  { echo "Python 3.10 or later is needed; '$(PYTHON)' is not that. Try: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV) with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
