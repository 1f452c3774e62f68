# Two commands for a new user: `make demo` and `make test`. The rest is for those who change the code.
# Everything is installed into .venv; with torch, for fine-tuning and for parity with it, into .venv-torch.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_VENV := .venv-torch
TORCH_BIN := $(TORCH_VENV)/bin
DEMO ?= demo
# Thirty seeds say what a hundred do, on a small catalogue, in a third of the time.
DEMO_SEEDS ?= 30

# Warnings of pip about running as root or about a newer pip are noise here.
PIP := -m pip install --quiet --disable-pip-version-check --root-user-action=ignore
FAST := not slow and not torch and not network and not real and not browser and not postgres and not ray

.DEFAULT_GOAL := help
.PHONY: help demo test coverage test-all test-slow test-postgres test-ray test-torch test-real lint format clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) -c constraints.txt -e '.[study,serve,batch,nearest]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@$(BIN)/python $(PIP) -c constraints.txt -e '.[study,serve,batch,nearest,postgres,test]'
	@touch $@

$(VENV)/.installed-ray: $(VENV)/.installed-test
	@$(BIN)/python $(PIP) -c constraints.txt -e '.[ray]' kubernetes-validate
	@touch $@

$(TORCH_VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(TORCH_BIN)/python || $(PYTHON) -m venv $(TORCH_VENV)
	@$(TORCH_BIN)/python $(PIP) torch==2.13.0
	@$(TORCH_BIN)/python $(PIP) -c constraints.txt -e '.[finetune,study,serve,batch,nearest,postgres,test]' transformers==5.23.0
	@$(TORCH_BIN)/python $(PIP) --no-deps efficientnet_lite_pytorch==0.1.0
	@touch $@

demo: $(VENV)/.installed  ## Draw the sample catalogue; study, audit and train on it; classify
	@$(BIN)/aisle demo $(DEMO) --seeds $(DEMO_SEEDS)

test: $(VENV)/.installed-test  ## Run the tests that need no network and little time
	@$(BIN)/python -m pytest -q -m "$(FAST)"

coverage: $(VENV)/.installed-test  ## The same, with the lines that no test reaches; twice as long
	@$(BIN)/python -m pytest -q -m "$(FAST)" --cov --cov-report=term

lint: $(VENV)/.installed-test  ## Style, types, and the layers of the architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test-all: lint test-slow test-postgres test-ray test-torch test-real  ## Everything that `make test` leaves out

test-slow: $(VENV)/.installed-test  ## Slow tests, the package index, a real browser
	@$(BIN)/python -m pytest -q -m "(slow or network or browser) and not torch and not real and not postgres and not ray"

test-postgres: $(VENV)/.installed-test  ## The database's tests on PostgreSQL; starts a server of its own on loopback
	@$(BIN)/python -m pytest -q -m postgres

test-ray: $(VENV)/.installed-ray  ## Batches on Ray: two nodes on this machine, actors, nodes and drivers killed
	@$(BIN)/python -m pytest -q -m ray

test-torch: $(TORCH_VENV)/.installed  ## Fine-tuning, and parity with torch on random and on published weights
	@$(TORCH_BIN)/python -m pytest -q -m torch

test-real: $(VENV)/.installed-test  ## The whole study on the real catalogue, where it lies beside the checkout
	@$(BIN)/python -m pytest -q -m real

format: $(VENV)/.installed-test  ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:  ## Remove what the other targets made, except the cache of weights and embeddings
	rm -rf $(VENV) $(TORCH_VENV) $(DEMO) .pytest_cache .mypy_cache .ruff_cache .coverage
