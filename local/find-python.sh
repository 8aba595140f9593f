#!/bin/sh
# Prints the path of a Python 3.13 that can make virtual environments, or says on stderr how to get one.
#
# 3.13 and no other: the functions' layers are built for it, and the local emulator runs them with it.
set -eu

works() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

uv_python() {
    command -v uv >/dev/null 2>&1 && uv python find --no-python-downloads 3.13 2>/dev/null || true
}

for candidate in \
    "${PYTHON:-}" \
    "$(command -v python3.13 || true)" \
    "$(command -v python3 || true)" \
    "$(command -v python || true)" \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13 \
    "$(uv_python)" \
    "${ASDF_DATA_DIR:-$HOME/.asdf}"/installs/python/3.13*/bin/python3.13 \
    "${MISE_DATA_DIR:-$HOME/.local/share/mise}"/installs/python/3.13*/bin/python3.13 \
    /usr/local/bin/python3.13 \
    /opt/homebrew/bin/python3.13 \
    /opt/python3.13/bin/python3.13 \
    /Library/Frameworks/Python.framework/Versions/3.13/bin/python3.13
do
    if [ -n "$candidate" ] && works "$candidate"; then
        echo "$candidate"
        exit 0
    fi
done

cat >&2 <<'HOW'
Tocsin needs Python 3.13 (with venv), and none was found: not as $PYTHON, on the PATH, nor where pyenv, uv,
asdf, mise, Homebrew and python.org put theirs. One of these gets it:

    uv python install 3.13
    pyenv install 3.13
    brew install python@3.13
    sudo apt install python3.13 python3.13-venv     (Debian 14, Ubuntu 25.04 and later)
    https://www.python.org/downloads/

Or say where it is: make setup PYTHON=/path/to/python3.13
HOW
exit 1
