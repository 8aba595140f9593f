#!/bin/sh
# Resolves requirements-dev.in in an environment of its own, and writes what came of it to requirements-dev.txt; then the
# hashes of what is built into layers to their requirements.txt.
set -eu
cd "$(dirname "$0")/.."

python=$(local/find-python.sh)
rm -rf .local/lock
"$python" -m venv .local/lock
.local/lock/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.in
.local/lock/bin/python -m pip freeze > requirements-dev.txt
.local/lock/bin/python -m local.layer_locks
rm -rf .local/lock
