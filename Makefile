# Everything a person or CI does with this project. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/monsterr
PYTHON ?= python3
VENV := $(CACHE)/venv-$(shell cat requirements-dev.txt Makefile | sha256sum | cut -c1-12)
BIN := $(VENV)/bin
COLLECTIONS := $(CURDIR)/build/collections
INVENTORY ?= inventories/lab

export PATH := $(BIN):$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(COLLECTIONS)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export MONSTERR_CACHE := $(CACHE)

.PHONY: help venv rehearse test lint sanity build pytest bench docs clean

help: ## Say what can be done
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

venv: $(VENV)/ready ## Install the tools, outside of this folder
	@mkdir -p $(COLLECTIONS)/ansible_collections/monsterr
	@ln -sfn $(CURDIR) $(COLLECTIONS)/ansible_collections/monsterr/media

$(VENV)/ready:
	@echo "Installing the tools into $(VENV)"
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || tests/debian-packages python3-venv
	@rm -rf $(VENV) && mkdir -p $(CACHE)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

rehearse: venv ## Run the whole stack on throwaway twins of your hosts (INVENTORY=inventories/lab)
	@tests/can-host-lab
	ansible-playbook playbooks/rehearse.yml -i $(INVENTORY)

test: lint sanity build pytest ## Run every test; those that need twins only where there can be any

lint: venv ## Style and conventions
	ruff check .
	ruff format --check .
	yamllint --strict .
	@# It links the checkout into its home: into this one, or it would read that of another checkout.
	ANSIBLE_HOME=$(CURDIR)/build/ansible ansible-lint --offline --strict

sanity: venv ## Ansible's own checks of modules and plugins
	tests/sanity/run

build: venv ## Build the collection, and see that what is built works by itself
	tests/build

pytest: venv ## Unit tests, real servers, and, where there can be twins, the lab
	@tests/debian-packages $$(cat tests/requirements-debian.txt)
	pytest

bench: venv ## Our no-op beside the same work as conventional tasks, and other ratios
	@tests/can-host-lab
	$(BIN)/python -m tests.bench

docs: venv ## Write the reference pages from the code
	$(BIN)/python docs/generate.py

clean: ## Remove every twin, network and mount of the lab, and what was built here
	@[ ! -e $(VENV)/ready ] || $(MAKE) --no-print-directory venv
	@[ ! -e $(VENV)/ready ] || ansible localhost -m monsterr.media.lab -a 'state=absent name=all' 
	rm -rf build reports .pytest_cache .ruff_cache .hypothesis .ansible
