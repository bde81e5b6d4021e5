# The commands of this project. Everything they need lands in .venv.
PYTHON ?= $(shell for p in python3 python3.12 python3.13 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
RUN := .venv/bin/python

.PHONY: install train test test-all lint bench constraints clean

install: .venv/installed

# constraints.txt pins every package with its hash; it is a requirements file for pip as it stands.
.venv/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "deeplearn needs Python 3.11 or newer: install one, or say make PYTHON=/path/to/python"; exit 2; }
	test -x $(RUN) || $(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

train: install
	$(RUN) -m experiments.autoencoders.vae

test: install lint
	$(RUN) -m pytest -q -n 2 --dist=loadgroup -m "not slow"

# Also what takes minutes to compile.
test-all: install lint
	$(RUN) -m pytest -q -n 2 --dist=loadgroup

lint: install
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: install
	$(RUN) -m benchmarks

# Needs uv; run after a change of the dependencies in pyproject.toml.
constraints:
	uv pip compile pyproject.toml --extra test --extra speech --universal --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --upgrade -o constraints.txt

clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .mypy_cache
