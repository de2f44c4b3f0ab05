# Everything that one does here. It needs make, Python 3.11 or newer and nothing else.

PYTHON ?= python3
UV ?= uv
PORT ?= 8000
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint soak bench lock clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' Makefile

demo: .venv/.stamp ## run Latchkey with simulated homes; PORT= chooses the port, ARGS= is passed on
	@exec $(BIN)/latchkey demo --port $(PORT) $(ARGS)

test: lint ## lint, then every test
	$(BIN)/pytest -n 3 --dist worksteal

lint: .venv/.stamp ## style, format, types and the floors of the house
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

soak: .venv/.stamp ## the long forms of the tests
	$(BIN)/pytest -m soak -o faulthandler_timeout=0

bench: .venv/.stamp ## the benchmarks; ONLY=name,name runs some
	$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

lock: ## write requirements.lock anew from pyproject.toml (needs uv); ARGS=--upgrade takes newer versions
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: install it, or name it with UV=/path/to/uv." >&2; exit 1; }
	env -u UV_FIND_LINKS -u UV_INDEX -u UV_EXTRA_INDEX_URL $(UV) --no-config pip compile pyproject.toml --group dev \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-annotate --no-header --quiet --output-file requirements.lock $(ARGS)

clean: ## remove what make made; the demo's data in .latchkey stays
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.venv/.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Latchkey needs Python 3.11 or newer, and '$(PYTHON)' is not: install one, or name it with PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Installing into .venv; the first time takes about a minute."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
