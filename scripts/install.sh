#!/bin/sh
# scripts/install.sh VENV LOCK: makes the virtual environment if there is none, and installs what LOCK lists.
# $PYTHON is the interpreter to make it with (default python3).
set -eu

venv=$1 lock=$2
python=${PYTHON:-python3}

fail() {
    echo "$*" >&2
    exit 1
}

command -v "$python" >/dev/null || fail "There is no $python. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old. Name a Python 3.11 or newer: make PYTHON=/path/to/python3"

# Debian takes the part that brings pip out of Python; a pip of the system's own serves as well.
if [ ! -x "$venv/bin/python" ]; then
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        without=
    elif "$python" -m pip --python "$python" --version >/dev/null 2>&1; then
        without=--without-pip
    else
        fail "This Python can't make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
    fi
    "$python" -m venv $without "$venv" || {
        rm -rf "$venv"
        fail "The virtual environment $venv could not be made; see above."
    }
fi

if "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    pip="$venv/bin/python -m pip"
else
    pip="$python -m pip --python $venv/bin/python"
fi
echo "Installing $lock into $venv …"
# shellcheck disable=SC2086 # several words
$pip install --quiet --disable-pip-version-check --no-input --require-hashes --requirement "$lock"
