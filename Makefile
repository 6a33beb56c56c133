# Everything sets itself up: `make` and Python 3.11 or newer are all that a fresh machine needs.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

WAITING = $(PYTHON) -m gatebench.waiting

NEW_ENOUGH = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
  { echo "Gatebench needs Python 3.11 or newer, and $(PYTHON) is not: give another, as in make PYTHON=python3.13 …" >&2; exit 1; }

# The names given on the command line, and no other variable: a PORT or USERS that a shell has set is somebody else's.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
$(foreach name,$(GIVEN),$(eval export GATEBENCH_$(name) := $$($(name))))
given = $(if $(filter $1,$(GIVEN)),$($1))

# What is misspelt would be ignored otherwise.
ifneq ($(filter-out PYTHON,$(GIVEN)),)
ifneq ($(shell { $(NEW_ENOUGH); } && $(PYTHON) -m gatebench.names "$(or $(MAKECMDGOALS),help)" $(GIVEN) && echo understood),understood)
$(error nothing was made)
endif
endif

.DEFAULT_GOAL := help
.NOTPARALLEL: # two runs would measure each other
.PHONY: help bench bench-wsgi bench-asgi aa why matrix reproduce guide servers analyze compare test test-quick lint format typecheck lock clean

help: ## what there is to make, and the knobs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Knobs, as in: make bench-wsgi USERS=20,40 HEADLESS=1"
	@$(NEW_ENOUGH)
	@$(PYTHON) -c 'from gatebench.knobs import KNOBS; [print(f"  {knob.name:<14}{knob.help}" + f" ({knob.default})" * bool(knob.default)) for knob in KNOBS]'
	@echo
	@echo "Gates of bench, analyze and compare: MAX_FAILURES=1% MAX_P95=1000ms MIN_CAPACITY=300"
	@echo "Several values of bench, with commas between, are sides: SERVER VIEWS BRIDGE CLIENT THREADS DB WORKERS WITH."
	@echo "RESUME=20261130-154419-3f2a goes on with a campaign that was interrupted."
	@echo "What these print: the answer; FULL=1 all of the report, QUIET=1 nothing, JSON=1 numbers. OPEN=1 opens the report."

ANALYZE = $(RUN) analyze.py $(if $(call given,RESULTS),--results "$(RESULTS)") $(if $(call given,OUT),--out "$(OUT)")

bench: $(VENV)/bench.stamp ## measure both, TRIALS times interleaved, and analyze; SERVER=uvicorn,daphne compares these, BRIDGE=shipped,one-hop too
	@$(RUN) -m gatebench bench

bench-wsgi: $(VENV)/bench.stamp ## measure WSGI; watch it at http://127.0.0.1:8089/gatebench meanwhile
	@$(RUN) -m gatebench bench-wsgi

bench-asgi: $(VENV)/bench.stamp ## measure ASGI
	@$(RUN) -m gatebench bench-asgi

aa: $(VENV)/bench.stamp ## measure one server against itself: how much two equal sides differ on this machine
	@$(RUN) -m gatebench aa

reproduce: $(VENV)/bench.stamp ## the article's setup, and again with Nginx's limit lifted, below the published table
	@$(RUN) -m gatebench reproduce

why: $(VENV)/bench.stamp ## where the cost of ASGI comes from: from WSGI to ASGI in single changes, TRIALS=3; half an hour
	@$(RUN) -m gatebench why

matrix: $(VENV)/bench.stamp ## every server, bridge, view and database, ranked; MATRIX=quick (three quarters of an hour) or full (more than three hours)
	@$(RUN) -m gatebench matrix

guide: $(VENV)/bench.stamp ## which interface for which kind of site: all workloads, TRIALS=3; goes on where it was
	@$(RUN) -m gatebench guide

servers: $(VENV)/bench.stamp ## the servers that SERVER takes, with their versions
	@$(RUN) -m gatebench servers

analyze: $(VENV)/bench.stamp ## tables, charts and report of the newest runs, of RUNS="results/…" or of CAMPAIGNS=all
	@$(ANALYZE) $(if $(call given,CAMPAIGNS),--campaigns "$(call given,CAMPAIGNS)") $(call given,RUNS)

compare: $(VENV)/bench.stamp ## the runs of A="results/… results/…" with those of B="results/…"
	@$(ANALYZE) --a $(call given,A) --b $(call given,B)

# Real runs wait for most of their time: there is one more at a time than cores.
test: test-quick ## all tests; those of the compose stack are skipped where no Docker engine answers
	@$(RUN) -m pytest -m whole -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --durations=10

test-quick: $(VENV)/dev.stamp ## the tests of single parts, without whole runs, on all cores
	@$(RUN) -m pytest -m "not whole" -n auto

lint: $(VENV)/dev.stamp ## ruff and mypy
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

format: $(VENV)/dev.stamp
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

lock: $(VENV)/dev.stamp ## resolve requirements/*.in anew into *.txt, with hashes
	cd requirements && for part in dev bench app load; do \
	  ../$(RUN) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-annotate --custom-compile-command "make lock" $$([ $$part = dev ] || echo -c dev.txt) $$part.in -o $$part.txt || exit; \
	done

clean: ## remove the virtual environment; results/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(VENV)/%.stamp: requirements/%.txt | $(VENV)/bin/python
	@$(WAITING) "Installing requirements/$*.txt" $(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/bin/python:
	@$(NEW_ENOUGH)
	@rm -rf $(VENV) # stamps of an environment whose Python has gone
	@$(WAITING) "Making a virtual environment in $(VENV)" $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment (Debian: apt-get install python3-venv)." >&2; exit 1; }
