#!/bin/sh
# Makes .venv, or brings it up to requirements-dev.txt. .venv/installed.txt says what is in it, once it all is.
set -eu
cd "$(dirname "$0")/.."

if ! .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
    python=$(local/find-python.sh)
    echo "making .venv with $python"
    rm -rf .venv
    "$python" -m venv .venv
fi
rm -f .venv/installed.txt
echo "installing what requirements-dev.txt says (a minute, the first time)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
cp requirements-dev.txt .venv/installed.txt
