# The menu: `make` prints it. Every target sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV_READY := $(VENV)/.ready-dev
PIP := -m pip install --quiet --disable-pip-version-check
PIN := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	--no-annotate --upgrade
COMPILE := $(PIN) pyproject.toml
BENCH := .venv-bench
BENCH_READY := $(BENCH)/.ready
HTTPFS := .venv-httpfs
HTTPFS_READY := $(HTTPFS)/.ready
SPARK := .venv-spark
SPARK_READY := $(SPARK)/.ready
NOTEBOOKS := .venv-notebooks
NOTEBOOKS_READY := $(NOTEBOOKS)/.ready
FAKESNOW := .venv-fakesnow
FAKESNOW_READY := $(FAKESNOW)/.ready
SITE := .venv-site
SITE_READY := $(SITE)/.ready
AUDIT := .venv-audit
AUDIT_READY := $(AUDIT)/.ready
SERVED := aws delta dp iceberg pii postgresql s3-server snowflake synthetic
TESTS ?= tests
FAST := $(addprefix tests/unit/,base domain engines sql store wire)
QUERIES ?= 100000
SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-services check fuzz mutate-members new-resource release format bench spark-corpus docs site sbom audit lock clean

help: ## Print this menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv, with .venv/bin/whiteroom in it

$(READY): requirements/main.lock pyproject.toml
	@echo "Making $(VENV) (a minute or so, once)..."
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Whiteroom needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) --require-hashes -r requirements/main.lock
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $(READY)

$(DEV_READY): $(READY) requirements/dev.lock
	@echo "Adding what the tests need..."
	@$(BIN)/python $(PIP) --require-hashes -r requirements/dev.lock
	@touch $(DEV_READY)

demo: $(READY) ## Three organisations train a model together, in under a minute
	@$(BIN)/whiteroom demo

# Servers and queries are processes that import the product, hundreds of times: Python is to keep what it compiles.
test test-fast test-services: export PYTHONDONTWRITEBYTECODE :=

# A third of the time a test waits for what other processes do: of three, two have something to do.
test: check ## Run every check, and every test that needs no service
	@$(BIN)/python -m compileall -q src
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not services" $(TESTS)

test-fast: $(DEV_READY) ## Run what a change needs on every save: rules, SQL, wire and store, in about a minute
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not services and not slow" $(FAST)

test-services: $(DEV_READY) $(FAKESNOW_READY) $(NOTEBOOKS_READY) $(SITE_READY) $(AUDIT_READY) ## Run the tests that need a container engine, PostgreSQL, fakesnow, Chromium, Jupyter, Java and a compiler
	@$(BIN)/python -m compileall -q src
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m services $(TESTS)

check: $(DEV_READY) ## Run ruff, mypy --strict, the import contract, the migrations and the docs checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/migrations.py
	@$(BIN)/python tools/reference.py --check

fuzz: $(DEV_READY) ## Try 100,000 queries on twins that a rule keeps apart (QUERIES=, SEED=, JOBS=: one a core)
	@PYTHONPATH=tests:. $(BIN)/python -m noninterference --queries $(QUERIES) --seed $(SEED) $(if $(JOBS),--jobs $(JOBS))

mutate-members: $(DEV_READY) ## Have the product ignore each member of each request: its test must fail (ROWS=, an hour)
	@nice $(BIN)/python tools/mutate_members.py --rows "$(ROWS)"

new-resource: $(DEV_READY) ## Write the skeleton of a resource of AWS Clean Rooms (NAME=IdNamespaceAssociation)
	@$(BIN)/python tools/new_resource.py "$(NAME)"

release: $(DEV_READY) ## Tag a commit and keep its sdist, for the test that upgrades from it (VERSION=, COMMIT=)
	@$(BIN)/python tools/release.py "$(VERSION)" $(COMMIT)

format: $(DEV_READY) ## Format the code
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

docs: $(DEV_READY) ## Generate the pages of docs/ that come from the code
	@$(BIN)/python tools/reference.py

site: $(SITE_READY) ## Build the documentation as a site, into site/
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --strict --site-dir site

$(SITE_READY): requirements/site.lock
	@echo "Making $(SITE) with MkDocs..."
	@$(PYTHON) -m venv $(SITE)
	@$(SITE)/bin/python $(PIP) --require-hashes -r requirements/site.lock
	@touch $(SITE_READY)

bench: $(DEV_READY) $(BENCH_READY) $(HTTPFS_READY) ## Measure beside the peers; writes docs/benchmarks.md
	@$(BIN)/python -m bench

$(BENCH_READY): requirements/bench.lock
	@echo "Making $(BENCH) with the peers to measure beside..."
	@$(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python $(PIP) --require-hashes -r requirements/bench.lock
	@touch $(BENCH_READY)

$(HTTPFS_READY): requirements/httpfs.lock
	@echo "Making $(HTTPFS) with a DuckDB that reads S3..."
	@$(PYTHON) -m venv $(HTTPFS)
	@$(HTTPFS)/bin/python $(PIP) --require-hashes -r requirements/httpfs.lock
	@touch $(HTTPFS_READY)

spark-corpus: $(DEV_READY) $(SPARK_READY) ## Ask a real Spark the statements of tests/spark (needs Java 17)
	@PYTHONPATH=tests $(BIN)/python -m spark.tables $(SPARK)/tables
	@$(SPARK)/bin/python tools/spark_corpus.py $(SPARK)/tables

$(SPARK_READY): requirements/spark.lock
	@echo "Making $(SPARK) with PySpark..."
	@$(PYTHON) -m venv $(SPARK)
	@$(SPARK)/bin/python $(PIP) "setuptools>=80" wheel
	@$(SPARK)/bin/python $(PIP) --no-build-isolation --require-hashes -r requirements/spark.lock
	@touch $(SPARK_READY)

# In an environment of its own: it needs another sqlglot than the product.
$(FAKESNOW_READY): requirements/fakesnow.lock
	@echo "Making $(FAKESNOW) with a server that answers as Snowflake does..."
	@$(PYTHON) -m venv $(FAKESNOW)
	@$(FAKESNOW)/bin/python $(PIP) --only-binary :all: --require-hashes -r requirements/fakesnow.lock
	@touch $(FAKESNOW_READY)

# What a member has: boto3 and nothing of the server, whose notebook it reads from here.
$(NOTEBOOKS_READY): requirements/notebooks.lock
	@echo "Making $(NOTEBOOKS) with what runs notebooks, and the AWS CLI..."
	@$(PYTHON) -m venv $(NOTEBOOKS)
	@$(NOTEBOOKS)/bin/python $(PIP) --only-binary :all: --require-hashes -r requirements/notebooks.lock
	@touch $(NOTEBOOKS_READY)

sbom: $(AUDIT_READY) ## Write dist/whiteroom.cdx.json: what the container image is made of, as CycloneDX
	@mkdir -p dist
	@$(AUDIT)/bin/python -W ignore::UserWarning -m cyclonedx_py requirements requirements/container.lock \
	  --pyproject pyproject.toml --output-reproducible --output-file dist/whiteroom.cdx.json
	@echo "dist/whiteroom.cdx.json"

audit: $(AUDIT_READY) ## Ask a public service which pinned versions have known vulnerabilities (needs the network; OSV_URL=)
	@$(AUDIT)/bin/python tools/audit.py $(if $(OSV_URL),--osv-url $(OSV_URL)) requirements/container.lock requirements/main.lock

$(AUDIT_READY): requirements/audit.lock
	@echo "Making $(AUDIT) with what looks at dependencies..."
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python $(PIP) --only-binary :all: --require-hashes -r requirements/audit.lock
	@touch $(AUDIT_READY)

lock: ## Pin every dependency anew (needs uv)
	$(COMPILE) --extra demo -o requirements/main.lock
	$(COMPILE) --extra demo --extra dev --constraint requirements/main.lock -o requirements/dev.lock
	$(COMPILE) requirements/container.in $(addprefix --extra ,$(SERVED)) --constraint requirements/dev.lock -o requirements/container.lock
	$(COMPILE) --extra bench -o requirements/bench.lock
	$(PIN) requirements/audit.in -o requirements/audit.lock
	$(PIN) requirements/fakesnow.in -o requirements/fakesnow.lock
	$(PIN) requirements/httpfs.in -o requirements/httpfs.lock
	$(PIN) requirements/notebooks.in -o requirements/notebooks.lock
	$(PIN) requirements/site.in -o requirements/site.lock

clean: ## Remove everything that the other targets made
	@[ ! -d bench-data ] || chmod -R u+w bench-data # images are read-only
	rm -rf $(VENV) $(BENCH) $(HTTPFS) $(SPARK) $(FAKESNOW) $(NOTEBOOKS) $(SITE) $(AUDIT) site dist demo-data bench-data .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
