# Everything here may be repeated, by root or by an ordinary user, and needs python3 (>= 3.11) with venv, and make.
.DEFAULT_GOAL := help
.PHONY: help install deploy run test memory check format rules sbom dist lock clean clean-data

# The first of these that is new enough; or say which: make PYTHON=/path/to/python3
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$python; break; }; done)
UV_VERSION := 0.13.9
UV_HOME := .chiso/uv-$(UV_VERSION)
UV := $(UV_HOME)/bin/uv
INSTALLED := .venv/.installed
# No Python is fetched from the network, and files are copied: links into a cache of root's would be of no use to others.
# Trust what the system trusts, e.g. an office's own proxy; uv's built-in list only where the system has none.
CERTS := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),UV_SYSTEM_CERTS=1)
UV_RUN := env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy $(CERTS) $(UV)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## .venv with everything, as locked, and the chiso command
	@:

# Of what the system has (PYTHON=/usr/bin/python3): whoever runs the service has to be able to read it.
PREFIX ?= /opt/chiso
deploy: $(UV) ## what the service runs on, as locked, and nothing else, in PREFIX=/opt/chiso (deploy/systemd)
	@env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT="$(PREFIX)" UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 \
	  $(CERTS) $(UV) sync --frozen --no-dev --no-editable --quiet --python "$(PYTHON)"
	@chmod -R go=rX "$(PREFIX)"  # whatever the umask of who installs: the service runs as a user of its own
	@"$(PREFIX)/bin/chiso" --version

run: install ## the demo province on http://127.0.0.1:8000, with its own database
	@exec .venv/bin/chiso serve --demo

test: install ## the whole suite; ARGS="tests/domain -x" for a part of it
	@exec .ci/test $(ARGS)

memory: install ## a million events, the process under 300 MB; ARGS="--events 300000" for fewer
	@exec .ci/memory $(ARGS)

bench: install ## the service beside its peers on this machine; ARGS="write --rounds 1" for a part of it
	@.ci/bench-peers || true
ifdef ARGS
	@exec .venv/bin/python -m bench $(ARGS)
else
	.venv/bin/python -m bench write
	.venv/bin/python -m bench read --scale 0.05 --no-peers
	.venv/bin/python -m bench sql --scale 0.05
endif

check: install ## style, types, import contracts
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

format: install ## put the code into shape
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

rules: ## k8s/base/monitoring/rules.yaml anew, of deploy/monitoring/alerts.yaml
	@{ sed '/^spec:/q' k8s/base/monitoring/rules.yaml; sed 's/^\(.\)/  \1/' deploy/monitoring/alerts.yaml; } >.chiso/rules.yaml
	@mv .chiso/rules.yaml k8s/base/monitoring/rules.yaml

DIST := dist
sbom: install ## what a release is made of and its licences: DIST/chiso-….cdx.json, THIRD-PARTY-LICENSES.txt
	@set -e; bill=$$($(UV_RUN) export --frozen --quiet --no-dev --format cyclonedx1.5); \
	  printf '%s' "$$bill" | .venv/bin/python .ci/sbom.py "$(DIST)"

dist: sbom ## a release: wheel and source beside them
	$(UV_RUN) build --quiet --out-dir "$(DIST)"

lock: $(UV) ## renew uv.lock after a change of pyproject.toml
	$(UV_RUN) lock --python "$(PYTHON)"

clean: ## remove .venv and caches; data and the test server's folder stay
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .chiso/uv-*
	find . -name __pycache__ -type d -not -path './.chiso/*' -prune -exec rm -rf {} +

clean-data: ## remove the embedded database's data in .chiso, wherever it was put
	@.ci/clean-data

$(UV):
	@"$(or $(PYTHON),false)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "chiso needs Python 3.11 or newer; found: $$($(or $(PYTHON),python3) --version 2>&1)." >&2; \
	  echo "Install one, or name it: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@mkdir -p .chiso
	@"$(PYTHON)" -m venv --clear "$(UV_HOME)" || { \
	  rm -rf "$(UV_HOME)"; \
	  echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@"$(UV_HOME)/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"

$(INSTALLED): pyproject.toml uv.lock hatch_build.py $(UV)
	@$(UV_RUN) sync --frozen --quiet --python "$(PYTHON)"
	@touch $@
